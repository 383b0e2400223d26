"""Executors that turn on their host while a position is open: orders of unknown fate, and an end at the third fault."""

from collections.abc import Callable
from typing import Any

import pytest

from flashcrash_core.api import (
    FillRecord,
    InvariantError,
    NoticeRecord,
    PluginFailure,
    ScoreRecord,
    Side,
    TransitionRecord,
    VenueNotice,
)

from .conftest import Play, Played
from .stand_in import built_as, fail


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
@pytest.mark.parametrize(
    "error", [RuntimeError("x"), SystemExit(3), KeyboardInterrupt(), InvariantError("x")], ids=lambda error: type(error).__name__
)
def test_an_executor_that_keeps_failing_ends_the_run(play: Play, call: str, error: BaseException) -> None:
    """It is never swapped: the session halts and the run fails. Its own InvariantError or interrupt is no more than a fault."""
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
