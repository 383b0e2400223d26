"""The order gateway: whatever is lost, late or told twice, an order is sent once, a fill counts once, the end comes last."""

from decimal import Decimal
from random import Random

import pytest
from scripted_venue import INSTRUMENT, GatewayBench, order

from flashcrash_core.api import InvariantError, NoticeKind, OrderType, Side, to_money
from flashcrash_core.trading.orders import Order, VenueNotice


@pytest.fixture
def bench() -> GatewayBench:
    """Connected and listening."""
    one = GatewayBench()
    one.connect()
    assert one.gateway.listening
    return one


def as_the_kernel(bench: GatewayBench, client_id: str, lots: int = 1_000, side: Side = Side.BUY) -> Order:
    """The order as the kernel's state machine has it after all notices; raises for an illegal step."""
    kept = Order(order(client_id, side, lots=lots))
    kept.sent()
    for number, (kind, name, fields) in enumerate(bench.told):
        if name == client_id:
            kept.apply(VenueNotice("BTCUSDT", number, 1, 1, kind, name, **fields), number)
    return kept


def test_a_round_without_trouble(bench: GatewayBench) -> None:
    """Acknowledged once, though reply and event both tell of it; then its fills, and nothing after the last one."""
    bench.submit(order())
    bench.fill("a", "0.004")
    bench.fill("a", "0.006")
    assert bench.kinds == ["ACK", "FILL", "FILL"]
    assert as_the_kernel(bench, "a").state == "FILLED"
    assert bench.gateway.orders == {}


def test_a_lost_reply_is_asked_for_and_never_sent_again(bench: GatewayBench) -> None:
    """The order was accepted, the reply and its event are lost: UNKNOWN, then found by its id."""
    bench.mute, bench.silent_stream = {"order.place"}, True
    bench.submit(order())
    bench.wait(1.9)
    assert bench.kinds == []
    bench.wait(0.2)
    assert bench.kinds == ["UNKNOWN", "ACK"]
    assert bench.sent("order.place") == 1
    assert bench.gateway.counts["resolved"] == 1


def test_an_order_that_never_arrived_is_given_up_only_when_it_cannot_arrive_any_more(bench: GatewayBench) -> None:
    """Receive window, engine's limit and clock error must have passed, with the stream heard: 12 s."""
    bench.lose = {"order.place"}
    bench.submit(order())
    bench.wait(11.9)
    assert bench.kinds == ["UNKNOWN"]
    bench.wait(1.0)
    assert bench.kinds == ["UNKNOWN", "REJECT"]
    assert bench.told[-1][2]["reason"] == "never_arrived"
    assert as_the_kernel(bench, "a").state == "REJECTED"
    assert bench.sent("order.place") == 1


def test_a_replica_that_lags_is_no_proof(bench: GatewayBench) -> None:
    """Questions find nothing for seconds though the order was accepted: it is not given up, and found in the end."""
    bench.mute, bench.silent_stream, bench.hidden = {"order.place"}, True, True
    bench.submit(order())
    bench.wait(8)
    bench.hidden = False
    bench.wait(1)
    assert bench.kinds == ["UNKNOWN", "ACK"]


def test_a_filled_reply_that_was_lost_is_made_up_from_the_trades(bench: GatewayBench) -> None:
    """Filled at once, nothing was heard of it: the query tells how much, the list of trades tells what for."""
    bench.silent_stream, bench.mute = True, {"order.place"}
    bench.submit(order())
    bench.fill("a", "0.007", commission="0.35")
    bench.fill("a", "0.003", commission="0.15")
    bench.wait(3)
    assert bench.kinds == ["UNKNOWN", "ACK", "FILL", "FILL"]
    assert sum(fields["fee_minor"] for kind, _, fields in bench.told if kind is NoticeKind.FILL) == to_money("0.5")
    assert as_the_kernel(bench, "a").state == "FILLED"


