"""Strategies, scorers, executors, feeds and stores that turn on their host while a position is open."""

from collections.abc import Callable, Iterator
from math import inf, nan
from typing import Any

import attrs
import pytest

from flashcrash_core.api import (
    Cancel,
    DataError,
    Enter,
    Exit,
    FeedSource,
    FillRecord,
    InvariantError,
    NoticeRecord,
    OrderType,
    PluginFailure,
    Refuse,
    Score,
    ScoreRecord,
    Side,
    StorageError,
    TradeRecord,
    TransitionRecord,
    VenueNotice,
)

from .conftest import Play, Played
from .test_hostile_indicators import Liar, _later, nested, stepping


def fail() -> Any:
    """A bug."""
    raise IndexError("out of range")


def leave_process() -> Any:
    """What a script would do."""
    raise SystemExit(3)


class StandIn:
    """Passes everything on; ``changed`` maps a method to ``f(inner, *arguments)`` that is called instead."""

    def __init__(self, inner: Any, changed: dict[str, Callable[..., Any]]) -> None:
        self._inner, self._changed = inner, changed

    def __getattr__(self, name: str) -> Any:
        own = self._changed.get(name)
        return getattr(self._inner, name) if own is None else lambda *arguments, **named: own(self._inner, *arguments, **named)


def built_as(**changed: Callable[..., Any]) -> Callable[[Any], Any]:
    """A spec whose plugin is a stand-in."""

    def change(spec: Any) -> Any:
        return attrs.evolve(spec, build=lambda *arguments: StandIn(spec.build(*arguments), changed))

    return change


# -- strategies ----------------------------------------------------------------------------------------------------------


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


# -- scorers -------------------------------------------------------------------------------------------------------------


def scoring(misbehave: Callable[[Any, Any], Any]) -> dict[str, Callable[..., Any]]:
    """Score as shipped once, so that a position opens; from then on misbehave."""
    asked = [0]

    def score(inner: Any, context: Any) -> Any:
        asked[0] += 1
        return inner.score(context) if asked[0] == 1 else misbehave(inner, context)

    return {"score": score}


def with_total(total: Any) -> Callable[[Any, Any], Any]:
    return lambda inner, context: attrs.evolve(inner.score(context), total=total)


def writes_statistics(inner: Any, context: Any) -> Any:
    context.statistics["depth"] = {}


SCORERS: dict[str, tuple[Callable[[Any, Any], Any], str]] = {
    "raises": (lambda inner, context: fail(), "raised"),
    "raises SystemExit": (lambda inner, context: leave_process(), "raised"),
    "returns None": (lambda inner, context: None, "wrong_type"),
    "returns a number": (lambda inner, context: 99.0, "wrong_type"),
    "returns a coroutine": (lambda inner, context: _later(), "wrong_type"),
    "gives a total that lies": (with_total(Liar(99.0)), "wrong_type"),
    "gives an int": (with_total(99), "wrong_type"),
    "gives a text": (with_total("99"), "wrong_type"),
    "gives infinity": (with_total(inf), "not_finite"),
    "gives NaN": (with_total(nan), "not_finite"),
    "writes the statistics": (writes_statistics, "raised"),
    "gives components of text": (lambda inner, context: attrs.evolve(inner.score(context), components={"x": "y"}), "wrong_type"),
}


@pytest.mark.parametrize("name", SCORERS)
def test_a_hostile_scorer_costs_entries_only(play: Play, name: str) -> None:
    """Each fault refuses its entry, the third all entries to come; what was bought before is sold by the strategy's own rules."""
    misbehave, kind = SCORERS[name]
    played = play(scorers=built_as(**scoring(misbehave)))
    assert played.outcome is not None, played.error
    assert [(f.stage, f.name, f.call, f.kind, f.quarantined) for f in played.faults] == [
        ("scorer", "hostile", "score", kind, last) for last in (False, False, True)
    ]
    refused = [row.refused for row in played.of(ScoreRecord)]
    assert refused.count("scorer_fault") == 3
    assert "scorer_quarantined" in refused
    assert played.outcome.status == "done"
    assert [t.exit_reason for t in played.of(TradeRecord)] == ["target"]
    played.left()


def test_an_entry_against_a_failed_score_is_refused_by_the_kernel(play: Play) -> None:
    """A strategy that enters although the score failed does not get through."""

    def decide(inner: Any, moment: Any) -> Any:
        return [
            Enter(moment.ask_ticks, 100, OrderType.LIMIT, "anyway") if type(i) is Refuse and i.reason == "scorer_fault" else i
            for i in inner.decide(moment)
        ]

    played = play(strategies=built_as(decide=decide), scorers=built_as(**scoring(lambda inner, context: None)))
    assert [row.refused for row in played.of(ScoreRecord)].count("scorer_fault") == 3
    assert len([f for f in played.of(FillRecord) if f.side == Side.BUY]) >= 1
    assert len(played.of(TradeRecord)) == 1


