"""What must hold for every indicator on any market: causality, invariances, guarded baselines, snapshots.

Windows are shortened so that a whole life of each indicator (warm-up, baseline, wrapped rings) fits into a minute of rows.
"""

import random
from collections.abc import Callable
from math import exp, isinf, isnan, nan
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from flashcrash_core.api import FeatureRow
from flashcrash_core.testing import EPOCH_US, drive, make_rows, rows_of

Build = Callable[..., Any]
SECONDS = 60
SMALL: dict[str, dict[str, Any]] = {
    "volatility": {"window_s": 3, "guard_s": 2, "baseline_s": 12, "min_samples": 8, "block_history_s": 30, "block_min": 2},
    "spread": {"guard_s": 2, "baseline_s": 10, "min_samples": 4},
    "volume_delta": {"guard_s": 2, "baseline_s": 12, "min_samples": 3},
    "message_velocity": {"guard_s": 2, "baseline_s": 10, "min_samples": 4},
    "depth": {"guard_s": 2, "baseline_s": 10, "min_samples": 4},
}
SEED_READING: dict[str, dict[str, Any]] = {
    "volatility": {"statistic": "std", "inclusive": True, "window_s": 3, "baseline_s": 12, "min_samples": 8, "block_history_s": 0},
    "acceleration": {"formula": "seed"},
    "imbalance": {"depth": "levels", "smoothing_ms": 100},
    "spread": {"statistic": "row_end", "baseline_s": 12, "min_samples": 4},
    "volume_delta": {"statistic": "std", "window_s": 1, "baseline_s": 12, "min_samples": 3},
    "message_velocity": {"statistic": "mean", "baseline_s": 12, "min_samples": 4},
    "depth": {"inclusive": True, "baseline_s": 10, "min_samples": 4},
}
LOOKBACK_ROWS = {"volatility": 50, "spread": 30, "volume_delta": 40, "message_velocity": 30, "depth": 21}
"""Rows of window and guard under ``SMALL``."""

market_seeds = st.integers(0, 2**32 - 1)
quick = settings(
    max_examples=6,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],  # a smaller seed is not a simpler market: shrinking would only take time
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def market(seed: int, *, start_us: int = EPOCH_US, scale: float = 1.0) -> list[FeatureRow]:
    """A wild minute: fat-tailed prices, empty seconds, gaps, unusable books. Prices in ticks of ``0.01 * scale``."""
    rng = random.Random(seed)
    ticks, bars, closes = 10_000, [], []
    for _ in range(SECONDS):
        opened = ticks
        ticks = max(5000, round(ticks * exp(rng.gauss(0.0, rng.choice([1e-4, 3e-3])))))
        low, high = min(opened, ticks) - rng.randrange(20), max(opened, ticks) + rng.randrange(20)
        volume = rng.choice([0.0, rng.expovariate(1e-4), rng.expovariate(1e-4)])
        bars.append((opened * 0.01 * scale, high * 0.01 * scale, low * 0.01 * scale, ticks * 0.01 * scale, volume))
        closes.append(ticks * 0.01 * scale)
    m = rows_of(SECONDS)
    usable = [int(rng.random() > 0.05) for _ in range(m)]
    covered = [rng.choice([0, 30_000, 100_000]) for _ in range(m)]
    columns: dict[str, list[Any]] = {
        "unhealthy": [int(rng.random() < 0.01) for _ in range(m)],
        "book_usable": usable,
        "covered_us": covered,
        "spread_tw": [rng.expovariate(1e4) if c else nan for c in covered],
        "spread_end": [rng.expovariate(1e4) if u else nan for u in usable],
        "band_bid_qty": [rng.choice([0.0, rng.random()]) for _ in range(m)],
        "band_ask_qty": [rng.choice([0.0, rng.random()]) for _ in range(m)],
        "top_bid_qty": [rng.random() for _ in range(m)],
        "top_bid_notional": [rng.expovariate(1e-5) for _ in range(m)],
        "exit_notional": [rng.expovariate(1e-5) for _ in range(m)],
        "top_ask_notional": [rng.expovariate(1e-5) for _ in range(m)],
        "buy_notional": [rng.choice([0.0, rng.expovariate(1e-3)]) for _ in range(m)],
        "sell_notional": [rng.choice([0.0, rng.expovariate(1e-3)]) for _ in range(m)],
        "trades": [rng.randrange(20) for _ in range(m)],
        "quotes": [rng.randrange(20) for _ in range(m)],
        "updates": [rng.randrange(200) for _ in range(m)],
    }
    return make_rows(closes, start_us=start_us, bars=bars, gaps=[k for k in range(SECONDS) if rng.random() < 0.03], columns=columns)


@pytest.fixture(params=["robust", "seed"])
def make(request: pytest.FixtureRequest, build: Build) -> Build:
    """``make(name, tick="0.01")``: an indicator with short windows, in both readings."""
    windows = SMALL if request.param == "robust" else SEED_READING
    return lambda name, tick="0.01": build(name, tick, **windows.get(name, {}))