def test_the_end_waits_for_the_fills_before_it(bench: GatewayBench) -> None:
    """The cancel's answer shows an executed part whose event was lost: the trades are asked for, and CANCELLED comes last."""
    bench.submit(order())
    bench.silent_stream = True
    bench.fill("a", "0.004")
    bench.cancel("a")
    assert bench.kinds == ["ACK"]
    bench.wait(1)
    assert bench.kinds == ["ACK", "FILL", "CANCELLED"]
    kept = as_the_kernel(bench, "a")
    assert (kept.state, kept.filled_lots, kept.late_fill) == ("CANCELLED", 400, False)


def test_a_fill_wins_over_a_cancel(bench: GatewayBench) -> None:
    """The order was filled when the cancel arrived: the venue knows no such order, the query tells why."""
    bench.submit(order())
    bench.silent_stream = True
    bench.fill("a", "0.01")
    bench.cancel("a")
    bench.wait(2)
    assert bench.kinds == ["ACK", "FILL"]
    assert as_the_kernel(bench, "a").state == "FILLED"


def test_a_lost_cancel_is_repeated(bench: GatewayBench) -> None:
    """Cancelling twice is harmless; an order must not rest because one message was lost."""
    bench.submit(order())
    bench.lose = {"order.cancel"}
    bench.cancel("a")
    bench.wait(1)
    bench.lose = set()
    bench.wait(3)
    assert bench.kinds == ["ACK", "CANCELLED"]
    assert bench.sent("order.cancel") == 2


def test_a_cancel_that_cannot_go_now_goes_later(bench: GatewayBench) -> None:
    """The venue asked for silence: afterwards the order is cancelled."""
    bench.submit(order())
    bench.gateway._requests.limits.silent_until_us = bench.now_us + 20_000_000
    bench.cancel("a")
    assert bench.sent("order.cancel") == 0
    bench.wait(22)
    assert bench.kinds == ["ACK", "CANCELLED"]


def test_a_cancel_that_is_refused_again_and_again_is_not_asked_for_without_pause(bench: GatewayBench) -> None:
    """The order rests and the venue is overloaded: some two tries a second."""
    bench.submit(order())
    bench.errors = {"order.cancel": (503, -1008, "Server is currently overloaded")}
    bench.cancel("a")
    bench.wait(5)
    assert bench.sent("order.cancel") <= 12


def test_events_told_twice_and_late_change_nothing(bench: GatewayBench) -> None:
    """A copy of a fill, and the event of the beginning after the end."""
    bench.submit(order())
    first = bench.fill("a", "0.004")
    bench.event(first)
    last = bench.fill("a", "0.006")
    bench.event(first)
    bench.event(last)
    assert bench.kinds == ["ACK", "FILL", "FILL"]


def test_an_older_picture_does_not_hide_what_was_executed(bench: GatewayBench) -> None:
    """A query shows a fill whose event was lost; the event of the beginning, late, must not make it forgotten."""
    bench.submit(order())
    beginning = bench.gateway.orders["a"]
    stale = bench.end("a", "NEW", event=False)
    bench.fill("a", "0.004", event=False)
    beginning.ask_us = bench.now_us
    bench.wait(0.01)
    bench.event(stale)
    bench.wait(1)
    assert bench.kinds == ["ACK", "FILL"]


def test_fills_out_of_order_are_all_taken(bench: GatewayBench) -> None:
    """The second one arrives first."""
    bench.submit(order())
    first = bench.fill("a", "0.004", event=False)
    second = bench.fill("a", "0.006", event=False)
    bench.event(second)
    bench.event(first)
    assert bench.kinds == ["ACK", "FILL", "FILL"]
    assert as_the_kernel(bench, "a").state == "FILLED"


def test_fills_while_disconnected_are_made_up(bench: GatewayBench) -> None:
    """The connection was gone: on the next one every open order is asked for."""
    bench.submit(order())
    bench.disconnect()
    bench.fill("a", "0.004")
    bench.wait(5)
    assert bench.kinds == ["ACK"]
    bench.connect()
    bench.wait(1)
    assert bench.kinds == ["ACK", "FILL"]
    bench.fill("a", "0.006")
    assert as_the_kernel(bench, "a").state == "FILLED"