# -- executors -----------------------------------------------------------------------------------------------------------


def sells(order: Any) -> bool:
    return bool(order.side is Side.SELL)


def test_a_submit_that_raises_leaves_an_order_of_unknown_fate(play: Play) -> None:
    """The order is UNKNOWN, never rejected; entries end, exits are still tried, and what the venue then says counts."""
    left = [1]

    def submit(inner: Any, order: Any) -> None:
        inner.submit(order)  # it reached the venue, and then something broke
        if sells(order) and left[0]:
            left[0] -= 1
            raise ConnectionError("the reply was lost")

    played = play(executors=built_as(submit=submit))
    assert played.outcome is not None, played.error
    (fault,) = played.faults
    assert (fault.stage, fault.call, fault.kind, fault.quarantined) == ("executor", "submit", "raised", False)
    unknown = [n for n in played.of(NoticeRecord) if n.kind == "UNKNOWN" and n.reason == "executor_fault"]
    assert [n.state for n in unknown] == ["UNKNOWN"]
    assert not [n for n in played.of(NoticeRecord) if n.state == "REJECTED"]
    refused = {row.refused for row in played.of(ScoreRecord) if row.seq > fault.seq}
    assert refused == {"executor_fault"}
    played.left()


def ends_as_failed(played: Played, call: str) -> None:
    """Three faults, a halt, and an error that names the executor and sends the user to the venue."""
    assert isinstance(played.error, PluginFailure)
    assert "executor hostile failed 3 times" in str(played.error)
    assert "Check at the venue" in str(played.error)
    assert [(f.stage, f.call, f.quarantined) for f in played.faults[:3]] == [
        ("executor", call, last) for last in (False, False, True)
    ]
    assert played.session.halted == "executor_quarantined"
    assert played.of(TransitionRecord)[-1].reason == "executor_quarantined"


def fails_when_used(name: str, error: BaseException) -> dict[str, Callable[..., Any]]:
    """``name`` raises from the first order on."""
    used = [False]

    def submit(inner: Any, order: Any) -> None:
        used[0] = True
        inner.submit(order)

    def method(inner: Any, *arguments: Any) -> Any:
        if used[0]:
            raise error
        return getattr(inner, name)(*arguments)

    return {"submit": submit, name: method}


@pytest.mark.parametrize("call", ["pending", "due", "on_market", "snapshot"])
@pytest.mark.parametrize("error", [RuntimeError("x"), SystemExit(3)], ids=["error", "exit"])
def test_an_executor_that_keeps_failing_ends_the_run(play: Play, call: str, error: BaseException) -> None:
    """It is never swapped: the session halts and the run fails."""
    ends_as_failed(play(executors=built_as(**fails_when_used(call, error))), call)


def test_an_executor_that_takes_no_order_ends_the_run(play: Play) -> None:
    """Entries that cannot be sent block further ones at the first, so the third fault comes from exits or cancels, if at all."""
    played = play(executors=built_as(submit=lambda inner, order: fail()))
    assert played.outcome is not None
    assert [f.call for f in played.faults] == ["submit"] * len(played.faults)
    assert not played.of(FillRecord)
    assert {n.state for n in played.of(NoticeRecord)} == {"UNKNOWN"}


def test_what_is_no_notice_is_a_fault_and_the_notices_around_it_count(play: Play) -> None:
    """An answer that holds rubbish besides notices loses none of them."""

    def due(inner: Any, now_us: int) -> Any:
        notices = list(inner.due(now_us))
        return ["rubbish", *notices] if any(n.kind == "FILL" and n.maker for n in notices) else notices

    played = play(executors=built_as(due=due))
    assert played.faults
    assert {(f.call, f.kind) for f in played.faults} == {("due", "wrong_type")}
    assert played.of(FillRecord)
    played.session.check()


def test_a_malformed_notice_is_a_broken_invariant(play: Play) -> None:
    """It is about money and cannot be dropped as a mere fault."""

    def due(inner: Any, now_us: int) -> Any:
        return [
            VenueNotice(n.symbol, n.seq, n.exchange_us, n.receive_us, n.kind, n.client_id, n.price_ticks, float(n.qty_lots))  # type: ignore[arg-type]
            for n in inner.due(now_us)
        ]

    played = play(executors=built_as(due=due))
    assert isinstance(played.error, InvariantError)
    assert "executor hostile" in str(played.error)


# -- feeds and stores ----------------------------------------------------------------------------------------------------


