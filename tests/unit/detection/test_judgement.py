"""From pairs to flags: hysteresis, persistence, latches and frozen baselines (reference/microstructure.md section 1)."""

import random
from math import inf, isnan, nan

import pytest

from flashcrash_core.detection.indicator import Role, StepIndicator
from flashcrash_core.detection.judgement import Judgement
from flashcrash_core.detection.panel import PanelEntry
from flashcrash_core.market.features import GRID_US


def ratio(statistic, baseline, levels, was_fired):
    """Statistic over baseline; on above 5, off below 3; missing without a baseline."""
    value = statistic[0] / baseline[0] if baseline[0] > 0 else nan
    return value, value > (3.0 if was_fired else 5.0)


def entry(name="a", judge=ratio, baseline_from=None, **timing):
    """A panel entry whose program is never run."""
    program = StepIndicator(judge=judge, levels=None, step=lambda *_: None, state=(), params=None, **timing)
    return PanelEntry(name, name, Role.CORE, program, ("x",), ("b",), baseline_from=baseline_from)


class Bench:
    """Judges one indicator's statistics row by row."""

    def __init__(self, *entries, freeze=True):
        self.judgement = Judgement(entries, freeze=freeze)
        self.t_us = 0

    def flags(self, statistics, baseline=1.0):
        """The flag after each row."""
        result = []
        for x in statistics:
            self.t_us += GRID_US
            self.judgement.on_row(self.t_us, [((x,), (baseline,))] * len(self.judgement.entries))
            result.append(self.judgement.fired[0])
        return result


def test_trigger_and_release():
    """On above the trigger, off below the release, unchanged between."""
    flags = Bench(entry()).flags([4.0, 5.0, 5.1, 4.0, 3.1, 2.9, 4.0, 5.1])
    assert flags == [False, False, True, True, True, False, False, True]


def test_persistence_counts_rows_back():
    """A condition asked for 500 ms fires in its sixth row; one row off starts over."""
    bench = Bench(entry(persist_us=500_000))
    assert bench.flags([9.0] * 5 + [0.0] + [9.0] * 7) == [False] * 11 + [True] * 2
    assert bench.flags([4.0, 2.0, 9.0]) == [True, False, False]


def test_latch_outlasts_the_condition():
    """An impulse true for 1 s and latched for 2.0 s stays fired 3 s in all."""
    flags = Bench(entry(latch_us=2_000_000)).flags([9.0] * 10 + [0.0] * 25)
    assert flags == [True] * 30 + [False] * 5


def test_a_second_impulse_prolongs_the_latch():
    """The latch counts from the last row of the condition, not from the first."""
    flags = Bench(entry(latch_us=300_000)).flags([9.0, 0.0, 0.0, 9.0, 0.0, 0.0, 0.0, 0.0])
    assert flags == [True] * 7 + [False]


def test_a_latch_needs_a_fired_flag():
    """A condition that did not persist is not latched."""
    assert not any(Bench(entry(persist_us=500_000, latch_us=2_000_000)).flags([9.0] * 3 + [0.0] * 30))


def test_missing_ends_everything():
    """A missing value is not fired, latched or not, and what persisted before it is forgotten."""
    bench = Bench(entry(latch_us=2_000_000, persist_us=200_000))
    assert bench.flags([9.0, 9.0, 9.0, nan, 0.0, 9.0, 9.0, 9.0]) == [False, False, True, False, False, False, False, True]
    bench.flags([nan])
    assert isnan(bench.judgement.values[0])


def test_frozen_baselines_do_not_follow_the_event():
    """Frozen, a rising baseline changes nothing; thawed, the next row is judged by it."""
    bench = Bench(entry())
    bench.flags([1.0], baseline=1.0)
    bench.judgement.freeze()
    assert bench.flags([9.0], baseline=100.0) == [True]
    assert bench.judgement.baseline(0) == (1.0,)
    bench.judgement.thaw()
    assert bench.flags([9.0], baseline=100.0) == [False]


