"""I5 volume delta and I6 message velocity against the reference's vector and plain sums over the rows."""

import random
from collections.abc import Callable
from math import inf, isnan, nan
from statistics import median
from typing import Any

import pytest

from flashcrash_core.testing import EPOCH_US, drive, make_rows, rows_of
from flashcrash_indicators.rolling import median as ring_median
from flashcrash_indicators.rolling import median_deviation, population_push

Build = Callable[..., Any]


def flow(seconds: int, seed: int) -> dict[str, list[Any]]:
    """Seeded notionals and counts, row by row."""
    rng = random.Random(seed)
    m = rows_of(seconds)
    return {
        "buy_notional": [rng.expovariate(1e-3) if rng.random() < 0.7 else 0.0 for _ in range(m)],
        "sell_notional": [rng.expovariate(1e-3) if rng.random() < 0.7 else 0.0 for _ in range(m)],
        "trades": [rng.randrange(4) for _ in range(m)],
        "quotes": [rng.randrange(9) for _ in range(m)],
        "updates": [rng.randrange(90) for _ in range(m)],
    }


def test_robust_z_vector() -> None:
    """Population -2,-1,0,1,2,3,-3,0,1,-1 and x = -10: median 0, MAD 1, Z -6.744908 (section 11)."""
    population = [-2.0, -1.0, 0.0, 1.0, 2.0, 3.0, -3.0, 0.0, 1.0, -1.0]
    ring, ordered, at = [nan] * 10, [inf] * 10, [0, 0]
    for x in population:
        population_push(ring, ordered, at, 0, x)
    center = ring_median(ordered, at[1])
    mad = median_deviation(ordered, at[1], center)
    assert (center, mad) == (0.0, 1.0)
    assert (-10.0 - center) / (1.4826 * mad) == pytest.approx(-6.744908, abs=5e-7)


def test_robust_z_vector_through_the_indicator(build: Build) -> None:
    """The same population as 2-s flows, without the floors: the judge says -6.744908."""
    population = [-2.0, -1.0, 0.0, 1.0, 2.0, 3.0, -3.0, 0.0, 1.0, -1.0]
    seconds = 2 * len(population) + 2
    settings = {"guard_s": 0, "baseline_s": 20, "min_samples": 10, "gross_floor": 0.0, "quote_floor": 0.0}
    m = rows_of(seconds)
    buys, sells = [0.0] * m, [0.0] * m
    for k, d in enumerate([*population, -10.0]):
        (buys if d > 0 else sells)[20 * k + 4] = abs(d)
    rows = make_rows([100.0] * seconds, columns={"buy_notional": buys, "sell_notional": sells})[: 10 * seconds]
    indicator = build("volume_delta", **settings)
    z, fired = indicator.judge(*drive(indicator, rows)[-1], indicator.levels, False)
    assert z == pytest.approx(-6.744908, abs=5e-7)
    assert fired


def test_volume_delta_equals_its_definition(build: Build) -> None:
    """D_W rolls over 2 s; the population is the aligned 2-s sums that ended 12 s ago or earlier, at most 300 of them."""
    seed = 41
    seconds = 640
    data = flow(seconds, seed)
    net = [b - s for b, s in zip(data["buy_notional"], data["sell_notional"], strict=True)]
    gross = [b + s for b, s in zip(data["buy_notional"], data["sell_notional"], strict=True)]
    pairs = drive(build("volume_delta"), make_rows([100.0] * seconds, columns=data))
    for i in range(19, len(net), 37):
        (delta, total), (center, scale, usual) = pairs[i]
        assert delta == pytest.approx(sum(net[i - 19 : i + 1]), rel=1e-12, abs=1e-9)
        assert total == pytest.approx(sum(gross[i - 19 : i + 1]), rel=1e-12)
        ended = (i + 1) // 20  # windows that have ended
        blocks = range(max(0, ended - 6 - 300), max(0, ended - 6))
        if len(blocks) < 120:
            assert isnan(center)
            continue
        deltas = [sum(net[20 * k : 20 * k + 20]) for k in blocks]
        grosses = [sum(gross[20 * k : 20 * k + 20]) for k in blocks]
        mad = median([abs(x - median(deltas)) for x in deltas])
        assert center == pytest.approx(median(deltas), rel=1e-9, abs=1e-9), f"seed {seed}, row {i}"
        assert scale == pytest.approx(max(1.4826 * mad, 0.05 * median(grosses), 1000.0), rel=1e-9), f"seed {seed}, row {i}"
        assert usual == pytest.approx(median(grosses), rel=1e-12)


def test_volume_delta_needs_120_windows(build: Build) -> None:
    """The baseline appears 252 s after an aligned start (254 s from any other), not earlier."""
    rows = make_rows([100.0] * 256)
    first = next(r.t_us for r, p in zip(rows, drive(build("volume_delta"), rows), strict=True) if not isnan(p[1][0]))
    assert first - EPOCH_US == 252_000_000
    start_us = EPOCH_US + 1_000_000
    rows = make_rows([100.0] * 256, start_us=start_us)
    first = next(r.t_us for r, p in zip(rows, drive(build("volume_delta"), rows), strict=True) if not isnan(p[1][0]))
    assert first - start_us == 253_000_000


