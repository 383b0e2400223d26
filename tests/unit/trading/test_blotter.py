"""The blotter: fills become positions and money, unknown orders count as exposure, nothing is lost or used twice."""

from decimal import Decimal

import pytest
from attrs import define, field

from flashcrash_core.errors import InvariantError
from flashcrash_core.market.events import Side
from flashcrash_core.market.instruments import Instrument, to_money
from flashcrash_core.trading.blotter import Blotter
from flashcrash_core.trading.ledger import Ledger, fee_minor
from flashcrash_core.trading.orders import NoticeKind, OrderState, OrderType, SubmitOrder, VenueNotice
from flashcrash_core.trading.strategy import Fees

SYMBOL = "TESTUSDT"
INSTRUMENT = Instrument(SYMBOL, Decimal("0.01"), Decimal("0.001"))


@define
class Desk:
    """A blotter with short words for commands and notices; fees are 10 bp."""

    blotter: Blotter = field(factory=lambda: Blotter(Ledger(to_money(10_000), Fees("10", "10")), {SYMBOL: INSTRUMENT}))
    trades: int = 0

    def send(self, client_id, side=Side.BUY, price=10_000, lots=100, position=1, type=OrderType.LIMIT_MAKER):
        command = SubmitOrder(client_id, SYMBOL, side, type, price, lots, side is Side.SELL, position, "why", 0, True)
        return self.blotter.submit(command)

    def say(self, client_id, kind, lots=0, price=10_000, trade_id=None, at=5):
        self.trades += 1
        fee = fee_minor(INSTRUMENT.notional(price, lots), Decimal(10))
        number = self.trades if trade_id is None else trade_id
        notice = VenueNotice(SYMBOL, 0, at, at, NoticeKind(kind), client_id, price, lots, fee, True, number)
        return self.blotter.apply(notice, at)


@pytest.fixture
def desk():
    """A fresh desk."""
    return Desk()


def test_a_round_trip(desk):
    """Entry and exit, with the position closed by the last fill and not before."""
    order = desk.send("a")
    assert order.state is OrderState.SENT
    assert desk.say("a", "ACK").closed is None
    assert desk.say("a", "FILL", 60).filled
    assert desk.blotter.committed_minor() == INSTRUMENT.notional(10_000, 40)
    assert desk.say("a", "FILL", 40).closed is None
    assert desk.blotter.orders == {}
    assert desk.blotter.sellable_lots(1) == 100
    desk.send("b", Side.SELL, 10_100)
    assert desk.blotter.sellable_lots(1) == 0
    applied = desk.say("b", "FILL", 100, 10_100)
    assert applied.closed is not None
    assert (applied.position.id, applied.position.held_lots, applied.position.exit_reason) == (1, 0, "why")
    trip = applied.closed
    assert (trip.qty_lots, trip.entry_ticks, trip.exit_ticks, trip.gross_units) == (100, 10_000, 10_100, 10_000)
    assert desk.blotter.positions == {}
    assert desk.blotter.ledger.realised_minor == INSTRUMENT.notional(100, 100)


@pytest.mark.parametrize("kind", ["REJECT", "CANCELLED", "EXPIRED"])
def test_an_entry_that_never_filled_leaves_nothing(desk, kind):
    """The empty position closes with its order."""
    desk.send("a")
    applied = desk.say("a", kind)
    assert applied.closed.qty_lots == 0
    assert (desk.blotter.positions, desk.blotter.orders, desk.blotter.committed_minor()) == ({}, {}, 0)


def test_a_position_stays_while_an_order_is_open(desk):
    """Flat but with an entry still resting is not closed; it is when that ends."""
    desk.send("a")
    desk.say("a", "FILL", 50)
    desk.send("b", Side.SELL, lots=50)
    assert desk.say("b", "FILL", 50).closed is None
    assert desk.say("a", "CANCELLED").closed is not None


def test_unknown_counts_as_exposure(desk):
    """No reply is not a rejection: the order stays open, its money bound, its lots taken, until the venue proves otherwise."""
    desk.send("a")
    desk.say("a", "UNKNOWN")
    assert desk.blotter.committed_minor() == INSTRUMENT.notional(10_000, 100)
    assert 1 in desk.blotter.positions
    desk.blotter.cancelling("a")
    assert desk.blotter.orders["a"].state is OrderState.UNKNOWN
    desk.say("a", "FILL", 100)
    desk.send("b", Side.SELL)
    desk.say("b", "UNKNOWN")
    assert desk.blotter.sellable_lots(1) == 0
    desk.say("b", "REJECT")
    assert desk.blotter.sellable_lots(1) == 100