def test_an_order_under_way_when_the_connection_breaks_is_of_unknown_fate(bench: GatewayBench) -> None:
    """Nobody knows whether it arrived; it did, and is found."""
    bench.mute = {"order.place"}
    bench.silent_stream = True
    bench.submit(order())
    bench.disconnect()
    assert bench.kinds == ["UNKNOWN"]
    bench.silent_stream = False
    bench.connect()
    bench.wait(1)
    assert bench.kinds == ["UNKNOWN", "ACK"]


def test_without_a_connection_or_the_stream_nothing_is_sent(bench: GatewayBench) -> None:
    """What is certain not to have left is rejected at once, not unknown."""
    bench.disconnect()
    bench.submit(order())
    assert bench.told == [(NoticeKind.REJECT, "a", {"reason": "venue_unreachable"})]
    assert bench.sent("order.place") == 0


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        ((400, -2010, "Account has insufficient balance for requested action."), "insufficient_balance"),
        ((400, -1013, "Filter failure: NOTIONAL"), "filter_failure"),
        ((400, -1021, "Timestamp for this request is outside of the recvWindow."), "clock_off"),
    ],
)
def test_the_venues_refusal_is_final(bench: GatewayBench, error: tuple[int, int, str], reason: str) -> None:
    """Its own word, with the reason."""
    bench.errors = {"order.place": error}
    bench.submit(order())
    assert bench.told == [(NoticeKind.REJECT, "a", {"reason": reason})]


@pytest.mark.parametrize(
    "error", [(503, -1007, "Timeout waiting for response from backend server."), (500, -1000, "?"), (502, -1, "")]
)
def test_a_server_error_proves_nothing(bench: GatewayBench, error: tuple[int, int, str]) -> None:
    """It may have been executed."""
    bench.errors = {"order.place": error}
    bench.submit(order())
    assert bench.kinds == ["UNKNOWN"]
    bench.wait(14)
    assert bench.kinds == ["UNKNOWN", "REJECT"], "it was not, and the venue does not know it"


def test_after_too_many_requests_there_is_silence(bench: GatewayBench) -> None:
    """No order and no question until the time that was told."""
    bench.errors = {"order.place": (429, -1003, "Too much request weight used.")}
    bench.submit(order())
    bench.errors = {}
    before = len(bench.calls)
    bench.submit(order("b"))
    assert bench.kinds == ["REJECT", "REJECT"]
    assert bench.told[-1][2]["reason"] == "rate_limited"
    assert len(bench.calls) == before


def test_what_cannot_be_settled_halts_trading(bench: GatewayBench) -> None:
    """The venue answers other questions, but not this one: after 15 s nothing more is sent."""
    bench.lose = {"order.place", "order.status"}
    bench.submit(order())
    bench.wait(20)
    assert "unknown fate" in bench.gateway.halt
    bench.submit(order("b"))
    assert bench.told[-1][2]["reason"] == "trading_halted"


def test_a_key_that_is_refused_halts_trading(bench: GatewayBench) -> None:
    """No other request will fare better."""
    bench.errors = {"order.place": (400, -2015, "Invalid API-key, IP, or permissions for action.")}
    bench.submit(order())
    assert bench.gateway.halt == "bad_key"


def test_a_connection_that_does_not_answer_is_given_up(bench: GatewayBench) -> None:
    """The question for the time is the pulse: without an answer another connection is opened."""
    bench.lose = {"time"}
    bench.wait(11)
    assert bench.reconnects == ["no answer to time"]


def test_orders_of_others_are_counted_and_left_alone(bench: GatewayBench) -> None:
    """The venue's list has an order that this run never sent."""
    other = GatewayBench()
    other.connect()
    other.submit(order("theirs"))
    bench.orders = other.orders
    bench.wait(31)
    assert bench.gateway.external == {"theirs": "BTCUSDT"}
    assert bench.told == []
    assert bench.sent("order.cancel") == 0


def test_an_id_is_never_used_again(bench: GatewayBench) -> None:
    """Not even after the order has ended: the venue would take it."""
    bench.submit(order())
    bench.fill("a", "0.01")
    with pytest.raises(InvariantError, match="never reused"):
        bench.gateway.submit(order(), bench.now_us)


