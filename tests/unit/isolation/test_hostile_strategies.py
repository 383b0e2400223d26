"""Strategies that turn on their host while a position is open: three faults, and the kernel sells what is held by itself."""

import re
from collections.abc import Callable, Iterator
from math import inf
from typing import Any

import pytest

from flashcrash_core.api import Cancel, Enter, Exit, OrderType, Refuse, Score, TradeRecord, TransitionRecord

from .conftest import Play, Played
from .stand_in import built_as, fail, interrupt, leave_process
from .test_hostile_indicators import Liar, _later, nested


def when_holding(misbehave: Callable[[Any], Any]) -> dict[str, Callable[..., Any]]:
    """Decide as shipped until lots are held; from then on misbehave."""
    turned = [False]

    def decide(inner: Any, moment: Any) -> Any:
        turned[0] |= any(position.held_lots for position in moment.positions)
        return misbehave(moment) if turned[0] else inner.decide(moment)

    return {"decide": decide}


def halfway(moment: Any) -> Iterator[Any]:
    """A good intent, then an error, in a generator."""
    yield Refuse("first_of_two")
    raise KeyError("halfway")


def without_end(moment: Any) -> Iterator[Any]:
    """Never stops by itself."""
    while True:
        yield Refuse("again")


def assigning(path: str, value: Any) -> Callable[[Any], Any]:
    """Assign to something that the kernel handed over."""

    def misbehave(moment: Any) -> Any:
        target = moment
        *ways, last = path.split(".")
        for way in ways:
            target = target[0] if way == "0" else getattr(target, way)
        setattr(target, last, value)
        return ()

    return misbehave


def writing(name: str) -> Callable[[Any], Any]:
    """Write into a mapping that the kernel handed over."""

    def misbehave(moment: Any) -> Any:
        getattr(moment, name)["volatility"] = 0.0
        return ()

    return misbehave


def enter(**changes: Any) -> Callable[[Any], Any]:
    """An entry with a field of nonsense."""
    fields: dict[str, Any] = {"price_ticks": 1000, "qty_lots": 1, "type": OrderType.LIMIT, "reason": "x"}
    return lambda moment: [Enter(**(fields | changes))]


def leave(**changes: Any) -> Callable[[Any], Any]:
    """An exit with a field of nonsense."""
    fields: dict[str, Any] = {"qty_lots": 1, "type": OrderType.LIMIT_IOC, "price_ticks": 1, "reason": "x"}
    return lambda moment: [Exit(**({"position_id": moment.positions[0].id if moment.positions else 1} | fields | changes))]


class EvilEnter(Enter):
    """A subclass: its fields may be anything at any time."""


