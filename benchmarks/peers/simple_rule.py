"""The simple rule that every engine computes, so that the work compared is the same.

At every 100 ms row: "down" while mid <= (highest mid of the last 300 rows, this one included) * (1 - 10 bp), else "up". A row
covers [t - 100 ms, t) of exchange time. Mids are counted in half ticks (best bid + best ask, in ticks), so nothing is rounded. A
digest over all of them is kept as well: engines that agree in it saw the same book at every row. Plain Python over indexable rings;
numba compiles the same source.
"""

# mypy: ignore-errors

GRID_US = 100_000
WINDOW_ROWS = 300
FALL = 0.001

ROWS, CHANGES, DIGEST = 2, 4, 5
STATE_SIZE = 6
"""``at`` holds the ring's head and length, rows so far, whether the state is down, its changes, and the digest."""
_PRIME = 2_147_483_647


def rule_step(mids, rows, at, mid):
    """Take the mid of a row. ``mids`` and ``rows`` are rings of WINDOW_ROWS: the falling mids of the window, the highest first."""
    row = at[2]
    at[2] = row + 1
    at[5] = (at[5] * 31 + mid) % _PRIME
    while at[1] > 0 and mids[(at[0] + at[1] - 1) % WINDOW_ROWS] <= mid:
        at[1] -= 1
    if at[1] > 0 and rows[at[0]] <= row - WINDOW_ROWS:
        at[0] = (at[0] + 1) % WINDOW_ROWS
        at[1] -= 1
    slot = (at[0] + at[1]) % WINDOW_ROWS
    mids[slot] = mid
    rows[slot] = row
    at[1] += 1
    down = 1 if mid <= mids[at[0]] * (1.0 - FALL) else 0
    if down != at[3]:
        at[3] = down
        at[4] += 1
    return down


def outcome_of(mids):
    """Rows, state changes and digest over all mids (integers, half ticks)."""
    ring, numbers, at = [0] * WINDOW_ROWS, [0] * WINDOW_ROWS, [0] * STATE_SIZE
    for mid in mids:
        rule_step(ring, numbers, at, mid)
    return {"rows": at[ROWS], "state_changes": at[CHANGES], "digest": at[DIGEST]}