@quick
@given(seed=market_seeds, other=market_seeds, cut=st.integers(0, rows_of(SECONDS)))
def test_future_changes_nothing_in_the_past(make: Build, name: str, seed: int, other: int, cut: int) -> None:
    """Readings up to a row are the same whatever comes after it, and the same when nothing comes."""
    past = market(seed)[:cut]
    alone = drive(make(name), past)
    together = drive(make(name), past + market(other)[cut:])
    assert repr(together[:cut]) == repr(alone)


@quick
@given(seed=market_seeds, minutes=st.integers(1, 10_000))
def test_time_shift_changes_nothing(make: Build, name: str, seed: int, minutes: int) -> None:
    """Shifted by whole minutes (every alignment divides one), the readings are equal to the bit."""
    shifted = market(seed, start_us=EPOCH_US + minutes * 60_000_000)
    assert repr(drive(make(name), shifted)) == repr(drive(make(name), market(seed)))


@quick
@given(seed=market_seeds, exponent=st.integers(-6, 6))
def test_price_scale_changes_nothing(make: Build, name: str, seed: int, exponent: int) -> None:
    """Prices and tick times a constant leave every reading as it was (notionals held fixed)."""
    factor = 10.0**exponent
    tick = f"{0.01 * factor:.8f}"
    plain = drive(make(name), market(seed))
    scaled = drive(make(name, tick), market(seed, scale=factor))
    for (s, b), (s2, b2) in zip(plain, scaled, strict=True):
        assert s2 == pytest.approx(s, rel=1e-6, abs=1e-10, nan_ok=True), f"seed {seed}, scale {factor}"
        assert b2 == pytest.approx(b, rel=1e-6, abs=1e-10, nan_ok=True), f"seed {seed}, scale {factor}"


@pytest.mark.parametrize("guarded", sorted(LOOKBACK_ROWS))
@quick
@given(seed=market_seeds, other=market_seeds, end=st.integers(250, rows_of(SECONDS)))
def test_nothing_inside_window_or_guard_moves_the_baseline(build: Build, guarded: str, seed: int, other: int, end: int) -> None:
    """Replacing every row of W and G by another market's leaves the baseline of that row equal to the bit."""
    rows = market(seed)[:end]
    cut = end - LOOKBACK_ROWS[guarded]
    changed = rows[:cut] + market(other)[cut:end]
    a = drive(build(guarded, **SMALL[guarded]), rows)[-1][1]
    b = drive(build(guarded, **SMALL[guarded]), changed)[-1][1]
    assert repr(a) == repr(b)


@quick
@given(seed=market_seeds, cut=st.integers(0, rows_of(SECONDS)))
def test_snapshot_round_trip_goes_on_as_if_nothing_happened(make: Build, name: str, seed: int, cut: int) -> None:
    """State lists through msgpack into a fresh indicator: the rest of the readings is equal to the bit."""
    rows = market(seed)
    first = make(name)
    drive(first, rows[:cut])
    packed = msgspec.msgpack.encode([list(part) for part in first.state])
    second = make(name)
    for part, values in zip(second.state, msgspec.msgpack.decode(packed), strict=True):
        part[:] = values
    assert repr(drive(second, rows[cut:])) == repr(drive(first, rows[cut:]))


@quick
@given(seed=market_seeds)
def test_shapes_and_numbers_are_as_declared(make: Build, spec: Build, name: str, seed: int) -> None:
    """Every row yields the declared numbers of floats, never an infinity, and a missing value never fires."""
    indicator, declared = make(name), spec(name)
    was = False
    for statistic, baseline in drive(indicator, market(seed)):
        assert (len(statistic), len(baseline)) == (len(declared.statistics), len(declared.baselines))
        assert all(isinstance(x, float) and not isinf(x) for x in statistic + baseline), (statistic, baseline)
        value, was = indicator.judge(statistic, baseline or (1e-4,), indicator.levels, was)
        assert not (isnan(value) and was)


def test_every_indicator_reads_on_this_market(make: Build, name: str) -> None:
    """The market above is no empty test bed: each indicator gives values on most of its second half."""
    indicator = make(name)
    values = [indicator.judge(s, b or (1e-4,), indicator.levels, False)[0] for s, b in drive(indicator, market(7))]
    half = values[len(values) // 2 :]
    assert sum(not isnan(v) for v in half) > len(half) // 3, "seed 7"


def test_settings_that_contradict_each_other_are_refused(build: Build) -> None:
    """A release beyond its trigger, and a sample count that can never be met, fail at build time and say what to change."""
    with pytest.raises(ValueError, match=r"release 6\.0 must not lie above trigger 5\.0"):
        build("volatility", release=6.0)
    with pytest.raises(ValueError, match=r"release -0\.9 must not lie below trigger -0\.8"):
        build("imbalance", release=-0.9)
    for name in ("volatility", "spread", "volume_delta", "message_velocity", "depth"):
        with pytest.raises(ValueError, match="lower it"):
            build(name, min_samples=100_000)