def test_a_baseline_missing_when_frozen_stays_missing():
    """An indicator that was not ready when the event began does not become ready by the event."""
    bench = Bench(entry())
    bench.flags([1.0], baseline=nan)
    bench.judgement.freeze()
    bench.flags([9.0], baseline=1.0)
    assert isnan(bench.judgement.values[0])


def test_freezing_can_be_off():
    """The seed profile freezes nothing."""
    bench = Bench(entry(), freeze=False)
    bench.flags([1.0], baseline=1.0)
    bench.judgement.freeze()
    assert not bench.judgement.frozen
    assert bench.flags([9.0], baseline=100.0) == [False]


@pytest.mark.parametrize("frozen", [False, True])
def test_a_borrowed_baseline_is_the_lenders(frozen):
    """``baseline_from`` judges against the other indicator's baseline, live or frozen, also when only the lender's changes."""
    judgement = Judgement((entry("a"), entry("b", baseline_from="a")), freeze=True)
    own = ((9.0,), (1.0,))
    judgement.on_row(1, [((1.0,), (1.0,)), own])
    assert judgement.values[1] == 9.0
    if frozen:
        judgement.freeze()
    judgement.on_row(2, [((1.0,), (3.0,)), own])
    assert judgement.values[1] == (9.0 if frozen else 3.0)


def test_a_lender_that_is_inactive_gives_no_baseline():
    """An indicator that is not run is never judged and keeps its reading missing."""
    idle = PanelEntry("a", "a", Role.CORE, entry().indicator, ("x",), ("b",), inactive="no_book")
    judgement = Judgement((idle,), freeze=True)
    judgement.on_row(1, [((9.0,), (1.0,))])
    assert isnan(judgement.values[0])
    assert judgement.fired == [False]


def raising(statistic, baseline, levels, was_fired):
    """A judgement with a bug."""
    raise ZeroDivisionError("float division by zero")


@pytest.mark.parametrize(
    "judge", [raising, lambda *_: None, lambda *_: (inf, True), lambda *_: ("x", True)], ids=["raises", "none", "inf", "text"]
)
def test_a_failing_judgement_is_missing_and_told(judge):
    """Whatever a plugin's judgement does, the row goes on, the value is missing and the fault is kept for the report."""
    judgement = Judgement((entry("bad", judge), entry("good")), freeze=True)
    judgement.on_row(1, [((9.0,), (1.0,))] * 2)
    assert isnan(judgement.values[0])
    assert judgement.fired == [False, True]
    ((index, error),) = judgement.faults
    assert index == 0
    assert isinstance(error, Exception)


@pytest.mark.parametrize("seed", range(20))
def test_skipping_unchanged_pairs_changes_nothing(seed):
    """Handing over the same pair object while nothing changed gives the flags that fresh objects give."""
    rng = random.Random(seed)
    timing = [{}, {"latch_us": 500_000}, {"persist_us": 300_000}, {"persist_us": 200_000, "latch_us": 400_000}]
    entries = tuple(entry(f"i{k}", baseline_from="i0" if k == 2 else None, **t) for k, t in enumerate(timing))
    lazy, eager = Judgement(entries, freeze=True), Judgement(entries, freeze=True)
    pairs = [((1.0,), (1.0,))] * len(entries)
    for i in range(500):
        for k in range(len(entries)):
            if rng.random() < 0.15:
                pairs[k] = ((rng.choice([0.0, 4.0, 9.0, nan]),), (rng.choice([1.0, 1.0, 2.0, nan]),))
        if rng.random() < 0.05:
            for one in (lazy, eager):
                one.freeze()
        if rng.random() < 0.05:
            for one in (lazy, eager):
                one.thaw()
        if rng.random() < 0.02:
            state, lazy = lazy.snapshot(), Judgement(entries, freeze=True)
            lazy.restore(state)
        lazy.on_row(i * GRID_US, list(pairs))
        eager.on_row(i * GRID_US, [((p[0][0],), (p[1][0],)) for p in pairs])
        assert repr((lazy.values, lazy.fired)) == repr((eager.values, eager.fired)), f"seed {seed} row {i}"