def test_window_with_a_gap_is_no_sample(build: Build) -> None:
    """A 2-s window with a feed gap inside does not enter the population."""
    seconds = 40
    flags = [0] * rows_of(seconds)
    flags[45] = 1
    settings = {"guard_s": 0, "baseline_s": 20, "min_samples": 2}
    rows = make_rows([100.0] * seconds, columns={"unhealthy": flags})
    indicator = build("volume_delta", **settings)
    for k, _ in enumerate(drive(indicator, rows[:100])):
        del k
    assert indicator.state.deltas_at[1] == 3  # of windows 0 to 3 (window 4 is the current one), number 2 is missing


def test_volume_delta_judge_has_three_gates(build: Build) -> None:
    """Z <= -3 alone does not fire: I <= -0.5 and usual gross volume are asked for; release by Z or by I."""
    indicator = build("volume_delta")
    base = (0.0, 1000.0, 5000.0)

    def judge(delta: float, gross: float, was: bool = False) -> tuple[float, bool]:
        return indicator.judge((delta, gross), base, indicator.levels, was)

    assert judge(-3000.0, 6000.0) == (-3.0, True)
    assert not judge(-2999.0, 5500.0)[1]
    assert not judge(-3000.0, 6001.0)[1]
    assert not judge(-3000.0, 4999.0)[1]
    assert judge(-1500.0, 7500.0, True)[1]
    assert not judge(-1499.0, 3000.0, True)[1]
    assert not judge(-1500.0, 7501.0, True)[1]
    assert isnan(indicator.judge((-3000.0, 6000.0), (0.0, nan, nan), indicator.levels, True)[0])


def test_no_trades_at_all_reads_and_does_not_fire(build: Build) -> None:
    """Without volume I is undefined: Z still reads, its gate is not met, and a fired flag is released."""
    indicator = build("volume_delta")
    assert indicator.judge((0.0, 0.0), (5000.0, 1000.0, 0.0), indicator.levels, False) == (-5.0, False)
    assert indicator.judge((0.0, 0.0), (5000.0, 1000.0, 0.0), indicator.levels, True) == (-5.0, False)


def test_message_velocity_equals_its_definition(build: Build) -> None:
    """Counts of the last second, and per source the floored median of whole seconds that ended 6 s ago or earlier."""
    seed = 51
    seconds = 330
    data = flow(seconds, seed)
    pairs = drive(build("message_velocity"), make_rows([100.0] * seconds, columns=data))
    for i in range(9, len(pairs), 23):
        for source, name in enumerate(("trades", "quotes", "updates")):
            assert pairs[i][0][source] == sum(data[name][i - 9 : i + 1])
            whole = (i + 1) // 10
            counts = [sum(data[name][10 * k : 10 * k + 10]) for k in range(max(0, whole - 306), max(0, whole - 6))]
            if len(counts) < 240:
                assert isnan(pairs[i][1][source])
            else:
                assert pairs[i][1][source] == max(median(counts), 5.0), f"seed {seed}, row {i}, {name}"


def test_gap_inside_the_window_is_missing(build: Build) -> None:
    """For ten rows from a feed gap on there is no reading, and the seconds that it touches are no samples."""
    seconds = 300
    flags = [0] * rows_of(seconds)
    flags[2904] = 1
    rows = make_rows([100.0] * seconds, columns={"unhealthy": flags})
    indicator = build("message_velocity")
    missing = [
        i
        for i, (s, b) in enumerate(drive(indicator, rows))
        if i > 2600 and isnan(indicator.judge(s, b, indicator.levels, False)[0])
    ]
    assert missing == list(range(2904, 2914))


def test_velocity_without_a_book_rests_on_trades(build: Build) -> None:
    """Sources that never delivered stay missing; a burst of trades fires all the same."""
    seconds = 260
    trades = [1] * rows_of(seconds)
    trades[-5:] = [20] * 5
    indicator = build("message_velocity")
    pairs = drive(indicator, make_rows([100.0] * seconds, has_book=False, columns={"trades": trades}))
    (n, quotes, updates), baseline = pairs[-1]
    assert (n, baseline[0]) == (105.0, 10.0)
    assert all(isnan(x) for x in (quotes, updates, *baseline[1:]))
    assert indicator.judge(*pairs[-1], indicator.levels, False) == (10.5, True)


def test_velocity_judge_takes_the_largest_source(build: Build) -> None:
    """lambda is the largest ratio; any source above 3 that exceeds its baseline by 5 sqrt(base) fires; released below 2."""
    indicator = build("message_velocity")

    def judge(statistic: tuple[float, ...], baseline: tuple[float, ...], was: bool = False) -> tuple[float, bool]:
        return indicator.judge(statistic, baseline, indicator.levels, was)

    assert judge((31.0, 10.0, nan), (10.0, 10.0, nan)) == (3.1, True)
    assert judge((16.0, nan, nan), (5.0, nan, nan)) == (3.2, False)  # 5 + 5 sqrt(5) = 16.2
    assert judge((16.0, 31.0, nan), (5.0, 10.0, nan)) == (3.2, True)  # the second source passes both tests
    assert judge((16.0, 30.0, nan), (5.0, 10.0, nan)) == (3.2, False)  # ... and here neither
    assert judge((20.0, 5.0, nan), (10.0, 10.0, nan), True) == (2.0, True)
    assert judge((19.0, 5.0, nan), (10.0, 10.0, nan), True) == (1.9, False)
    assert judge((20.0, nan, nan), (10.0, nan, nan)) == (2.0, False)
    assert isnan(judge((nan, 5.0, nan), (10.0, nan, nan))[0])
