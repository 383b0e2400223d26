"""Indicators that turn on their host while a position is open: each costs its reading, at the third fault its place, and no more.

The hostile one takes the place of a core indicator. The run must decide exactly as one in which that indicator is merely missing.
"""

import asyncio
import re
from collections.abc import Callable
from datetime import UTC, datetime
from math import inf, nan
from typing import Any

import attrs
import numpy as np
import pytest

from flashcrash_core.api import FeatureRow, IndicatorSpec, InvariantError, StepIndicator, WindowIndicator

from .conftest import Play, Played

MISSING = ((nan, nan, nan), (nan, nan))


class Unprintable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("not even this")


class NotAnException(BaseException):
    pass


class Liar(float):
    """Equal to everything, never infinite."""

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False

    def __hash__(self) -> int:
        return 0


class LyingTuple(tuple[Any, ...]):
    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return True

    def __len__(self) -> int:
        return 2

    __hash__ = None  # type: ignore[assignment]


class LyingObject:
    def __eq__(self, other: object) -> bool:
        return True

    def __iter__(self) -> Any:
        return iter(((1.0,), (1.0,)))

    __hash__ = None  # type: ignore[assignment]


class Text(str):
    __slots__ = ()


def throws(error: BaseException | type[BaseException]) -> Callable[..., Any]:
    def step(shape: tuple[int, int], row: FeatureRow) -> Any:
        raise error

    return step


def gives(value: Any) -> Callable[..., Any]:
    return lambda shape, row: value


def filled(value: Any) -> Callable[..., Any]:
    """The right shape, of wrong elements."""
    return lambda shape, row: ((value,) * shape[0], (value,) * shape[1])


async def _later() -> None:
    """Never awaited."""


def endless(shape: tuple[int, int], row: FeatureRow) -> Any:
    return endless(shape, row)


def writes_row(shape: tuple[int, int], row: FeatureRow) -> Any:
    row.price = 0.0  # type: ignore[misc]


def writes_row_by_force(shape: tuple[int, int], row: FeatureRow) -> Any:
    object.__setattr__(row, "price", 0.0)


def nested() -> Any:
    value: Any = ()
    for _ in range(5_000):
        value = (value,)
    return value


STEPS: dict[str, tuple[Callable[..., Any], str]] = {
    "raises": (throws(KeyError("x")), "raised"),
    "raises SystemExit": (throws(SystemExit(3)), "raised"),
    "raises KeyboardInterrupt": (throws(KeyboardInterrupt()), "raised"),
    "raises GeneratorExit": (throws(GeneratorExit()), "raised"),
    "raises StopIteration": (throws(StopIteration()), "raised"),
    "raises CancelledError": (throws(asyncio.CancelledError()), "raised"),
    "raises a BaseException of its own": (throws(NotAnException("x")), "raised"),
    "raises what cannot be printed": (throws(Unprintable()), "raised"),
    "raises the kernel's own InvariantError": (throws(InvariantError("the books do not balance")), "raised"),
    "raises MemoryError": (throws(MemoryError()), "raised"),
    "raises a text that cannot be stored": (throws(ValueError("\ud800")), "raised"),
    "raises an endless text": (throws(ValueError("x" * 10**6)), "raised"),
    "calls itself for ever": (endless, "raised"),
    "writes to the row": (writes_row, "raised"),
    "writes to the row by force": (writes_row_by_force, "raised"),
    "returns None": (gives(None), "wrong_type"),
    "returns a coroutine": (lambda shape, row: _later(), "wrong_type"),
    "returns a coroutine inside": (lambda shape, row: (_later(), ()), "wrong_type"),
    "returns a generator": (lambda shape, row: (x for x in ()), "wrong_type"),
    "returns text": (gives("12"), "wrong_type"),
    "returns lists": (lambda shape, row: [[0.5] * shape[0], [0.5] * shape[1]], "wrong_type"),
    "returns numpy arrays": (lambda shape, row: (np.zeros(shape[0]), np.zeros(shape[1])), "wrong_type"),
    "returns numpy floats": (filled(np.float64(0.5)), "wrong_type"),
    "returns bools": (filled(True), "wrong_type"),
    "returns ints": (filled(1), "wrong_type"),
    "returns strings": (filled("1.0"), "wrong_type"),
    "returns a subclass of str": (filled(Text("1.0")), "wrong_type"),
    "returns floats that lie": (filled(Liar(inf)), "wrong_type"),
    "returns a tuple that lies": (gives(LyingTuple(((1.0,), (1.0,)))), "wrong_type"),
    "returns an object that lies": (gives(LyingObject()), "wrong_type"),
    "returns a nest of tuples": (gives(nested()), "wrong_type"),
    "returns too many": (lambda shape, row: ((0.5,) * (shape[0] + 1), (0.5,) * shape[1]), "wrong_shape"),
    "returns a million": (lambda shape, row: ((0.5,) * 10**6, ()), "wrong_shape"),
    "returns too few": (gives(((), ())), "wrong_shape"),
    "returns infinity": (filled(inf), "not_finite"),
    "returns minus infinity": (filled(-inf), "not_finite"),
}

