"""Orders of a process that crashed: what the venue did meanwhile is told once, what was told before is not told again."""

from scripted_venue import GatewayBench, order

from flashcrash_core.api import NoticeKind
from flashcrash_core.trading.orders import Order, VenueNotice


def crashed(bench: GatewayBench, client_id: str = "a") -> Order:
    """The order as the rows have it, and a new process in the place of the one that wrote them."""
    kept = Order(order(client_id))
    kept.sent()
    for number, (kind, _, fields) in enumerate(bench.told):
        kept.apply(VenueNotice("BTCUSDT", number, 1, 1, kind, client_id, **fields), number)
    fresh = GatewayBench(orders=bench.orders, now_us=bench.now_us + 60_000_000)
    bench.gateway, bench.told, bench.now_us = fresh.gateway, fresh.told, fresh.now_us
    # The new gateway tells into the list of the bench that made it.
    return kept


def restart(bench: GatewayBench, kept: Order) -> None:
    """Connect and take the order up."""
    bench.gateway.take_up(kept, bench.now_us)
    bench.connect()
    bench.wait(2)


def connected() -> GatewayBench:
    """A bench with a connection."""
    bench = GatewayBench()
    bench.connect()
    return bench


def test_fills_of_the_time_without_us_are_told_and_known_ones_are_not() -> None:
    """One fill before the crash, one during it, one after."""
    bench = connected()
    bench.submit(order())
    bench.fill("a", "0.002")
    kept = crashed(bench)
    bench.fill("a", "0.003", event=False)
    restart(bench, kept)
    assert [(str(kind), fields.get("qty_lots")) for kind, _, fields in bench.told] == [("FILL", 300)]
    bench.fill("a", "0.005")
    assert bench.kinds == ["FILL", "FILL"]
    for number, (kind, _, fields) in enumerate(bench.told):
        kept.apply(VenueNotice("BTCUSDT", number, 1, 1, kind, "a", **fields), 100 + number)
    assert (kept.state, kept.filled_lots) == ("FILLED", 1_000)


def test_an_order_that_ended_meanwhile_is_ended() -> None:
    """The venue cancelled it; its last fill comes first."""
    bench = connected()
    bench.submit(order())
    kept = crashed(bench)
    bench.fill("a", "0.001", event=False)
    bench.end("a", event=False)
    restart(bench, kept)
    assert bench.kinds == ["FILL", "CANCELLED"]


def test_an_intent_that_never_left_is_given_up() -> None:
    """Killed between the commit and the first byte: nobody knows at first, then it cannot be any more."""
    bench = connected()
    kept = crashed(bench)
    restart(bench, kept)
    assert bench.kinds == ["UNKNOWN"]
    bench.wait(12)
    assert bench.kinds == ["UNKNOWN", "REJECT"]
    assert bench.sent("order.place") == 0


def test_an_intent_whose_answer_was_not_stored_is_found() -> None:
    """Killed after the first byte: the venue has it."""
    bench = connected()
    bench.submit(order())
    bench.told.clear()
    kept = crashed(bench)
    restart(bench, kept)
    assert bench.kinds == ["UNKNOWN", "ACK"]
    assert bench.sent("order.place") == 1, "by the first process"


def test_a_cancel_under_way_is_asked_for_again() -> None:
    """It rests at the venue though a cancel was meant."""
    bench = connected()
    bench.submit(order())
    kept = crashed(bench)
    kept.cancelling()
    restart(bench, kept)
    assert [kind for kind, _, _ in bench.told][-1] is NoticeKind.CANCELLED
