"""The same inputs, the same notices: in another build, another process, from a snapshot; and nothing that is shown is changed."""

from typing import Any, Final

import msgspec

from flashcrash_core.market.accumulator import FeatureAccumulator
from flashcrash_core.specs import ExecutorSpec
from flashcrash_core.testing.battery import CheckFailure, check
from flashcrash_core.testing.checks.executor.desk import BrokenPlay, Desk, Run, play
from flashcrash_core.testing.checks.executor.runs import broke_in_the_plays, calm_tape, order_runs, repeatable, simulated
from flashcrash_core.testing.checks.executor.scripts import Orders
from flashcrash_core.testing.checks.once import once
from flashcrash_core.testing.second_process import in_second_process, needs_a_name, watching
from flashcrash_core.testing.subject import Subject

__all__ = [
    "determinism_across_builds",
    "determinism_across_processes",
    "inputs_not_mutated",
    "no_io_no_clock",
    "snapshot_round_trip",
]

_HASH_SEED: Final = 1
_POINTS: Final = ((1, 0), (0, 1), (20, 0), (40, 12))
"""Orders and cancels sent when a snapshot is taken: with the newest of them still on their way."""


@check("executor", applies=repeatable)
def determinism_across_builds(subject: Subject[ExecutorSpec]) -> None:
    """Two builds with the same seed give the same notices for the same events and commands, to the last number."""
    for run in order_runs(subject)[:2]:
        again = play(subject, calm_tape(run.seed, has_book=run is order_runs(subject)[0]), Orders())
        _require_same(run, _plain(again), _plain(run), "a second build")


@check("executor", applies=lambda subject: repeatable(subject) or needs_a_name(subject))
def determinism_across_processes(subject: Subject[ExecutorSpec]) -> None:
    """Another process with another hash seed gives the same notices."""
    here = next(run for run in order_runs(subject) if run.calm)
    there = _elsewhere(subject)["notices"]
    _require_same(here, there, _plain(here), f"another process (PYTHONHASHSEED={_HASH_SEED})")


@check("executor", applies=lambda subject: repeatable(subject) or needs_a_name(subject))
def no_io_no_clock(subject: Subject[ExecutorSpec]) -> None:
    """In a simulated run an executor opens nothing, asks no clock, draws no unseeded number."""
    asked = _elsewhere(subject)["asked"]
    if asked:
        raise CheckFailure(
            f"{subject.label}: while it was driven it asked for {', '.join(asked)}; use the times of orders and events, and "
            "draw from ExecutorContext.seed"
        )


def watched_play(subject: Subject[ExecutorSpec]) -> dict[str, Any]:
    """In the second process: the notices of one calm tape, and what the executor asked of the world when it played it again."""
    notices = _plain(play(subject, calm_tape(), Orders()))
    with watching() as seen:
        play(subject, calm_tape(), Orders())
    return {"notices": notices, "asked": seen}


def _elsewhere(subject: Subject[ExecutorSpec]) -> dict[str, Any]:
    """What :func:`watched_play` gave in another process, asked once per subject: a process costs more than a whole play."""
    found: dict[str, Any] = once(
        subject, "elsewhere", lambda: in_second_process(subject, watched_play, hash_seed=_HASH_SEED, watched=True)
    )
    return found


@check("executor", applies=repeatable)
def snapshot_round_trip(subject: Subject[ExecutorSpec]) -> None:
    """Stopped anywhere, saved through msgpack and restored into a fresh build, it gives the notices that it would have given."""
    tape = calm_tape()
    for orders, cancels in _POINTS:
        first, script = Desk(subject, tape), Orders()
        stop = 0
        try:
            while stop < len(tape.events) and (len(first.run.orders) < orders or len(first.run.cancels) < cancels):
                first.take(tape.events[stop], script)
                stop += 1
            taken = first.executor.snapshot()
        except BrokenPlay:
            _require_known(subject, first.run)
            return
        where = f"{first.run.where}, after event {stop}"
        try:
            payload = msgspec.msgpack.encode(taken)
        except (TypeError, ValueError, OverflowError, RecursionError) as error:
            raise CheckFailure(f"{where}: snapshot() is not plain data that msgpack takes: {error}") from error
        second = first.fork(subject)
        try:
            second.executor.restore(msgspec.msgpack.decode(payload))
        except Exception as error:
            raise CheckFailure(
                f"{where}: restore of its own snapshot, through msgpack, raised {type(error).__name__}: {error} "
                "(tuples come back as lists, and whole numbers as keys stay numbers)"
            ) from error
        before = len(first.run.deliveries)
        for desk, name in ((first, "the saved one"), (second, "the restored one")):
            again = Orders(script.next_us, script.number, script.case)
            try:
                for event in tape.events[stop:]:
                    desk.take(event, again)
                desk.drain()
            except BrokenPlay:
                raise CheckFailure(f"{where}: {name} then failed: {desk.run.broke}") from desk.run.error
        _require_same(second.run, _plain(second.run), _plain(first.run)[before:], f"the one restored after event {stop}")


@check("executor", applies=simulated)
def inputs_not_mutated(subject: Subject[ExecutorSpec]) -> None:
    """The market that the executor looks at is the session's own: after every call it is what the events alone make of it."""
    tape = calm_tape()
    desk, script = Desk(subject, tape), Orders()
    alone = FeatureAccumulator(tape.instrument, has_book=True, source_is_mid=True)
    for number, event in enumerate(tape.events):
        try:
            desk.take(event, script)
        except BrokenPlay:
            _require_known(subject, desk.run)
            return
        act_us = alone.admit(event)
        if act_us < 0:
            alone.apply_late(event)
        else:
            while 0 < alone.next_row_us <= act_us:
                alone.close_row()
            alone.apply(event, act_us)
        if number % 20 == 0 or event is tape.events[-1]:
            _require_untouched(desk, alone, number)
    _require_untouched(desk, alone, len(tape.events))


def _require_untouched(desk: Desk, alone: FeatureAccumulator, number: int) -> None:
    shown, wanted = desk.market.snapshot(), alone.snapshot()
    different = [name for name in wanted if repr(shown[name]) != repr(wanted[name])]
    if different or list(desk.markets) != [desk.symbol] or desk.markets[desk.symbol] is not desk.market:
        raise CheckFailure(
            f"{desk.run.where}, event {number}: it changed the market that it was shown "
            f"({', '.join(different) or 'the mapping of markets'}); the session lives on it, copy what you change"
        )


def _require_known(subject: Subject[ExecutorSpec], run: Run) -> None:
    """Raise CheckFailure for a play that broke, unless the plays of ``commands_never_raise`` broke as well."""
    if not broke_in_the_plays(subject):
        raise CheckFailure(f"{run.where}: {run.broke}, in a play that other builds have come through") from run.error


def _plain(run: Run) -> list[list[Any]]:
    plain: list[list[Any]] = msgspec.json.decode(msgspec.json.encode([msgspec.structs.astuple(notice) for notice in run.notices()]))
    return plain


def _require_same(run: Run, found: list[list[Any]], wanted: list[list[Any]], what: str) -> None:
    for index, (a, b) in enumerate(zip(found, wanted, strict=False)):
        if a != b:
            raise CheckFailure(f"{run.where}: {what} gives notice {index} as {a}, expected {b}")
    if len(found) != len(wanted):
        raise CheckFailure(f"{run.where}: {what} gives {len(found)} notices, expected {len(wanted)}")