JUDGES: dict[str, tuple[Callable[..., Any], str]] = {
    "raises": (throws(KeyError("x")), "raised"),
    "raises KeyboardInterrupt": (throws(KeyboardInterrupt()), "raised"),
    "raises SystemExit": (throws(SystemExit(3)), "raised"),
    "returns None": (gives(None), "wrong_type"),
    "returns a coroutine": (lambda shape, row: _later(), "wrong_type"),
    "returns numpy": (gives((np.float64(1.0), np.bool_(True))), "wrong_type"),
    "returns an int": (gives((1, True)), "wrong_type"),
    "returns floats that lie": (gives((Liar(inf), True)), "wrong_type"),
    "returns infinity": (gives((inf, True)), "not_finite"),
}


def stepping(step: Callable[..., Any], from_us: int) -> Callable[[IndicatorSpec], IndicatorSpec]:
    """The shipped indicator whose step is another from a time on."""

    def change(spec: IndicatorSpec) -> IndicatorSpec:
        shape = (len(spec.statistics), len(spec.baselines))

        def build(config: Any, context: Any) -> Any:
            inner = spec.build(config, context)
            assert isinstance(inner, StepIndicator)

            def turned(state: Any, row: FeatureRow, params: Any) -> Any:
                return inner.step(state, row, params) if row.t_us < from_us else step(shape, row)

            return attrs.evolve(inner, step=turned)

        return attrs.evolve(spec, build=build)

    return change


def judging(judge: Callable[..., Any], from_us: int) -> Callable[[IndicatorSpec], IndicatorSpec]:
    """The shipped indicator whose judgement is another from a time on."""

    def change(spec: IndicatorSpec) -> IndicatorSpec:
        def build(config: Any, context: Any) -> Any:
            inner = spec.build(config, context)
            clock = [0]

            def step(state: Any, row: FeatureRow, params: Any) -> Any:
                clock[0] = row.t_us
                return inner.step(state, row, params)

            def turned(statistic: Any, baseline: Any, levels: Any, was_fired: bool) -> Any:
                return inner.judge(statistic, baseline, levels, was_fired) if clock[0] < from_us else judge(None, None)

            return attrs.evolve(inner, step=step, judge=turned)

        return attrs.evolve(spec, build=build)

    return change


@pytest.fixture(scope="module")
def missing(play_session: Play, open_us: int) -> Played:
    """The run in which the indicator is merely missing from the same moment on."""
    return play_session(indicators=stepping(lambda shape, row: ((nan,) * shape[0], (nan,) * shape[1]), open_us))


