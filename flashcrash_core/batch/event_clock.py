"""The event clock over arrays: :class:`~flashcrash_core.market.clock.EventClock` once more, for the compiled pass.

Functions of this package take ``s``, the numbers of the state, and ``f``, its floats; see pass_state.py for what stands where.
"""

from typing import Any

from flashcrash_core.batch.pass_state import (
    AGREEING,
    LATENCY_US,
    LEAP_RECEIVE_US,
    LEAP_US,
    LEAST_KNOWN,
    LEAST_US,
    N_LATE,
    N_TIME_LEAP,
    NEXT_ROW_US,
    NOW_US,
    QUOTE_SINCE_US,
    RECEIVE_US,
    SLOW,
    STEPS,
    TIMED,
)
from flashcrash_core.market.clock import _AGREEING as ENOUGH_AGREE
from flashcrash_core.market.clock import FUTURE, LATE, LATE_TOLERANCE_US, MAX_LEAP_US
from flashcrash_core.market.features import GRID_US
from flashcrash_core.market.tape.columns import NONE

__all__ = ["admit", "start_grid"]


def admit(s: Any, own_us: int, receive_us: int) -> int:
    """The time at which an event acts, or LATE or FUTURE; counts it, and opens the grid at the first."""
    now_us: int = s[NOW_US]
    if own_us == NONE:
        s[LATENCY_US] = -1
    else:
        if own_us > now_us:
            ahead_us = own_us - now_us - (receive_us - s[RECEIVE_US])
            if now_us != 0 and ahead_us > MAX_LEAP_US and not _stepped(s, own_us, receive_us):
                s[N_TIME_LEAP] += 1
                return FUTURE
            now_us = own_us
            s[NOW_US] = own_us
        elif own_us < now_us - LATE_TOLERANCE_US:
            s[N_LATE] += 1
            s[TIMED] += 1
            s[SLOW] += 1
            return LATE
        s[AGREEING] = 0
        s[RECEIVE_US] = receive_us
        raw_us = receive_us - own_us
        if s[LEAST_KNOWN] == 0 or raw_us < s[LEAST_US]:
            s[LEAST_KNOWN] = 1
            s[LEAST_US] = raw_us
        s[LATENCY_US] = raw_us - s[LEAST_US]
    if s[NEXT_ROW_US] == 0 and now_us != 0:
        start_grid(s, now_us)
    return now_us


def start_grid(s: Any, act_us: int) -> None:
    """Open the row that holds ``act_us``."""
    s[NEXT_ROW_US] = act_us - act_us % GRID_US + GRID_US
    s[QUOTE_SINCE_US] = act_us


def _stepped(s: Any, own_us: int, receive_us: int) -> bool:
    apart_us = own_us - s[LEAP_US] - (receive_us - s[LEAP_RECEIVE_US])
    agrees = s[AGREEING] != 0 and -MAX_LEAP_US <= apart_us <= MAX_LEAP_US
    s[AGREEING] = s[AGREEING] + 1 if agrees else 1
    s[LEAP_US] = own_us
    s[LEAP_RECEIVE_US] = receive_us
    if s[AGREEING] < ENOUGH_AGREE:
        return False
    s[STEPS] += 1
    s[LEAST_KNOWN] = 0
    s[LEAST_US] = 0
    return True