def feeding(change: Callable[[Iterator[Any]], Iterator[Any]], **changed: Callable[..., Any]) -> Callable[[Any], Any]:
    """The simulated feed with another stream of events."""

    def opened(inner: Any, request: Any) -> FeedSource:
        source: Any = StandIn(inner.open(request), {"events": lambda source: change(source.events())} | changed)
        return source

    return built_as(open=opened)


def after(number: int, then: Callable[[], Any]) -> Callable[[Iterator[Any]], Iterator[Any]]:
    """``number`` events, then something else, then the rest."""

    def change(events: Iterator[Any]) -> Iterator[Any]:
        for count, event in enumerate(events):
            if count == number:
                yield then()
            yield event

    return change


@pytest.mark.parametrize("error", [OSError("unplugged"), SystemExit(3), GeneratorExit()], ids=lambda e: type(e).__name__)
def test_a_feed_that_raises_is_named(play: Play, plain: Played, error: BaseException) -> None:
    """The run ends with a DataError naming the feed; what was recorded is kept."""

    def raising() -> Any:
        raise error

    played = play(feeds=feeding(after(21_000, raising)))
    assert isinstance(played.error, DataError)
    assert "feed hostile failed after 21000 events" in str(played.error)
    assert played.of(FillRecord) == plain.of(FillRecord)[: len(played.of(FillRecord))] != []


def test_an_item_that_is_no_event_is_rejected_and_journalled(play: Play, plain: Played) -> None:
    """One costs nothing but itself: counted among the rejected, told as a fault, decisions as without it."""
    played = play(feeds=feeding(after(21_000, lambda: "tick")))
    (fault,) = played.faults
    assert (fault.stage, fault.name, fault.kind, fault.quarantined) == ("feed", "hostile", "not_an_event", False)
    assert played.report()["data"]["SIMUSDT"]["rejected"] == {"not_an_event": 1}
    assert played.session.hash.hex == plain.session.hash.hex


def test_the_third_item_that_is_no_event_ends_the_run(play: Play) -> None:
    """A feed that does not speak events cannot be trusted with any."""

    def change(events: Iterator[Any]) -> Iterator[Any]:
        for count, event in enumerate(events):
            yield _later() if count > 21_000 else event

    played = play(feeds=feeding(change))
    assert isinstance(played.error, DataError)
    assert "feed hostile: yielded a coroutine" in str(played.error)
    assert [f.kind for f in played.faults] == ["not_an_event"] * 3


@pytest.mark.parametrize("method", ["write", "commit", "save_snapshot"])
def test_a_store_that_raises_is_named(play: Play, method: str, tmp_path: Any) -> None:
    """What cannot be recorded must not be executed: the run ends with a StorageError naming the store."""
    from flashcrash_core.runtime.store_guard import opened_store
    from flashcrash_storage.sqlite import SqliteConfig, SqliteStore

    def broken(inner: Any, *arguments: Any) -> None:
        raise OSError("no space")

    inner = SqliteStore(SqliteConfig(), str(tmp_path / "x.db"))
    store: Any = opened_store("hostile", lambda: StandIn(inner, {method: broken}))  # type: ignore[arg-type, return-value]
    with pytest.raises(StorageError, match=f"store hostile failed at {method}: OSError: no space \\(test_hostile_\\w+.py:"):
        getattr(store, method)(*{"write": ("s", []), "commit": (), "save_snapshot": ("s", None)}[method])
    store.close()
    with pytest.raises(StorageError, match="store hostile failed at opening"):
        opened_store("hostile", lambda: broken(None))  # type: ignore[arg-type, return-value]


def test_score_and_detector_say_that_a_quarantined_indicator_is_missing(play: Play, open_us: int) -> None:
    """The scorer names it among the missing components, and the detector counts one core indicator less."""
    seen: list[tuple[int, tuple[str, ...]]] = []

    def score(inner: Any, context: Any) -> Any:
        result = inner.score(context)
        seen.append((context.t_us, result.missing))
        return result

    def raising(shape: Any, row: Any) -> Any:
        raise KeyError("x")

    played = play(indicators=stepping(raising, open_us), scorers=built_as(score=score))
    assert played.faults[-1].quarantined
    quarantined_us = played.faults[-1].t_us
    assert [missing for t_us, missing in seen if t_us < open_us] == [()]
    # Peak-hold looks back 10 s: from then on nothing is left of it.
    late = [missing for t_us, missing in seen if t_us > quarantined_us + 11_000_000]
    assert late
    assert all("volume_delta" in missing for missing in late)
    evidence = [t.evidence for t in played.of(TransitionRecord) if t.t_us > quarantined_us]
    assert {(e["n"], e["values"]["volume_delta"]) for e in evidence} == {(4, None)}