def test_a_market_order_counts_at_the_mark(desk):
    """A buy without a price binds what it would cost at the mark."""
    desk.send("a", price=0, type=OrderType.MARKET)
    assert desk.blotter.committed_minor() == 0
    assert desk.blotter.committed_minor({SYMBOL: 9_900}) == INSTRUMENT.notional(9_900, 100)


def test_a_duplicate_fill_changes_nothing(desk):
    """The same trade id twice is one fill."""
    desk.send("a")
    desk.say("a", "FILL", 60, trade_id=7)
    before = desk.blotter.ledger.snapshot()
    again = desk.say("a", "FILL", 60, trade_id=7)
    assert (again.duplicate, again.filled) == (True, False)
    assert desk.blotter.ledger.snapshot() == before
    assert desk.blotter.positions[1].held_lots == 60


def test_a_fill_wins_against_the_cancel(desk):
    """An order being cancelled may still fill; the venue's refusal of the cancel after that is harmless."""
    desk.send("a")
    desk.blotter.cancelling("a")
    desk.say("a", "FILL", 100)
    assert not desk.say("a", "CANCEL_REJECT").filled
    assert desk.blotter.positions[1].held_lots == 100


def test_a_late_fill_reopens_the_position(desk):
    """A fill after the order ended is applied, marked, and the lots can be sold."""
    desk.send("a")
    desk.say("a", "CANCELLED")
    applied = desk.say("a", "FILL", 100)
    assert applied.order.late_fill
    assert desk.blotter.sellable_lots(1) == 100
    desk.send("b", Side.SELL)
    assert desk.say("b", "FILL", 100).closed.qty_lots == 100
    desk.blotter.ledger.check([], {}, {SYMBOL: INSTRUMENT})


def test_ids_are_never_reused(desk):
    """Neither while the order is open nor after."""
    desk.send("a")
    with pytest.raises(InvariantError, match="used twice"):
        desk.send("a", position=2)
    desk.say("a", "REJECT")
    with pytest.raises(InvariantError, match="used twice"):
        desk.send("a", position=2)


def test_a_notice_for_a_strange_order_is_a_defect(desk):
    """The venue speaking of an order that was never sent stops the session."""
    with pytest.raises(InvariantError, match="never sent"):
        desk.say("x", "ACK")


def test_positions_do_not_share_lots(desk):
    """What one position may sell does not depend on another's orders."""
    for number, client in ((1, "a"), (2, "b")):
        desk.send(client, position=number)
        desk.say(client, "FILL", 100)
    desk.send("c", Side.SELL, lots=30, position=1)
    assert [desk.blotter.sellable_lots(i) for i in (1, 2, 3)] == [70, 100, 0]
    desk.blotter._check()


def test_only_so_many_ended_orders_are_remembered(desk):
    """Memory is bounded; what was forgotten is unknown."""
    for i in range(1_001):
        desk.send(f"o{i}", position=i)
        desk.say(f"o{i}", "REJECT")
    with pytest.raises(InvariantError, match="never sent"):
        desk.say("o0", "CANCEL_REJECT")
    assert not desk.say("o1", "CANCEL_REJECT").filled


def test_late_fill_opens_a_second_round_trip_of_its_own(desk):
    """A fill after the order ended reopens the position; what it leads to is counted once, beside the first round trip."""
    desk.send("a")
    desk.say("a", "ACK")
    desk.say("a", "FILL", 40)
    desk.say("a", "CANCELLED")
    desk.send("b", Side.SELL, 10_010, lots=40)
    first = desk.say("b", "FILL", 40, 10_010).closed
    assert desk.say("a", "FILL", 20).closed is None
    assert desk.blotter.positions[1].held_lots == 20
    desk.send("c", Side.SELL, 10_020, lots=20)
    second = desk.say("c", "FILL", 20, 10_020).closed
    assert (first.qty_lots, first.gross_units, second.qty_lots, second.gross_units) == (40, 400, 20, 400)
    unit = INSTRUMENT.notional_unit
    ledger = desk.blotter.ledger
    assert (first.gross_units + second.gross_units) * unit == ledger.realised_minor
    assert first.fee_minor + second.fee_minor == ledger.fees_minor
