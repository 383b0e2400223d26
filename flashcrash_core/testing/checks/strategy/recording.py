"""A run of the strategy at the desk, recorded call by call, to be played again to other builds of it."""

from collections.abc import Iterable, Sequence
from copy import copy
from typing import Any, Final

import msgspec
from attrs import define, evolve, field, frozen

from flashcrash_core.market.bars import Bar
from flashcrash_core.specs import StrategySpec
from flashcrash_core.testing.battery import CheckFailure
from flashcrash_core.testing.checks.once import once
from flashcrash_core.testing.checks.strategy.desk import Desk, built, copied_order
from flashcrash_core.testing.checks.strategy.market import inviting_market
from flashcrash_core.testing.checks.strategy.venue import MoodyVenue
from flashcrash_core.testing.subject import Subject
from flashcrash_core.trading.positions import Position
from flashcrash_core.trading.strategy import Enter, Intent, Moment, Strategy

__all__ = ["Call", "Recording", "enters", "first_entry", "packed", "play", "recorded", "require_same", "until_entry"]

SAVED_EVERY_BEATS: Final = 300


@frozen
class Call:
    """One call of the strategy's methods. ``intents`` is what ``decide`` gave, as text that tells floats apart to the bit."""

    method: str
    arguments: tuple[Any, ...]
    intents: str = ""
    enters: bool = False


@define
class _Recorder:
    """Passes every call on and keeps it."""

    strategy: Strategy
    calls: list[Call] = field(factory=list)

    def on_bar(self, bar: Bar) -> None:
        self._keep("on_bar", bar)

    def on_entered(self, position: Position, intent: Enter) -> None:
        self._keep("on_entered", position, intent)

    def on_closed(self, position: Position, pnl_minor: int) -> None:
        self._keep("on_closed", position, pnl_minor)

    def decide(self, moment: Moment) -> Sequence[Intent]:
        kept = shown_again(moment)  # before the strategy could change it
        intents = list(self.strategy.decide(moment))
        self.calls.append(Call("decide", (kept,), repr(intents), any(isinstance(intent, Enter) for intent in intents)))
        return intents

    def _keep(self, method: str, *arguments: Any) -> None:
        self.calls.append(Call(method, tuple(copy(argument) for argument in arguments)))
        getattr(self.strategy, method)(*arguments)

    def snapshot(self) -> dict[str, Any]:
        return self.strategy.snapshot()

    def restore(self, data: dict[str, Any]) -> None:
        self.strategy.restore(data)


@frozen
class Recording:
    """All calls of a run, and the desk at its end. ``saved`` are packed snapshots by the number of calls made before them."""

    calls: list[Call]
    desk: Desk
    saved: dict[int, bytes]


def recorded(subject: Subject[StrategySpec], seed: int) -> Recording:
    """A run through the market of ``seed`` at a venue of moods. Raises CheckFailure when the strategy raises.

    It is made once for each subject, because most checks look at it; nobody changes it.
    """
    return once(subject, ("recorded", seed), lambda: _run(subject, seed))


def _run(subject: Subject[StrategySpec], seed: int) -> Recording:
    desk = Desk(subject, venue=MoodyVenue(seed))
    recorder = _Recorder(desk.strategy)
    desk.strategy = recorder
    saved: dict[int, bytes] = {}
    for number, beat in enumerate(inviting_market(seed)):
        desk.step(beat)
        # With a position open there is more to forget; but a strategy that never has one is saved as well.
        if (desk.blotter.positions and desk.sent > 3 * len(saved)) or number % SAVED_EVERY_BEATS == SAVED_EVERY_BEATS - 1:
            saved[len(recorder.calls)] = packed(subject, recorder.snapshot())
    return Recording(recorder.calls, desk, saved)


def packed(subject: Subject[Any], snapshot: Any) -> bytes:
    """A snapshot as it is stored. Raises CheckFailure when it cannot be."""
    try:
        return msgspec.msgpack.encode(snapshot)
    except (TypeError, ValueError, OverflowError) as error:
        raise CheckFailure(
            f"{subject.label}: the snapshot cannot be stored: {error}; give plain numbers, texts, lists and dicts"
        ) from error


def play(strategy: Strategy, call: Call) -> str:
    """Make the recorded call again, with copies of what could be changed; what ``decide`` gave, as text."""
    if call.method == "decide":
        return repr(list(strategy.decide(shown_again(call.arguments[0]))))
    getattr(strategy, call.method)(*(copy(argument) for argument in call.arguments))
    return ""


def shown_again(moment: Moment, **changes: Any) -> Moment:
    """The same moment in an object of its own."""
    own: dict[str, Any] = {
        "readings": dict(moment.readings),
        "fired": dict(moment.fired),
        "statistics": {name: dict(values) for name, values in moment.statistics.items()},
        "positions": [copy(position) for position in moment.positions],
        "orders": [copied_order(order) for order in moment.orders],
    }
    return evolve(moment, **(own | changes))


def require_same(subject: Subject[Any], found: str, call: Call, what: str) -> None:
    """Raise CheckFailure unless ``decide`` gave what was recorded."""
    if found != call.intents:
        t_us = call.arguments[0].now_us
        raise CheckFailure(f"{subject.label}: {what}: at t_us {t_us} it intends {found or 'nothing'}, before {call.intents}")


def first_entry(calls: Iterable[Call]) -> int | None:
    """Number of the first call of ``decide`` that gave an Enter."""
    return next((index for index, call in enumerate(calls) if call.enters), None)


def enters(subject: Subject[StrategySpec]) -> str:
    """``applies`` of checks that look at entries: "" if the strategy makes any in the first market."""
    try:
        calls = recorded(subject, subject.effort.seeds[0]).calls
    except Exception:
        return ""  # the check itself will say what it is that raises
    if first_entry(calls) is None:
        return f"it entered nothing in the market of seed {subject.effort.seeds[0]}, so there is no entry to look at"
    return ""


def until_entry(subject: Subject[StrategySpec]) -> tuple[list[Call], Moment]:
    """The calls up to the first entry, and the moment of the latter. Raises CheckFailure when there is none."""
    calls = recorded(subject, subject.effort.seeds[0]).calls
    index = first_entry(calls)
    if index is None:
        raise CheckFailure(
            f"{subject.label}: entered nothing, though it had before in the same market (seed {subject.effort.seeds[0]})"
        )
    return calls[:index], calls[index].arguments[0]


def asked_at_entry(subject: Subject[StrategySpec], before: Sequence[Call], moment: Moment, **changes: Any) -> list[Any]:
    """What a fresh strategy intends at the moment of the first entry with ``changes`` to it."""
    strategy = built(subject)
    for call in before:
        play(strategy, call)
    return list(strategy.decide(shown_again(moment, **changes)))
