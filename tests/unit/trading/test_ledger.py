"""The ledger: integer money and the three identities of reference/microstructure.md section 5.5."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flashcrash_core.errors import InvariantError
from flashcrash_core.market.events import Side
from flashcrash_core.market.instruments import Instrument, to_money
from flashcrash_core.trading.ledger import Ledger, fee_minor
from flashcrash_core.trading.positions import Position
from flashcrash_core.trading.strategy import Fees

SYMBOL = "TESTUSDT"
INSTRUMENT = Instrument(SYMBOL, Decimal("0.01"), Decimal("0.001"))
BOOK = {SYMBOL: INSTRUMENT}


def ledger(maker="2", taker="5", start=10_000):
    """A ledger with these rates in basis points."""
    return Ledger(to_money(start), Fees(maker, taker))


def test_fees_are_rounded_up_to_a_minor_unit():
    """Against us, and exact where nothing is to be rounded."""
    assert fee_minor(10_000, Decimal(5)) == 5
    assert fee_minor(10_001, Decimal(5)) == 6
    assert fee_minor(1, Decimal("0.01")) == 1
    assert fee_minor(10_001, Decimal(0)) == 0


@given(st.integers(0, 10**18), st.decimals(0, 100, places=4))
def test_rounding_costs_less_than_a_unit(notional, rate):
    """No fee is below notional times rate nor a whole unit above it."""
    exact = Decimal(notional) * rate / 10_000
    assert exact <= fee_minor(notional, rate) < exact + 1


def test_a_round_trip_by_hand():
    """Buy 2 at 100 as maker (2 bp), sell at 101 as taker (5 bp): cash, fees and result in quote currency."""
    book, position = ledger(), Position(1, SYMBOL, "c1")
    bought, sold = INSTRUMENT.notional(10_000, 2_000), INSTRUMENT.notional(10_100, 2_000)
    assert (bought, sold) == (to_money(200), to_money(202))
    book.on_fill(Side.BUY, 1, bought, 2_000, to_money("0.04"), maker=True)
    position.buy(10_000, 2_000, to_money("0.04"), 1)
    assert book.cash_minor == to_money("9799.96")
    book.check([position], {SYMBOL: 9_900}, BOOK)
    assert book.equity_minor([position], {SYMBOL: 9_900}, BOOK) == to_money("9997.96")
    assert book.equity_minor([position], {}, BOOK) == to_money("9999.96"), "without a mark a holding counts at cost"
    book.on_fill(Side.SELL, 1, sold, 2_000, to_money("0.101"), maker=False)
    cost = position.sell(10_100, 2_000, to_money("0.101"), 2, "target")
    book.realise(sold, cost * INSTRUMENT.notional_unit)
    book.check([position], {SYMBOL: 1}, BOOK)
    book.forget(1)
    assert (book.realised_minor, book.fees_minor, book.fills) == (to_money(2), to_money("0.141"), 2)
    assert book.cash_minor == to_money(10_000) + to_money(2) - to_money("0.141")


@pytest.mark.parametrize("error", [-1, 1])
@pytest.mark.parametrize("maker", [True, False])
def test_a_wrong_fee_is_refused(error, maker):
    """Identity 1: one minor unit more or less than notional times the side's rate stops the session and books nothing."""
    book = ledger()
    notional = to_money(200)
    right = fee_minor(notional, Decimal(2 if maker else 5))
    with pytest.raises(InvariantError, match=f"configured {'maker' if maker else 'taker'} rate asks for"):
        book.on_fill(Side.BUY, 1, notional, 2_000, right + error, maker=maker)
    assert (book.cash_minor, book.fees_minor, book.fills) == (to_money(10_000), 0, 0)


def test_a_lost_result_breaks_the_second_identity():
    """A sale whose result was not booked is found."""
    book, position = ledger(maker="0", taker="0"), Position(1, SYMBOL, "c1")
    book.on_fill(Side.BUY, 1, INSTRUMENT.notional(100, 10), 10, 0, maker=True)
    position.buy(100, 10, 0, 1)
    book.on_fill(Side.SELL, 1, INSTRUMENT.notional(110, 10), 10, 0, maker=True)
    position.sell(110, 10, 0, 2, "x")
    with pytest.raises(InvariantError, match="differs from start"):
        book.check([position], {SYMBOL: 110}, BOOK)


def test_lots_without_a_fill_break_the_third_identity():
    """A position that holds other lots than its fills sum to is found."""
    book, position = ledger(maker="0", taker="0"), Position(1, SYMBOL, "c1")
    book.on_fill(Side.BUY, 1, INSTRUMENT.notional(100, 10), 10, 0, maker=True)
    position.buy(100, 10, 0, 1)
    position.buy(0, 1, 0, 1)
    with pytest.raises(InvariantError, match="its fills say otherwise"):
        book.check([position], {SYMBOL: 100}, BOOK)


def test_a_position_is_forgotten_only_when_flat():
    """Signed fills that do not sum to zero cannot be closed away."""
    book = ledger(maker="0")
    book.on_fill(Side.BUY, 1, 100, 10, 0, maker=True)
    with pytest.raises(InvariantError, match="do not sum to zero"):
        book.forget(1)
    book.forget(99)


STEPS = st.lists(st.tuples(st.booleans(), st.integers(1, 10**6), st.integers(1, 10**5), st.booleans()), max_size=30)


@given(STEPS, st.integers(1, 10**6))
def test_the_identities_hold_whatever_is_traded(steps, mark):
    """Any sequence of fills over two positions, at any mark."""
    book = ledger(maker="1.5", taker="4.5")
    positions = [Position(0, SYMBOL, "c0"), Position(1, SYMBOL, "c1")]
    for i, (buys, price, lots, maker) in enumerate(steps):
        position = positions[i % 2]
        if not buys:
            lots = min(lots, position.held_lots)
        if not lots:
            continue
        notional = INSTRUMENT.notional(price, lots)
        fee = fee_minor(notional, Decimal("1.5" if maker else "4.5"))
        book.on_fill(Side.BUY if buys else Side.SELL, position.id, notional, lots, fee, maker=maker)
        if buys:
            position.buy(price, lots, fee, i)
        else:
            book.realise(notional, position.sell(price, lots, fee, i, "x") * INSTRUMENT.notional_unit)
        book.check(positions, {SYMBOL: mark}, BOOK)
        book.check(positions, {}, BOOK)
    assert book.fees_minor == sum(p.fee_minor for p in positions)
