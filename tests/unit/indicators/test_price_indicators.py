"""I1 volatility and I2 acceleration against the reference's vectors and against plain sums over the raw closes."""

import random
from collections.abc import Callable
from itertools import pairwise
from math import exp, isnan, log, nan, sqrt
from statistics import median
from typing import Any

import pytest

from flashcrash_core.detection.judgement import Judgement
from flashcrash_core.testing import EPOCH_US, drive, make_rows

Build = Callable[..., Any]


def walk(seconds: int, seed: int, sigma: float = 1e-4) -> list[float]:
    """Closes of a seeded random walk."""
    rng = random.Random(seed)
    closes = [100.0]
    while len(closes) < seconds:
        closes.append(closes[-1] * exp(rng.gauss(0.0, sigma)))
    return closes


def rms(returns: list[float]) -> float:
    """Root mean square."""
    return sqrt(sum(r * r for r in returns) / len(returns))


def accelerations(build: Build, closes: list[float], **settings: Any) -> list[float]:
    """The acceleration at the row that first shows each bar."""
    rows = make_rows(closes)
    pairs = drive(build("acceleration", **settings), rows)
    return [statistic[0] for row, (statistic, _) in zip(rows, pairs, strict=True) if row.bar_new]


def test_acceleration_vector_seed_and_log(build: Build) -> None:
    """P = 100, 99.8, 99.2 gives -0.0040000 by the seed formula and -0.00402817 by the log formula (section 11)."""
    closes = [100.0, 99.8, 99.2]
    assert accelerations(build, closes, formula="seed")[-1] == pytest.approx(-0.004, abs=1e-12)
    assert accelerations(build, closes)[-1] == pytest.approx(-0.00402817, abs=5e-9)


def test_constant_fall_has_rms_but_neither_std_nor_acceleration(build: Build) -> None:
    """1 %/s for 10 s: std 0, RMS 0.01005034, log acceleration 0, seed acceleration +0.0001 (section 11)."""
    closes = [100.0 * 0.99**k for k in range(11)]
    rows = make_rows(closes)
    assert drive(build("volatility"), rows)[-1][0][0] == pytest.approx(0.01005034, abs=5e-9)
    assert drive(build("volatility", statistic="std"), rows)[-1][0][0] == pytest.approx(0.0, abs=1e-12)
    assert accelerations(build, closes)[-1] == pytest.approx(0.0, abs=1e-12)
    assert accelerations(build, closes, formula="seed")[-1] == pytest.approx(1e-4, abs=1e-12)


def test_inclusive_baseline_bounds_the_ratio(build: Build) -> None:
    """With B = 300 including W = 10 even a pure spike cannot exceed sqrt(30) = 5.4772 (sections 1.1 and 11)."""
    closes = [100.0] * 292 + [100.0 * 0.9**k for k in range(1, 11)]
    indicator = build("volatility", inclusive=True, block_history_s=0, min_sigma=0.0)
    statistic, baseline = drive(indicator, make_rows(closes))[-1]
    ratio, fired = indicator.judge(statistic, baseline, indicator.levels, False)
    assert ratio == pytest.approx(5.4772, abs=5e-5)
    assert fired
    wide = build("volatility", inclusive=True, block_history_s=0, window_s=12, min_sigma=0.0)
    ratio, fired = wide.judge(*drive(wide, make_rows(closes))[-1], wide.levels, False)
    assert ratio <= 5.0 + 1e-9
    assert not fired


def test_volatility_equals_its_definition(build: Build) -> None:
    """sigma_W: RMS of the newest 10 returns; sigma_B: the smaller of long RMS and median of aligned blocks before the guard."""
    seed = 11
    closes = walk(700, seed, 3e-4)
    start_us = EPOCH_US + 3_000_000  # not on a block's boundary
    rows = make_rows(closes, start_us=start_us)
    returns = [nan, *(log(b / a) for a, b in pairwise(closes))]
    for row, (statistic, baseline) in zip(rows, drive(build("volatility"), rows), strict=True):
        newest = (row.bar_start_us - start_us) // 1_000_000
        if not row.bar_new or newest < 10:
            continue
        assert statistic[0] == pytest.approx(rms(returns[newest - 9 : newest + 1]), rel=1e-12), f"seed {seed}, bar {newest}"
        before = [r for r in returns[max(0, newest - 319) : max(0, newest - 19)] if not isnan(r)]
        if len(before) < 240:
            assert isnan(baseline[0])
            continue
        end = newest - 20  # newest bar of the baseline
        blocks = [
            rms([r for r in returns[k - 9 : k + 1] if not isnan(r)])
            for k in range(9, end + 1)
            if (k + 3 + 1) % 10 == 0 and k - 9 >= 0
        ]
        expected = rms(before)
        if len(blocks) >= 24:
            expected = min(expected, median(blocks))
        assert baseline[0] == pytest.approx(max(expected, 2e-5, 0.5 * 0.01 / closes[end]), rel=1e-12), f"seed {seed}, bar {newest}"


def test_volatility_needs_240_seconds_before_the_guard(build: Build) -> None:
    """The baseline appears 261.3 s after the first bar began (I5: 262 s), not a row earlier."""
    rows = make_rows(walk(263, 3))
    pairs = drive(build("volatility"), rows)
    first = next(row.t_us for row, pair in zip(rows, pairs, strict=True) if not isnan(pair[1][0]))
    assert first - EPOCH_US == 262_300_000 - 1_000_000


