"""I3 imbalance, I4 spread and I8 depth: definitions, gates, and what they do with a book that cannot be used."""

import random
from collections.abc import Callable
from math import isnan, nan
from statistics import median
from typing import Any

import pytest

from flashcrash_core.detection.judgement import Judgement
from flashcrash_core.testing import EPOCH_US, drive, make_rows, row, rows_of

Build = Callable[..., Any]
UNUSABLE = {"book_usable": 0, "bid": nan, "ask": nan, "spread_end": nan}


def columns(seconds: int, seed: int) -> dict[str, list[Any]]:
    """Seeded spreads, coverage and depth, row by row."""
    rng = random.Random(seed)
    m = rows_of(seconds)
    covered = [rng.choice([0, 40_000, 100_000, 100_000]) for _ in range(m)]
    return {
        "covered_us": covered,
        "spread_tw": [1e-4 * (1 + rng.random()) if c else nan for c in covered],
        "spread_end": [1e-4 * (1 + rng.random()) for _ in range(m)],
        "top_bid_notional": [1e5 * (1 + rng.random()) for _ in range(m)],
        "top_ask_notional": [1e5 * (1 + rng.random()) for _ in range(m)],
    }


def test_imbalance_is_the_median_of_five_rows(build: Build) -> None:
    """The statistic is the median of (Vb - Va) / (Vb + Va) over the last 500 ms."""
    bids = [10.0, 1.0, 30.0, 10.0, 5.0, 90.0, 0.0]
    rows = [row(EPOCH_US + (i + 1) * 100_000, band_bid_qty=b, band_ask_qty=10.0) for i, b in enumerate(bids)]
    readings = [(b - 10.0) / (b + 10.0) for b in bids]
    expected = [median(readings[max(0, i - 4) : i + 1]) for i in range(len(bids))]
    assert [pair[0][0] for pair in drive(build("imbalance"), rows)] == pytest.approx(expected, rel=1e-12)


def test_vanished_bids_are_minus_one_and_an_empty_book_is_missing(build: Build) -> None:
    """Vb = 0 with Va > 0 is a valid -1; both 0 is missing, and so is an unusable book."""
    indicator = build("imbalance")
    assert drive(indicator, [row(band_bid_qty=0.0)])[0] == ((-1.0,), ())
    assert isnan(drive(build("imbalance"), [row(band_bid_qty=0.0, band_ask_qty=0.0)])[0][0][0])
    assert isnan(drive(indicator, [row(**UNUSABLE)])[0][0][0])


def test_imbalance_judge(build: Build) -> None:
    """Fires at -0.8, stays until above -0.6."""
    indicator = build("imbalance")
    flags = []
    was = False
    for value in (-0.79, -0.8, -0.61, -0.6, -0.59, -0.7):
        _, was = indicator.judge((value,), (), indicator.levels, was)
        flags.append(was)
    assert flags == [False, True, True, True, False, False]


def test_spread_equals_its_definition(build: Build) -> None:
    """S_W is the time-weighted mean of the last second, S_B the median of whole seconds' means that ended 11 s ago or earlier."""
    seed = 21
    seconds = 340
    data = columns(seconds, seed)
    rows = make_rows([100.0] * seconds, columns=data)

    def mean(end: int) -> float:
        part = range(max(0, end - 10), end)
        weight = sum(data["covered_us"][i] for i in part)
        return sum(data["spread_tw"][i] * data["covered_us"][i] for i in part if data["covered_us"][i]) / weight if weight else nan

    pairs = drive(build("spread"), rows)
    for i in range(0, len(rows), 7):
        assert pairs[i][0][0] == pytest.approx(mean(i + 1), rel=1e-12, nan_ok=True), f"seed {seed}, row {i}"
        whole = (i + 1) // 10  # seconds that have ended
        means = [mean(10 * k) for k in range(max(1, whole - 11 - 299), whole - 11 + 1)]
        means = [x for x in means if not isnan(x)]
        if len(means) < 60:
            assert isnan(pairs[i][1][0])
        else:
            assert pairs[i][1][0] == pytest.approx(median(means), rel=1e-12), f"seed {seed}, row {i}"


def test_spread_baseline_has_two_floors(build: Build) -> None:
    """S_B is at least one tick of the mid and 0.2 bp."""
    rows = make_rows([100.0] * 80, spread=1e-7)
    assert drive(build("spread", tick="0.01"), rows)[-1][1][0] == pytest.approx(1e-4)
    assert drive(build("spread", tick="0.000001"), rows)[-1][1][0] == pytest.approx(2e-5)


