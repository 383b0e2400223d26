"""The detector against a naive reading of the table: a list of rows, looked back over for every row, no clocks kept."""

import random
from math import ceil, log

import msgspec
import pytest
from attrs import define, field

from flashcrash_core.detection.settings import DetectorConfig

SCENARIOS = {
    "default": {"direction_gate": False},
    "gated": {},
    "short": {
        "hold_s": 0.7, "alert_max_s": 3.0, "alert_release_s": 1.0, "active_max_s": 4.0, "active_release_s": 0.8,
        "recovery_max_s": 6.0, "recovery_calm_s": 2.0, "freeze_max_s": 5.0, "unhealthy_sleep_s": 1.5, "direction_gate": False,
    },
    "quick": {
        "hold_s": 0.0, "dip_tolerance_s": 0.0, "dwell_s": 0.2, "alert_hold_s": 0.1, "alert_release_s": 0.5, "active_release_s": 0.3,
        "recovery_calm_s": 1.0, "recovery_return_s": 0.2, "unhealthy_sleep_s": 0.5, "warmup_s": 3.0, "velocity_memory_s": 0.5,
    },
}  # fmt: skip


@define
class Row:
    """What one row says."""

    count: int
    n: int
    velocity: bool
    price: float
    low: float
    sigma: float
    bad: int
    flat: bool
    needed: int = 0
    fall: float = 0.0
    new_low: bool = False


@define
class Model:
    """Section 3.2, row by row."""

    config: DetectorConfig
    state: str = "SLEEP"
    rows: list[Row] = field(factory=list)
    healthy: list[Row] = field(factory=list)
    entered: int = 0  # index into the healthy rows
    warm_from: int = 0
    bad_run: int = 0
    event_low: float = float("inf")
    left: int = 0
    moves: list[tuple[int, str, str, str]] = field(factory=list)

    def held(self, good, seconds, since=0):
        """True in the newest healthy row and every one back to ``seconds`` ago."""
        back = ceil(round(seconds * 10, 6))
        now = len(self.healthy) - 1
        return now - back >= since and all(good(self.healthy[i]) for i in range(now - back, now + 1))

    def agreed(self):
        """C >= K now, and since ``hold`` ago with no run of other rows longer than the tolerated dip."""
        rows, c = self.healthy, self.config
        if rows[-1].count < rows[-1].needed:
            return False
        first = last = len(rows) - 1
        for i in range(len(rows) - 1, -1, -1):
            if rows[i].count >= rows[i].needed:
                first = last = i
            elif last - i > round(c.dip_tolerance_s * 10):
                break
        return len(rows) - 1 - first >= ceil(round(c.hold_s * 10, 6))

    def falling(self):
        """The direction gate with the bench's sigma_B of 1e-4."""
        c, row = self.config, self.rows[-1]
        floor = max((100 if row.n <= 3 else 30) * 1e-4, c.drawdown_sigmas * 1e-4 * c.drawdown_window_s**0.5)
        return not c.direction_gate or row.fall <= -floor

    def take(self, row):
        """One row; appends to ``moves``."""
        c, at = self.config, len(self.rows)
        self.rows.append(row)
        spiked = any(r.velocity for r in self.rows[-round(c.velocity_memory_s * 10) - 1 :])
        row.needed = c.confirmations_with_velocity if spiked and row.n >= 3 else c.confirmations
        row.fall = log(row.price / max(r.price for r in self.rows[-300:]))
        if self.state != "SLEEP" and row.low < self.event_low:
            row.new_low, self.event_low = True, row.low
        if row.bad:
            self.bad_run += 1
            if row.flat and self.state in ("ALERT", "ACTIVE") and self.bad_run > c.unhealthy_sleep_s * 10:
                self.warm_from = at
                self.go(at, "SLEEP", "unhealthy")
            return
        self.bad_run = 0
        self.healthy.append(row)
        now = len(self.healthy) - 1
        if now - self.entered >= round(c.dwell_s * 10):
            step = getattr(self, "from_" + self.state.lower())(at, now - self.entered, row)
            if step:
                self.go(at, *step)

    def go(self, at, target, reason):
        """Change state."""
        if self.state == "SLEEP":
            self.event_low = self.rows[at].low
            self.left = len(self.healthy) - 1
        self.moves.append((at, self.state, target, reason))
        self.state, self.entered = target, len(self.healthy) - 1

    def from_sleep(self, at, age, row):
        c = self.config
        warm = at - self.warm_from >= c.warmup_s * 10 and row.n >= 3
        wake = self.held(lambda r: r.count >= 2 or (r.count >= 1 and r.velocity and r.fall <= -30e-4), c.alert_hold_s)
        if warm and wake:
            return "ALERT", "agreement" if row.count >= 2 else "velocity_and_fall"
        return None

    def from_alert(self, at, age, row):
        c = self.config
        if row.n >= 3 and self.agreed() and self.falling():
            return "ACTIVE", "confirmed"
        if self.held(lambda r: r.count < 2, c.alert_release_s, self.entered):
            return "SLEEP", "released"
        return ("SLEEP", "alert_timeout") if age > c.alert_max_s * 10 else None

    def from_active(self, at, age, row):
        c = self.config
        if self.held(lambda r: r.count <= 1, c.active_release_s) and self.held(
            lambda r: not r.new_low, c.active_release_s, self.left
        ):
            return "RECOVERY", "released"
        return ("RECOVERY", "timeout") if age > c.active_max_s * 10 else None

    def from_recovery(self, at, age, row):
        c = self.config
        if row.n >= 3:
            if self.held(lambda r: r.count >= r.needed, c.recovery_return_s) and self.falling():
                return "ACTIVE", "confirmed_again"
            if row.new_low and row.count >= 2:
                return "ACTIVE", "new_low"
        if self.held(lambda r: r.count == 0 and r.sigma < 2e-4, c.recovery_calm_s, self.entered):
            return "SLEEP", "calm"
        return ("SLEEP", "recovery_timeout") if age > c.recovery_max_s * 10 else None


