"""The time budget, with a stopwatch that the test holds: late answers are discarded, counted, forgiven, and imposed on replay."""

import re
from collections.abc import Callable
from math import isnan
from typing import Any

import attrs
import pytest

from flashcrash_core.api import IndicatorSpec, IntentRecord, ScoreRecord
from flashcrash_core.detection.containment import OVERRUN_FORGIVEN_US, FaultCount
from flashcrash_core.runtime.runner import Runner, RunOptions

from .conftest import Play, Played
from .stand_in import built_as

LATE_NS = 50_000_000


class Stopwatch:
    """Stands still until somebody is slow."""

    def __init__(self) -> None:
        self.now_ns = 0

    def __call__(self) -> int:
        return self.now_ns

    def slow(self) -> None:
        self.now_ns += LATE_NS


def slow_rows(watch: Stopwatch, rows: Callable[[int], bool]) -> Callable[[IndicatorSpec], IndicatorSpec]:
    """The shipped indicator, slow in those rows (by their time)."""

    def change(spec: IndicatorSpec) -> IndicatorSpec:
        def build(config: Any, context: Any) -> Any:
            inner = spec.build(config, context)

            def step(state: Any, row: Any, params: Any) -> Any:
                if rows(row.t_us):
                    watch.slow()
                return inner.step(state, row, params)

            return attrs.evolve(inner, step=step)

        return attrs.evolve(spec, build=build)

    return change


def test_the_stopwatch_alone_changes_nothing(play: Play, plain: Played) -> None:
    """With everybody in time the watched run is the plain one, row for row."""
    watched = play(budget_ms=20.0, stopwatch=Stopwatch())
    assert watched.faults == []
    assert watched.decisions() == plain.decisions()


def test_a_late_reading_is_missing_and_the_third_is_quarantine(play: Play, open_us: int) -> None:
    """Each late answer is a fault of kind overrun that says how long it took."""
    watch = Stopwatch()
    played = play(indicators=slow_rows(watch, lambda t_us: t_us >= open_us), budget_ms=20.0, stopwatch=watch)
    assert [(f.stage, f.call, f.kind, f.quarantined) for f in played.faults] == [
        ("indicator", "step", "overrun", last) for last in (False, False, True)
    ]
    assert all(re.fullmatch(r"took 50\.0 ms of 20 ms \(test_time_budget\.py:\d+\)", f.message) for f in played.faults)
    assert isnan(played.lane.panel.pairs[[e.name for e in played.lane.panel.entries].index("volume_delta")][0][0])
    played.left()


def test_overruns_far_apart_are_forgiven(play: Play, open_us: int) -> None:
    """Two overruns, a minute without, two more: four faults and no quarantine."""
    watch = Stopwatch()
    slow = {us // 100_000 * 100_000 for us in (open_us - 90_000_000, open_us - 89_000_000, open_us, open_us + 1_000_000)}
    played = play(indicators=slow_rows(watch, lambda t_us: t_us in slow), budget_ms=20.0, stopwatch=watch)
    assert [f.kind for f in played.faults] == ["overrun"] * 4
    assert not any(f.quarantined for f in played.faults)


def test_only_overruns_are_forgiven() -> None:
    """The edge of the minute, and faults of other kinds, which stay."""
    count = FaultCount()
    assert not count.add("overrun", 1)
    assert not count.add("overrun", 2)
    assert not count.add("overrun", 2 + OVERRUN_FORGIVEN_US + 1)
    assert not count.add("overrun", 3 + OVERRUN_FORGIVEN_US)
    assert count.add("overrun", 3 + 2 * OVERRUN_FORGIVEN_US)
    lasting = FaultCount()
    assert [lasting.add("raised", us) for us in (1, 10**12, 10**15)] == [False, False, True]
    mixed = FaultCount()
    assert [mixed.add(kind, 1) for kind in ("raised", "overrun", "raised")] == [False, False, True]
    assert mixed.total == 3


def test_a_late_strategy_may_leave_but_not_enter(play: Play, plain: Played) -> None:
    """Entries of a late answer are refused as ``late``; exits and cancels of it are taken."""
    watch = Stopwatch()
    entries: list[int] = []

    def decide(inner: Any, moment: Any) -> Any:
        answer = inner.decide(moment)
        if any(type(intent).__name__ == "Enter" for intent in answer):
            entries.append(moment.now_us)
            if len(entries) == 2:
                watch.slow()
        return answer

    played = play(strategies=built_as(decide=decide), budget_ms=20.0, stopwatch=watch)
    (fault,) = played.faults
    assert (fault.stage, fault.call, fault.kind) == ("strategy", "decide", "overrun")
    assert [row.t_us for row in played.of(ScoreRecord) if row.refused == "late"] == [entries[1]]
    assert not [row for row in played.of(IntentRecord) if row.t_us == entries[1] and row.side > 0]
    played.left()


def test_a_late_exit_is_taken(play: Play, plain: Played) -> None:
    """The intents of the plain run's first exit come late; they go out all the same."""
    watch = Stopwatch()
    first = next(row for row in plain.of(IntentRecord) if row.kind == "submit" and row.side < 0)

    def decide(inner: Any, moment: Any) -> Any:
        answer = inner.decide(moment)
        if answer and moment.now_us == first.t_us:
            watch.slow()
        return answer

    played = play(strategies=built_as(decide=decide), budget_ms=20.0, stopwatch=watch)
    assert {f.kind for f in played.faults} == {"overrun"}
    assert played.decisions() == plain.decisions()


def test_a_late_score_refuses_its_entry(play: Play) -> None:
    """The scorer's overrun is the scorer's fault alone, and its entry is refused; the strategy that waited for it is not late."""
    watch = Stopwatch()
    asked = [0]

    def score(inner: Any, context: Any) -> Any:
        asked[0] += 1
        if asked[0] == 2:
            watch.slow()
        return inner.score(context)

    played = play(scorers=built_as(score=score), budget_ms=20.0, stopwatch=watch)
    assert [(f.stage, f.kind) for f in played.faults] == [("scorer", "overrun")]
    assert [row.refused for row in played.of(ScoreRecord)].count("scorer_fault") == 1


@pytest.mark.parametrize("slow_again", [False, True])
def test_journalled_overruns_are_imposed_when_rows_are_made_again(play: Play, open_us: int, slow_again: bool) -> None:
    """Nothing is measured then: the same rows, the same hash, whether the plugin is slow this time or not."""
    watch = Stopwatch()
    slow = {(open_us + offset) // 100_000 * 100_000 for offset in (0, 700_000, 20_000_000)}
    first = play(indicators=slow_rows(watch, lambda t_us: t_us in slow), budget_ms=20.0, stopwatch=watch)
    assert len(first.faults) == 3
    again = play(indicators=slow_rows(Stopwatch(), lambda t_us: slow_again), run=False)
    runner = Runner(again.composition.session, again.composition.executor, first.store, "s", RunOptions())
    runner.sink.read_only = True
    runner.sink.expect_stored(0)
    assert runner.repeat(0, first.faults) == 3
    runner.run(again.composition.source)
    runner.sink.expect_nothing_left()
    assert again.session.hash.hex == first.session.hash.hex
    assert runner.sink.compared["FaultRecord"] == 3