def test_volatility_floor_stands_on_a_flat_market(build: Build) -> None:
    """Empty seconds are samples of 0; the floor is the larger of 2e-5 and half a tick."""
    closes = [100.0] * 265
    assert drive(build("volatility"), make_rows(closes))[-1] == ((0.0,), (5e-5,))
    assert drive(build("volatility", tick="0.0001"), make_rows(closes))[-1] == ((0.0,), (2e-5,))


def test_gap_second_and_missing_price_are_no_samples(build: Build) -> None:
    """A bar with a feed gap or without a price takes both returns that touch it; W is whole again 11 s later."""
    closes = walk(30, 5)
    for rows in (make_rows(closes, gaps=[12]), make_rows([*closes[:12], nan, *closes[13:]])):
        shown = [(p[0][0], r) for p, r in zip(drive(build("volatility"), rows), rows, strict=True) if r.bar_new]
        assert [k for k, (sigma, _) in enumerate(shown) if not isnan(sigma)] == [10, 11, *range(23, 30)]
        falls = [p[0][0] for p, r in zip(drive(build("acceleration"), rows), rows, strict=True) if r.bar_new]
        assert [k for k, a in enumerate(falls) if isnan(a)] == [0, 1, 12, 13, 14]


def test_downside_counts_only_falls(build: Build) -> None:
    """With ``downside`` a rising market has no volatility and a falling one all of it."""
    up = [100.0 * 1.01**k for k in range(11)]
    assert drive(build("volatility", downside=True), make_rows(up))[-1][0][0] == 0.0
    down = up[::-1]
    assert drive(build("volatility", downside=True), make_rows(down))[-1][0][0] == pytest.approx(log(1.01), rel=1e-12)


def test_volatility_judge_has_gate_and_hysteresis(build: Build) -> None:
    """Fires above 5 with sigma >= 4e-4, stays down to 3, is missing without a baseline."""
    indicator = build("volatility")

    def judge(sigma: float, base: float, was: bool) -> tuple[float, bool]:
        return indicator.judge((sigma,), (base,), indicator.levels, was)

    assert judge(5.1e-4, 1e-4, False)[1]
    assert not judge(3.9e-4, 2e-5, False)[1]
    assert not judge(4e-4, 1e-4, False)[1]
    assert judge(3.01e-4, 1e-4, True)[1]
    assert not judge(2.9e-4, 1e-4, True)[1]
    for value, fired in (judge(nan, 1e-4, True), judge(1e-3, nan, True), judge(1e-3, 0.0, True)):
        assert isnan(value)
        assert not fired


def test_acceleration_level_follows_the_baseline(build: Build) -> None:
    """The limit is max(0.0015, 6 sqrt(2) sigma_B); without sigma_B the reading is missing."""
    indicator = build("acceleration")

    def judge(a: float, sigma: float) -> tuple[float, bool]:
        return indicator.judge((a,), (sigma,), indicator.levels, False)

    assert judge(-0.0015, 2e-5) == (-0.0015, True)
    assert not judge(-0.00149, 2e-5)[1]
    assert not judge(0.01, 2e-5)[1]
    assert not judge(-0.0084, 1e-3)[1]
    assert judge(-0.0085, 1e-3)[1]
    assert isnan(judge(-0.01, nan)[0])


def test_acceleration_of_a_carried_price_is_zero_while_healthy(build: Build) -> None:
    """After a rise an empty second is no fall; on an unhealthy feed it is missing; a moved mid without trades is measured."""
    closes = [100.0, 100.0, 100.3, 100.3]
    bars = [(c, c, c, c, 0.0 if k == 3 else 1.0) for k, c in enumerate(closes)]
    assert drive(build("acceleration"), make_rows(closes, bars=bars))[-1][0][0] == 0.0
    assert isnan(drive(build("acceleration"), make_rows(closes, bars=bars, unhealthy=1))[-1][0][0])
    moved = [100.0, 100.0, 100.3, 100.0]
    value = drive(build("acceleration"), make_rows(moved, bars=bars))[-1][0][0]
    assert value == pytest.approx(-2 * log(1.003), rel=1e-9)


def test_acceleration_stays_fired_three_seconds(build: Build, panel_entry: Build) -> None:
    """An onset is raw for the second in which its bar is the newest, and latched for 2 s more."""
    closes = [100.0] * 4 + [99.0] + [98.01] * 8
    closes[5:] = [99.0 * 0.99**k for k in range(1, 9)]  # goes on at constant speed, so the raw condition ends
    rows = make_rows(closes)
    indicator = build("acceleration")
    entries = (panel_entry("volatility", build("volatility")), panel_entry("acceleration", indicator))
    judgement = Judgement(entries, freeze=True)
    fired = []
    for row, pair in zip(rows, drive(indicator, rows), strict=True):
        judgement.on_row(row.t_us, [((1e-4,), (1e-4,)), pair])
        if judgement.fired[1]:
            fired.append(row.t_us - EPOCH_US)
    assert fired == list(range(5_300_000, 8_300_000, 100_000))