def contained(played: Played, missing: Played, stage: str, kind: str) -> None:
    """Three faults, quarantine, said so in the report, and otherwise the run in which the indicator is missing."""
    call = "judge" if stage == "judge" else "step"
    assert [(f.stage, f.call, f.name, f.kind, f.quarantined) for f in played.faults] == [
        (stage, call, "volume_delta", kind, last) for last in (False, False, True)
    ]
    assert all(re.search(r" \(test_hostile_indicators\.py:\d+\)$", f.message) for f in played.faults), played.faults
    assert played.decisions() == missing.decisions()
    played.left()
    report = played.report()
    shown = report["indicators"]["volume_delta"]
    assert (shown["faults"], shown["quarantined"], shown["reason"]) == (3, True, "quarantined")
    assert 0.1 < shown["ready_share"] < 0.5, "it was ready until it turned"
    (told,) = [warning for warning in report["warnings"] if "volume_delta was quarantined" in warning]
    third = datetime.fromtimestamp(played.faults[-1].t_us // 1_000_000, UTC)
    assert f" at {third:%Y-%m-%d %H:%M:%S}." in told
    assert played.faults[0].message in told
    assert told.endswith("check it with: flashcrash plugins check hostile")
    reading = next(r for r in played.lane.readings() if r.name == "volume_delta")
    assert (reading.value, reading.ready, reading.reason) == (None, False, "quarantined")


def test_the_missing_run_differs_from_the_plain_one(missing: Played, plain: Played) -> None:
    """The indicator matters: without it the session decides otherwise. Else the comparison below would show nothing."""
    assert missing.faults == []
    assert missing.decisions() != plain.decisions()


@pytest.mark.parametrize("name", STEPS)
def test_a_hostile_formula_costs_its_reading(play: Play, missing: Played, open_us: int, name: str) -> None:
    """Whatever it does: missing, quarantined at its third fault, other decisions as without it, exits made."""
    step, kind = STEPS[name]
    contained(play(indicators=stepping(step, open_us)), missing, "indicator", kind)


@pytest.mark.parametrize("name", JUDGES)
def test_a_hostile_judgement_costs_its_reading(play: Play, missing: Played, open_us: int, name: str) -> None:
    """The same for what judges the formula's result."""
    judge, kind = JUDGES[name]
    contained(play(indicators=judging(judge, open_us)), missing, "judge", kind)


def windowed(window: Callable[..., Any]) -> Callable[[IndicatorSpec], IndicatorSpec]:
    """The shipped indicator with a window for a formula."""

    def change(spec: IndicatorSpec) -> IndicatorSpec:
        def build(config: Any, context: Any) -> Any:
            inner = spec.build(config, context)
            return WindowIndicator(inner.judge, inner.levels, window=window, columns=("price", "trades"), window_rows=20)

        return attrs.evolve(spec, build=build)

    return change


def write_column(columns: Any, params: Any) -> Any:
    columns["price"][0] = 0.0


WINDOWS: dict[str, tuple[Callable[..., Any], str]] = {
    "writes to its columns": (write_column, "raised"),
    "returns None": (gives(None), "wrong_type"),
    "returns arrays of text": (lambda columns, params: ([np.full(len(columns["price"]), "1")] * 3, []), "wrong_type"),
    "returns one element": (lambda columns, params: ([np.zeros(1)] * 3, []) if len(columns["price"]) > 1 else None, "wrong"),
    "returns nothing": (lambda columns, params: ([[]], []), "wrong_shape"),
}


@pytest.mark.parametrize("name", WINDOWS)
def test_a_hostile_window_costs_its_reading(play: Play, name: str) -> None:
    """Window formulas are held to the same contract, and their columns cannot be written to."""
    window, kind = WINDOWS[name]
    played = play(indicators=windowed(window))
    assert [f.quarantined for f in played.faults] == [False, False, True]
    assert all(f.kind.startswith(kind) and f.call == "window" for f in played.faults), played.faults
    played.session.check()


def test_a_state_that_cannot_be_stored_costs_the_indicator(play: Play, open_us: int) -> None:
    """A snapshot that one plugin spoils is not kept; at the third the plugin is gone and snapshots are kept again."""

    def change(spec: IndicatorSpec) -> IndicatorSpec:
        def build(config: Any, context: Any) -> Any:
            inner = spec.build(config, context)

            def step(state: Any, row: FeatureRow, params: Any) -> Any:
                result = inner.step(state, row, params)
                if row.t_us >= open_us:
                    state[0][:] = [object()] * len(state[0])  # type: ignore[index]
                return result

            return attrs.evolve(inner, step=step)

        return attrs.evolve(spec, build=build)

    played = play(indicators=change)
    assert played.faults[-1].quarantined
    assert {f.name for f in played.faults} == {"volume_delta"}
    snapshot = played.store.latest_snapshot("s")
    assert snapshot is not None
    assert snapshot.t_us > played.faults[-1].t_us
    played.left()


def test_a_core_indicator_that_never_had_a_reading_is_told(play: Play) -> None:
    """It faults nowhere and counts nowhere; only the report can say so."""
    played = play(indicators=stepping(lambda shape, row: ((nan,) * shape[0], (nan,) * shape[1]), 0))
    assert "SIMUSDT: indicator volume_delta (core) never had a reading in the whole run (not_ready)" in played.report()["warnings"]