def script(rng, length):
    """Rows in stretches of alike ones, with single rows out of line and a price that falls in jumps."""
    rows, price = [], 100.0
    while len(rows) < length:
        count, velocity = rng.choice([0, 0, 1, 2, 3, 3, 5]), rng.random() < 0.3
        n, bad, flat = rng.choice([5] * 6 + [3, 2]), int(rng.random() < 0.12), rng.random() < 0.8
        drift, sigma = rng.choice([0.0, 0.0, -3e-4, 2e-4]), rng.choice([1e-4] * 4 + [3e-4])
        for _ in range(rng.choice([1, 2, 3, 4, 5, 8, 20, 35, 60])):
            price *= 1 + drift
            odd = rng.random() < 0.05
            here = min(n, rng.randrange(6) if odd else count)
            unhealthy = int(bool(bad) and bool(rows))  # the first row starts the clock
            rows.append(Row(here, n, velocity, price, price * (1 - 1e-4 * (rng.random() < 0.2)), sigma, unhealthy, flat))
    return rows


def feed(b, row):
    """One script row to the detector."""
    b.row(
        row.count, n=row.n, velocity=row.velocity, price=row.price, low=row.low,
        bad=row.bad, flat=row.flat, sigma=row.sigma,
    )  # fmt: skip


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("seeds", [range(40), range(40, 80)], ids=str)
def test_detector_equals_the_naive_table(bench, scenario, seeds):
    """The same transitions, in the same rows, for the same reasons, on random scripts."""
    seen = set()
    for seed in seeds:
        b = bench(**({"direction_gate": True} | SCENARIOS[scenario]))
        model = Model(b.config)
        for row in script(random.Random(seed), 700):
            feed(b, row)
            model.take(row)
            assert b.moves[-1:] == model.moves[-1:], f"{scenario} seed {seed} row {b.at}"
        assert b.moves == model.moves, f"{scenario} seed {seed}"
        seen |= {move[1:] for move in b.moves}
    assert len(seen) >= 5, f"the scripts reach too little of the table: {seen}"


@pytest.mark.parametrize("seed", range(30))
def test_a_restored_detector_has_the_same_future(bench, seed):
    """A snapshot at any row, through msgpack, continues with the same transitions and ends in the same state."""
    rng = random.Random(seed)
    settings = SCENARIOS[rng.choice(list(SCENARIOS))]
    rows = script(rng, 600)
    whole, first, second = bench(**settings), bench(**settings), bench(**settings)
    cut = rng.randrange(1, len(rows))
    for row in rows[:cut]:
        feed(whole, row)
        feed(first, row)
    second.detector.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(first.detector.snapshot())))
    second.at, second.moves = first.at, first.moves
    for row in rows[cut:]:
        feed(whole, row)
        feed(second, row)
    assert second.moves == whole.moves, f"seed {seed} cut {cut}"
    assert second.detector.snapshot() == whole.detector.snapshot(), f"seed {seed} cut {cut}"
