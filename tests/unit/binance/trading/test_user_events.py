"""Events of the user data stream: exact records, client ids mapped, and errors that name the field."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from flashcrash_binance.trading.user_events import UserEvent, is_user_event, user_event
from flashcrash_binance.trading.venue_records import (
    Balance,
    BalanceChange,
    Balances,
    ExecutionReport,
    ForeignOrder,
    ListStatus,
    MalformedAnswer,
    OtherEvent,
    ServerShutdown,
    StreamEnded,
    VenueStatus,
)
from flashcrash_core.api import Instrument, Side

BTC = Instrument("BTCUSDT", Decimal("0.01"), Decimal("0.00001"))
NOON_MS = 1_660_801_715_639


def report(**change: Any) -> dict[str, Any]:
    """The NEW report of a limit buy of 0.01 at 20000.00."""
    return {
        "e": "executionReport", "E": NOON_MS + 1, "s": "BTCUSDT", "c": "fc-1", "S": "BUY", "o": "LIMIT", "f": "GTC",
        "q": "0.01000000", "p": "20000.00000000", "P": "0.00000000", "F": "0.00000000", "g": -1, "C": "",
        "x": "NEW", "X": "NEW", "r": "NONE",
        "i": 4293153, "l": "0.00000000", "z": "0.00000000", "L": "0.00000000", "n": "0", "N": None, "T": NOON_MS, "t": -1,
        "I": 8641984, "w": True, "m": False, "M": False, "O": NOON_MS, "Z": "0.00000000", "Y": "0.00000000", "Q": "0.00000000",
        "W": NOON_MS, "V": "NONE", **change,
    }  # fmt: skip


def traded(**change: Any) -> dict[str, Any]:
    """A partial fill of 0.004 that makes 0.006 of 0.01."""
    step = {
        "x": "TRADE", "X": "PARTIALLY_FILLED", "l": "0.00400000", "z": "0.00600000", "L": "19999.50000000", "n": "0.00000400",
        "N": "BTC", "t": 77, "m": True, "Z": "119.99800000",
    }  # fmt: skip
    return report(**step) | change


def event(body: dict[str, Any], subscription: int | None = 0) -> UserEvent:
    wrapped = body if subscription is None else {"subscriptionId": subscription, "event": body}
    return user_event(msgspec.json.encode(wrapped), {"BTCUSDT": BTC})


def execution(body: dict[str, Any]) -> ExecutionReport:
    fact = event(body).fact
    assert isinstance(fact, ExecutionReport)
    return fact


def test_a_trade_is_a_fill_with_its_order() -> None:
    """Price, lots, commission, maker flag and trade id of this step; cumulative quantities of the order."""
    found = execution(traded())
    fill = found.fill
    assert fill is not None
    assert (fill.client_id, fill.order_id, fill.trade_id, fill.side) == ("fc-1", 4293153, 77, Side.BUY)
    assert (fill.price_ticks, fill.qty_lots, fill.maker, fill.ts_us) == (1_999_950, 400, True, NOON_MS * 1000)
    assert (fill.commission, fill.commission_asset) == (Decimal("0.000004"), "BTC")
    assert (found.order.status, found.order.qty_lots, found.order.filled_lots) == (VenueStatus.PARTIALLY_FILLED, 1000, 600)
    assert found.order.quote_minor == 1_199_980_000_000
    assert (found.execution_id, found.event_us) == (8641984, (NOON_MS + 1) * 1000)


def test_a_new_order_has_no_fill() -> None:
    """Only a TRADE brings a fill."""
    found = execution(report())
    assert (found.fill, found.client_id, found.cancel_id, found.on_book) == (None, "fc-1", "", True)


def test_a_cancelled_order_keeps_its_own_id() -> None:
    """In the event of a cancel the order's id stands in C and the cancel's in c; an expiry has no cancel."""
    found = execution(report(x="CANCELED", X="CANCELED", c="cancel-9", C="fc-1"))
    assert (found.client_id, found.cancel_id, found.order.status.final) == ("fc-1", "cancel-9", True)
    found = execution(report(x="EXPIRED", X="EXPIRED", eR="EXECUTION_RULE_PRICE_RANGE_EXCEEDED"))
    assert (found.client_id, found.cancel_id) == ("fc-1", "")
    assert found.order.expiry_reason == "EXECUTION_RULE_PRICE_RANGE_EXCEEDED"


def test_slivers_in_reports_are_counted_once() -> None:
    """Lots come from the cumulative quantity: a fill of half a lot brings none, the next half brings it."""
    first, second = (
        execution(traded(l="0.00000500", z=z, t=t)).fill for z, t in (("0.00000500", 1), ("0.00001000", 2))
    )  # fmt: skip
    assert first is not None
    assert second is not None
    assert (first.qty_lots, second.qty_lots, first.off_grid, second.off_grid) == (0, 1, True, True)


@pytest.mark.parametrize(
    ("change", "off"), [({}, False), ({"p": "20000.001"}, True), ({"P": "19000.001"}, True), ({"q": "0.010005"}, True)]
)
def test_an_order_off_the_grid_is_marked(change: dict[str, Any], off: bool) -> None:
    """One price or quantity finer than the grid marks the order of a report."""
    assert execution(report(**change)).order.off_grid is off


def test_the_first_trade_of_a_symbol_has_the_id_0() -> None:
    """Only a negative id is none."""
    fill = execution(traded(t=0)).fill
    assert fill is not None
    assert fill.trade_id == 0


def test_a_report_of_another_symbol_is_foreign() -> None:
    """Orders in symbols that the run does not trade are told apart."""
    assert event(report(s="ETHUSDT", p="0.123456789")).fact == ForeignOrder(
        symbol="ETHUSDT", client_id="fc-1", order_id=4293153, status=VenueStatus.NEW
    )


REQUIRED = ("E", "s", "c", "S", "o", "f", "q", "p", "x", "X", "r", "i", "l", "z", "L", "n", "N", "T", "t", "I", "w", "m", "Z")


@pytest.mark.parametrize("field", REQUIRED)
def test_a_field_missing_from_a_report_is_named(field: str) -> None:
    """A report without one of its fields is an error that names it."""
    body = traded()
    del body[field]
    with pytest.raises(MalformedAnswer, match=f"`{field}`"):
        event(body)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"q": 0.01}, "`str`, got `float`"),
        ({"z": "0.02000000"}, "field z"),
        ({"l": "0.00700000"}, "field l"),
        ({"l": "0.00000000"}, "nothing traded"),
        ({"L": "0.00000000"}, "nothing traded"),
        ({"t": -1}, "field t"),
        ({"n": None}, "field n"),
        ({"N": None}, "commissionAsset"),
        ({"n": "-1"}, "commission"),
        ({"X": "DONE"}, "field X"),
        ({"X": "FILLED"}, "field X"),
        ({"S": "HOLD"}, "field S"),
        ({"Z": "x"}, "field Z"),
        ({"T": 0}, "field T"),
    ],
)
def test_a_report_that_cannot_be_is_an_error(change: dict[str, Any], told: str) -> None:
    """Contradictions, floats, unknown words and missing commissions are errors that name the field."""
    with pytest.raises(MalformedAnswer, match=told):
        event(traded(**change))


def test_account_positions_are_partial() -> None:
    """Absolute balances of the assets that may have changed; the others are not known from it."""
    body = {"e": "outboundAccountPosition", "E": NOON_MS, "u": NOON_MS - 1, "B": [{"a": "BTC", "f": "1.50000000", "l": "0.5"}]}
    fact = event(body).fact
    assert isinstance(fact, Balances)
    assert (fact.by_asset, fact.complete) == ({"BTC": Balance(Decimal("1.5"), Decimal("0.5"))}, False)
    assert fact.update_us == (NOON_MS - 1) * 1000
    body["B"] = [{"a": "BTC", "f": "1.5"}]
    with pytest.raises(MalformedAnswer, match="`l`"):
        event(body)


def test_the_other_events_are_told_apart() -> None:
    """Transfers, lists, the end of the stream and the server's own notice; an unknown event is kept by name."""
    change = {"e": "balanceUpdate", "E": NOON_MS, "a": "BTC", "d": "-100.00000000", "T": NOON_MS}
    assert event(change).fact == BalanceChange(asset="BTC", delta=Decimal(-100), ts_us=NOON_MS * 1000)
    listed = {
        "e": "listStatus", "E": NOON_MS, "s": "BTCUSDT", "g": 2, "c": "OCO", "l": "EXEC_STARTED", "L": "EXECUTING", "r": "NONE",
        "C": "l1", "T": NOON_MS, "O": [{"s": "BTCUSDT", "i": 17, "c": "p1"}, {"s": "BTCUSDT", "i": 18, "c": "s1"}],
    }  # fmt: skip
    fact = event(listed).fact
    assert isinstance(fact, ListStatus)
    assert (fact.list_client_id, fact.status, fact.legs) == ("l1", "EXEC_STARTED", {"p1": 17, "s1": 18})
    assert event({"e": "eventStreamTerminated", "E": NOON_MS}).fact == StreamEnded(NOON_MS * 1000)
    assert event({"e": "newThing", "E": NOON_MS, "x": 1}).fact == OtherEvent("newThing")
    shutdown = user_event(msgspec.json.encode({"event": {"e": "serverShutdown", "E": NOON_MS}}), {})
    assert shutdown == UserEvent(ServerShutdown(NOON_MS * 1000), None)


def test_the_subscription_is_kept_and_the_wrapping_optional() -> None:
    """Each event says by which subscription it came; a bare event is the same."""
    assert event(report(), subscription=3).subscription_id == 3
    assert event(report(), subscription=None).fact == event(report()).fact


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (b'{"subscriptionId":0,"event":{"e":"x","E":1}}', True),
        (b'{"id":1,"status":200,"result":{"event":1}}', False),
        (b"not json", False),
        (b"[]", False),
    ],
)
def test_events_are_told_from_replies(frame: bytes, expected: bool) -> None:
    """A frame with an event is one; replies and nonsense are not."""
    assert is_user_event(frame) is expected


@pytest.mark.parametrize(
    "frame", [b"", b"{}", b'{"subscriptionId":0}', b'{"subscriptionId":0,"event":[]}', b'{"event":{"e":1,"E":2}}']
)
def test_what_is_no_event_is_refused(frame: bytes) -> None:
    """Frames without a name or time of an event are errors of the tree."""
    with pytest.raises(MalformedAnswer):
        user_event(frame, {"BTCUSDT": BTC})