STRATEGIES: dict[str, tuple[Callable[[Any], Any], str]] = {
    "raises": (lambda moment: fail(), "raised"),
    "raises SystemExit": (lambda moment: leave_process(), "raised"),
    "raises KeyboardInterrupt": (lambda moment: interrupt(), "raised"),
    "raises the kernel's own InvariantError": (
        lambda moment: moment.positions[0].settle() if moment.positions else fail(),
        "raised",
    ),
    "returns None": (lambda moment: None, "wrong_type"),
    "returns text": (lambda moment: "buy", "wrong_type"),
    "returns a number": (lambda moment: 7, "wrong_type"),
    "returns a coroutine": (lambda moment: _later(), "wrong_type"),
    "returns no intents": (lambda moment: [1, 2], "wrong_type"),
    "returns a subclass of Enter": (lambda moment: [EvilEnter(1, 1, OrderType.LIMIT, "x")], "wrong_type"),
    "raises halfway through": (halfway, "raised"),
    "never stops": (without_end, "wrong_shape"),
    "writes a position": (assigning("positions.0.bought_lots", 0), "raised"),
    "writes an order": (assigning("moment", 0), "raised"),
    "writes the moment": (assigning("cash_minor", 10**20), "raised"),
    "writes the instrument": (assigning("instrument.tick_size", 0), "raised"),
    "writes the readings": (writing("readings"), "raised"),
    "writes the statistics": (writing("statistics"), "raised"),
    "writes the flags": (writing("fired"), "raised"),
    "buys a negative quantity": (enter(qty_lots=-1), "invalid_intent"),
    "buys half a lot": (enter(qty_lots=0.5), "invalid_intent"),
    "buys at True": (enter(price_ticks=True), "invalid_intent"),
    "buys more than a database can hold": (enter(qty_lots=10**30), "invalid_intent"),
    "buys with a type of its own": (enter(type="LIMIT"), "invalid_intent"),
    "buys for a reason that cannot be stored": (enter(reason="\ud800"), "invalid_intent"),
    "buys for no reason": (enter(reason=""), "invalid_intent"),
    "buys with a forged score": (enter(score=Score(Liar(inf), {})), "wrong_type"),
    "buys with a score above 100": (enter(score=Score(101.0, {})), "out_of_range"),
    "buys with an infinite score": (enter(score=Score(inf, {})), "not_finite"),
    "buys with a score that is none": (enter(score=object()), "wrong_type"),
    "sells a position that is none": (leave(position_id=10**9), "invalid_intent"),
    "sells a negative quantity": (leave(qty_lots=-1), "invalid_intent"),
    "sells at a float": (leave(price_ticks=1.5), "invalid_intent"),
    "cancels a number": (lambda moment: [Cancel(7, "x")], "invalid_intent"),  # type: ignore[arg-type]
    "refuses for no reason": (lambda moment: [Refuse("")], "invalid_intent"),
    "refuses with a detail that is none": (lambda moment: [Refuse("x", None, nested())], "wrong_type"),
    "asks for a score of nonsense": (lambda moment: moment.score("a", None, {}), "raised"),
}


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_hostile_strategy_is_replaced_by_flattening(play: Play, name: str) -> None:
    """Three faults, then the session halts, and the kernel sells what is held by itself: nothing stays behind."""
    misbehave, kind = STRATEGIES[name]
    played = play(strategies=built_as(**when_holding(misbehave)))
    assert played.outcome is not None, played.error
    assert [(f.stage, f.name, f.call, f.quarantined) for f in played.faults] == [
        ("strategy", "hostile", "decide", last) for last in (False, False, True)
    ]
    assert {f.kind for f in played.faults} == {kind}, played.faults
    assert all(re.search(r" \(\w+\.py:\d+\)$", f.message) for f in played.faults), played.faults
    assert (played.outcome.status, played.session.halted) == ("halted", "strategy_quarantined")
    assert [t.reason for t in played.of(TransitionRecord)][-1] == "strategy_quarantined"
    assert {t.exit_reason for t in played.of(TradeRecord)} == {"flatten"}
    assert any("strategy hostile failed 3 times" in warning for warning in played.report()["warnings"])
    played.left()


METHODS = {
    "on_bar": {"on_bar": lambda inner, bar: fail()},
    "on_entered": {"on_entered": lambda inner, position, intent: fail()},
    "on_closed": {"on_closed": lambda inner, position, pnl: fail()},
    "snapshot raises": {"snapshot": lambda inner: fail()},
    "snapshot gives an object": {"snapshot": lambda inner: {"x": object()}},
    "snapshot gives no dict": {"snapshot": lambda inner: 7},
    "on_entered writes": {"on_entered": lambda inner, position, intent: setattr(position, "bought_lots", 7)},
}


@pytest.mark.parametrize("name", METHODS)
def test_every_method_of_a_strategy_is_guarded(play: Play, name: str) -> None:
    """Telling it of bars, entries and ends, and asking for its state, may fail as well; three faults and it is gone."""
    played = play(strategies=built_as(**METHODS[name]))
    assert played.outcome is not None, played.error
    assert [f.quarantined for f in played.faults] == [False, False, True]
    assert {f.call for f in played.faults} == {name.split(maxsplit=1)[0]}
    assert played.session.halted == "strategy_quarantined"
    assert not played.session.blotter.positions
    played.session.check()


def test_what_is_changed_by_force_is_a_copy(play: Play, plain: Played) -> None:
    """A strategy that gets around the frozen views changes nothing of the kernel's: the run is the plain one."""

    def decide(inner: Any, moment: Any) -> Any:
        answer = list(inner.decide(moment))
        for view in (*moment.positions, *moment.orders):
            for field in ("bought_lots", "bought_units", "filled_lots", "fee_minor", "state"):
                if hasattr(type(view), field):
                    object.__setattr__(view, field, 12_345)
        for field in ("ask_ticks", "bid_ticks", "last_ticks", "equity_minor", "cash_minor", "blocked", "positions"):
            object.__setattr__(moment, field, ())
        return answer

    played = play(strategies=built_as(decide=decide))
    assert played.faults == []
    assert played.decisions() == plain.decisions()