def test_spread_judge_has_gate_and_hysteresis(build: Build) -> None:
    """Fires above 4 with at least 2 bp, stays down to 2.5."""
    indicator = build("spread")

    def judge(spread: float, base: float, was: bool) -> bool:
        return bool(indicator.judge((spread,), (base,), indicator.levels, was)[1])

    assert judge(4.1e-4, 1e-4, False)
    assert not judge(1.9e-4, 2e-5, False)
    assert not judge(4e-4, 1.01e-4, False)
    assert judge(2.6e-4, 1e-4, True)
    assert not judge(2.4e-4, 1e-4, True)


def test_depth_equals_its_definition(build: Build) -> None:
    """LR divides by the mean of the rows of the 60 whole seconds that ended 6 s ago or earlier, weighted by usable rows."""
    seed = 31
    seconds = 120
    data = columns(seconds, seed)
    rng = random.Random(seed)
    data["book_usable"] = [int(rng.random() > 0.2) for _ in data["spread_end"]]
    rows = make_rows([100.0] * seconds, columns=data)
    pairs = drive(build("depth"), rows)
    for i in range(0, len(rows), 13):
        whole = (i + 1) // 10
        part = [j for j in range(max(0, 10 * (whole - 66)), max(0, 10 * (whole - 6))) if data["book_usable"][j]]
        totals = [data["top_bid_notional"][j] + data["top_ask_notional"][j] for j in part]
        if len(totals) < 300:
            assert isnan(pairs[i][1][0])
        else:
            assert pairs[i][1][0] == pytest.approx(sum(totals) / len(totals), rel=1e-12), f"seed {seed}, row {i}"
        assert isnan(pairs[i][0][0]) == (not data["book_usable"][i])


def test_thin_mean_is_no_depth_baseline(build: Build) -> None:
    """A mean below 1,000 quote gives no ratio."""
    indicator = build("depth")
    statistic, baseline = drive(indicator, make_rows([100.0] * 50, top_bid_notional=400.0, top_ask_notional=599.0))[-1]
    assert statistic[0] == 999.0
    assert isnan(baseline[0])
    assert isnan(indicator.judge(statistic, baseline, indicator.levels, False)[0])


def test_liquidity_collapse_must_stand_half_a_second(build: Build, panel_entry: Build) -> None:
    """LR < 0.2 fires only when it has been so for 500 ms."""
    seconds = 60
    totals = [1e5] * rows_of(seconds)
    totals[500:503] = [1e4] * 3  # a flicker
    totals[520:530] = [1e4] * 10
    rows = make_rows([100.0] * seconds, columns={"top_bid_notional": totals, "top_ask_notional": totals})
    indicator = build("depth")
    entry = panel_entry("depth", indicator)
    judgement = Judgement((entry,), freeze=True)
    fired = []
    for i, (one, pair) in enumerate(zip(rows, drive(indicator, rows), strict=True)):
        judgement.on_row(one.t_us, [pair])
        if judgement.fired[0]:
            fired.append(i)
    assert fired == list(range(525, 530))


def test_depth_imbalance_is_signed_and_named(build: Build, spec: Build) -> None:
    """(bid - ask) / L is the last statistic of depth: positive where bids outweigh, missing where nothing stands."""
    at = spec("depth").statistics.index("imbalance")
    assert at == len(spec("depth").statistics) - 1
    for bid, ask, expected in ((85.0, 15.0, 0.7), (10.0, 90.0, -0.8), (50.0, 50.0, 0.0)):
        one = make_rows([100.0], top_bid_notional=bid, top_ask_notional=ask)
        assert drive(build("depth"), one)[-1][0][at] == pytest.approx(expected)
    empty = make_rows([100.0], top_bid_notional=0.0, top_ask_notional=0.0)
    assert isnan(drive(build("depth"), empty)[-1][0][at])


@pytest.mark.parametrize("name", ["imbalance", "spread", "depth"])
def test_unusable_book_is_missing_and_never_fires(build: Build, name: str) -> None:
    """Unsynced, crossed, one-sided and stale books arrive as unusable rows: the value is missing even while fired."""
    rows = make_rows([100.0] * 100)
    indicator = build(name)
    drive(indicator, rows)
    statistic, baseline = drive(indicator, [row(rows[-1].t_us + 100_000, **UNUSABLE)])[0]
    value, fired = indicator.judge(statistic, baseline, indicator.levels, True)
    assert isnan(value)
    assert not fired


@pytest.mark.parametrize("name", ["imbalance", "spread", "depth"])
def test_without_a_book_nothing_is_read(build: Build, name: str) -> None:
    """A trades-only tape never makes a book reading."""
    for statistic, baseline in drive(build(name), make_rows([100.0] * 90, has_book=False)):
        assert all(isnan(x) for x in statistic + baseline)