def test_a_commission_in_what_was_bought_leaves_fewer_lots(bench: GatewayBench) -> None:
    """0.1 % of 0.01 is one lot of 0.00001; fractions of a lot are carried, and a begun lot is not held."""
    bench.submit(order())
    bench.fill("a", "0.0005", commission="0.0000005", asset="BTC")
    bench.fill("a", "0.0095", commission="0.0000095", asset="BTC")
    fees = [fields["fee_lots"] for kind, _, fields in bench.told if kind is NoticeKind.FILL]
    assert fees == [1, 0], "ten parts of a lot are one lot, counted as soon as it is begun"


def test_a_commission_in_another_asset_is_told_apart(bench: GatewayBench) -> None:
    """BNB has no price here: nothing is guessed."""
    bench.submit(order())
    one = bench.gateway.orders["a"]
    bench.fill("a", "0.01", commission="0.002", asset="BNB")
    assert one.unpriced_fees == {"BNB": Decimal("0.002")}
    assert (bench.told[-1][2]["fee_minor"], bench.told[-1][2]["fee_lots"]) == (0, 0)


def test_an_answer_that_cannot_be_read_is_no_answer(bench: GatewayBench) -> None:
    """Counted, the order asked for, the connection given up."""
    bench.mute = {"order.place"}
    bench.submit(order())
    bench.gateway.on_message(b'{"id": 4, "status": "fine"}', bench.now_us)
    assert bench.gateway.counts["malformed"] == 1
    bench.gateway.on_message(b"\xff", bench.now_us)
    bench.carry()
    assert len(bench.reconnects) == 2


@pytest.mark.parametrize("seed", range(60))
def test_no_chaos_makes_an_illegal_story(seed: int) -> None:
    """Requests, answers, events and the connection fail at random: books and venue are equal afterwards, no order came twice."""
    rng = Random(f"gateway:{seed}")
    bench = GatewayBench()
    bench.connect()
    live: list[str] = []
    for number in range(40):
        bench.lose = {m for m in ("order.place", "order.cancel", "order.status", "myTrades") if rng.random() < 0.15}
        bench.mute = {m for m in ("order.place", "order.cancel", "order.status") if rng.random() < 0.2}
        bench.silent_stream = rng.random() < 0.3
        bench.hidden = rng.random() < 0.1
        action = rng.randrange(6)
        resting = [name for name in live if name in bench.orders and bench.orders[name].status in ("NEW", "PARTIALLY_FILLED")]
        if action == 0:
            name = f"o{number}"
            live.append(name)
            bench.submit(order(name, kind=OrderType.LIMIT))
        elif action == 1 and live:
            bench.cancel(rng.choice(live))
        elif action == 2 and resting:
            bench.fill(rng.choice(resting), "0.0025", commission="0.0000025", asset="BTC")
        elif action == 3 and rng.random() < 0.3:
            bench.disconnect() if bench.gateway.connected else bench.connect()
        elif action == 4 and resting:
            bench.end(rng.choice(resting), rng.choice(("CANCELED", "EXPIRED")))
        bench.wait(rng.uniform(0, 2))
    bench.lose, bench.mute, bench.silent_stream, bench.hidden = set(), set(), False, False
    if not bench.gateway.connected:
        bench.connect()
    bench.wait(45)
    for name in live:
        kept, book = bench.orders.get(name), as_the_kernel(bench, name)
        filled = 0 if kept is None else int(kept.filled / INSTRUMENT.lot_size)
        assert book.filled_lots == filled, f"seed {seed}, order {name}"
        assert not book.late_fill, f"seed {seed}, order {name}"
        if kept is None or kept.status not in ("NEW", "PARTIALLY_FILLED"):
            assert not book.open, f"seed {seed}, order {name}: {book.state}, the venue says {kept and kept.status}"
        else:
            assert book.open, f"seed {seed}, order {name}"
    assert not any(one.unknown_since_us for one in bench.gateway.orders.values()), f"seed {seed}"
