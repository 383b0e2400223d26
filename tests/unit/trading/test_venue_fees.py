"""Commissions as a real venue takes them: in lots of what was bought, at no rate that could be asked for."""

from decimal import Decimal

import pytest

from flashcrash_core.errors import InvariantError
from flashcrash_core.market.events import Side
from flashcrash_core.market.instruments import Instrument, to_money
from flashcrash_core.trading.blotter import Blotter
from flashcrash_core.trading.ledger import Ledger
from flashcrash_core.trading.orders import NoticeKind, OrderType, SubmitOrder, VenueNotice
from flashcrash_core.trading.strategy import Fees

SYMBOL = "TESTUSDT"
INSTRUMENT = Instrument(SYMBOL, Decimal("0.01"), Decimal("0.001"))
PRICE = 10_000


def desk() -> Blotter:
    """A blotter that takes the venue's word for fees."""
    blotter = Blotter(Ledger(to_money(10_000), Fees("10", "10"), venue_fees=True), {SYMBOL: INSTRUMENT})
    blotter.submit(SubmitOrder("a", SYMBOL, Side.BUY, OrderType.LIMIT, PRICE, 1_000, False, 1, "", 0, True))
    return blotter


def fill(client_id: str, lots: int, *, fee_minor: int = 0, fee_lots: int = 0, price: int = PRICE, trade: int = 1) -> VenueNotice:
    """An execution."""
    return VenueNotice(SYMBOL, 0, 5, 5, NoticeKind.FILL, client_id, price, lots, fee_minor, True, trade, "", fee_lots)


def test_lots_that_the_venue_kept_are_paid_for_and_not_held() -> None:
    """Of 1,000 lots one is the commission: cash is what the venue has, the position is what can be sold, and equity is exact."""
    blotter = desk()
    blotter.apply(fill("a", 1_000, fee_lots=1), 5)
    ledger = blotter.ledger
    assert blotter.orders == {}, "the order is filled, commission or not"
    assert blotter.sellable_lots(1) == 999
    assert ledger.cash_minor == to_money(10_000) - INSTRUMENT.notional(PRICE, 1_000)
    assert ledger.fees_minor == INSTRUMENT.notional(PRICE, 1)
    ledger.check(blotter.positions.values(), {SYMBOL: 10_100}, {SYMBOL: INSTRUMENT})

    blotter.submit(SubmitOrder("b", SYMBOL, Side.SELL, OrderType.LIMIT, 10_100, 999, True, 1, "", 0, True))
    quote_fee = to_money("0.1")
    closed = blotter.apply(fill("b", 999, fee_minor=quote_fee, price=10_100, trade=2), 6).closed
    assert closed is not None
    proceeds = INSTRUMENT.notional(10_100, 999)
    assert ledger.cash_minor == to_money(10_000) - INSTRUMENT.notional(PRICE, 1_000) + proceeds - quote_fee
    gross = closed.gross_units * INSTRUMENT.notional_unit
    assert gross - closed.fee_minor == ledger.cash_minor - to_money(10_000)
    ledger.check([], {}, {SYMBOL: INSTRUMENT})


@pytest.mark.parametrize(("lots", "fee_lots"), [(10, 11), (10, -1)])
def test_a_commission_that_cannot_be_is_refused(lots: int, fee_lots: int) -> None:
    """More than was bought, or less than nothing."""
    with pytest.raises(InvariantError, match="fee in lots"):
        desk().apply(fill("a", lots, fee_lots=fee_lots), 5)


def test_a_sale_has_no_commission_in_lots() -> None:
    """It is taken from what was received, which is quote currency."""
    blotter = desk()
    blotter.apply(fill("a", 1_000), 5)
    blotter.submit(SubmitOrder("b", SYMBOL, Side.SELL, OrderType.LIMIT, PRICE, 1_000, True, 1, "", 0, True))
    with pytest.raises(InvariantError, match="fee in lots"):
        blotter.apply(fill("b", 1_000, fee_lots=1, trade=2), 6)


def test_no_venue_pays_a_fee_out() -> None:
    """A negative fee is a mistake of the executor, also where no rate is asked for."""
    with pytest.raises(InvariantError, match="fee of -"):
        desk().apply(fill("a", 1_000, fee_minor=-1), 5)
