"""The risk gate: every check one below its limit, at it, and one above."""

from decimal import Decimal

import pytest

from flashcrash_core.market.events import Side
from flashcrash_core.market.instruments import Instrument, to_money
from flashcrash_core.trading.blotter import Blotter
from flashcrash_core.trading.ledger import Ledger
from flashcrash_core.trading.orders import NoticeKind, OrderType, SubmitOrder, VenueNotice
from flashcrash_core.trading.risk import RiskConfig, RiskGate
from flashcrash_core.trading.strategy import Enter, Exit, Fees

SYMBOL = "TESTUSDT"
# One tick of one lot is 0.01: a notional can be set to the cent.
INSTRUMENT = Instrument(SYMBOL, Decimal("0.01"), Decimal(1), min_notional=Decimal(10))
MAKER, MARKET = OrderType.LIMIT_MAKER, OrderType.MARKET


def gate(start=1_000, fees="0", **limits):
    """A gate over an empty blotter."""
    rates = Fees(fees, fees)
    blotter = Blotter(Ledger(to_money(start), rates), {SYMBOL: INSTRUMENT})
    return RiskGate(RiskConfig(equity_start=Decimal(start), **limits), blotter, rates), blotter


def enter(price=10_000, lots=1, type=MAKER):
    """An entry; 1 lot at 10,000 ticks is 100 quote."""
    return Enter(price, lots, type, "why")


def refuse(risk, intent, blocked="", reference=10_000, marks=None):
    """The gate's answer."""
    return risk.refuse_entry(intent, INSTRUMENT, blocked, reference_ticks=reference, marks=marks)


def buy(blotter, position, price=10_000, lots=1, fill=False, type=MAKER):
    """An entry in flight, or filled."""
    client = f"c{position}"
    blotter.submit(SubmitOrder(client, SYMBOL, Side.BUY, type, price, lots, False, position, "why", 0, True))
    if fill:
        blotter.apply(VenueNotice(SYMBOL, 0, 1, 1, NoticeKind.FILL, client, price, lots, 0, True, 1), 1)


def test_a_block_is_passed_on():
    """The lane's reason refuses every entry, before any other check."""
    risk, _ = gate()
    assert refuse(risk, enter(lots=0), "data_gap") == "data_gap"


@pytest.mark.parametrize(
    ("intent", "answer"),
    [
        (enter(lots=-1), "bad_order"), (enter(lots=0), "bad_order"), (enter(lots=1), ""),
        (enter(price=-1), "bad_order"), (enter(price=0), "bad_order"), (enter(price=1, lots=1_000), ""),
        (enter(0, 1, MARKET), ""), (enter(1, 1, MARKET), "bad_order"),
        (enter(1, 1_000, OrderType.LIMIT_FOK), ""), (enter(1, 1, OrderType.STOP_LOSS_LIMIT), "bad_order"),
    ],
)  # fmt: skip
def test_malformed_entries(intent, answer):
    """Lots and prices must be positive; only a market order has no price."""
    assert refuse(gate()[0], intent) == answer


def test_a_market_order_needs_a_price_to_reckon_with():
    """Without quote and trade nobody knows what it would cost."""
    assert refuse(gate()[0], enter(0, 1, MARKET), reference=0) == "no_price"


@pytest.mark.parametrize(("held", "answer"), [(1, ""), (2, "max_positions"), (3, "max_positions")])
@pytest.mark.parametrize("filled", [True, False])
def test_max_positions(held, answer, filled):
    """With a limit of two the second position may be opened and the third may not; entries in flight count."""
    risk, blotter = gate(max_positions=2)
    for i in range(held):
        buy(blotter, i, fill=filled)
    assert refuse(risk, enter()) == answer


@pytest.mark.parametrize(("price", "answer"), [(999, "min_notional"), (1_000, ""), (1_001, "")])
def test_min_notional(price, answer):
    """The venue's least notional of 10 is allowed, a cent less is not; a market order is priced by the reference."""
    assert refuse(gate()[0], enter(price)) == answer
    assert refuse(gate()[0], enter(0, 1, MARKET), reference=price) == answer


@pytest.mark.parametrize(("price", "answer"), [(99_999, ""), (100_000, ""), (100_001, "cash")])
def test_cash(price, answer):
    """All of the cash may be spent and not a cent more."""
    assert refuse(gate()[0], enter(price)) == answer
    assert refuse(gate()[0], enter(0, 1, MARKET), reference=price) == answer


@pytest.mark.parametrize(("price", "answer"), [(99_900, ""), (99_901, "cash")])
def test_cash_includes_the_fee(price, answer):
    """1,000 buys 999 with a fee of 10 bp (0.999), not 999.01."""
    assert refuse(gate(start="999.999", fees="10")[0], enter(price)) == answer


@pytest.mark.parametrize(("price", "answer"), [(49_900, ""), (49_901, "cash")])
def test_cash_bound_in_open_entries_is_not_free(price, answer):
    """Entries in flight, their fees included, are spent already as far as a new one is concerned."""
    risk, blotter = gate(start="999.999", fees="10")
    buy(blotter, 1, price=50_000)
    assert refuse(risk, enter(price)) == answer


@pytest.mark.parametrize(("price", "answer"), [(50_000, ""), (50_001, "cash")])
def test_cash_bound_in_a_market_order_counts_at_the_mark(price, answer):
    """A market order on its way binds what it costs at the mark."""
    risk, blotter = gate()
    buy(blotter, 1, price=0, type=MARKET)
    assert refuse(risk, enter(price), marks={SYMBOL: 50_000}) == answer


@pytest.mark.parametrize(("lots", "answer"), [(-1, "bad_order"), (0, "bad_order"), (9, ""), (10, ""), (11, "exceeds_position")])
def test_exits_are_stopped_by_arithmetic(lots, answer):
    """Up to the lots held, whatever the data, the cash or the number of positions are."""
    risk, blotter = gate(max_positions=1)
    buy(blotter, 1, lots=10, fill=True)
    assert risk.refuse_exit(Exit(1, lots, OrderType.LIMIT_IOC, 1, "why")) == answer


def test_lots_already_being_sold_cannot_be_sold_again():
    """An exit in flight binds its lots, an unknown one too; a strange position has none."""
    risk, blotter = gate()
    buy(blotter, 1, lots=10, fill=True)
    blotter.submit(SubmitOrder("x", SYMBOL, Side.SELL, MAKER, 1, 6, True, 1, "why", 0, True))
    blotter.apply(VenueNotice(SYMBOL, 0, 1, 1, NoticeKind.UNKNOWN, "x"), 1)
    assert risk.refuse_exit(Exit(1, 4, MAKER, 1, "why")) == ""
    assert risk.refuse_exit(Exit(1, 5, MAKER, 1, "why")) == "exceeds_position"
    assert risk.refuse_exit(Exit(2, 1, MAKER, 1, "why")) == "exceeds_position"


@pytest.mark.parametrize(("type", "price", "answer"), [(OrderType.LIMIT_IOC, 0, "bad_order"), (OrderType.LIMIT_IOC, 1, "")])
def test_an_exit_without_its_price_is_refused(type, price, answer):
    """A limit order without a price would be an unbounded market order."""
    risk, blotter = gate()
    buy(blotter, 1, lots=10, fill=True)
    assert risk.refuse_exit(Exit(1, 1, type, price, "why")) == answer


@pytest.mark.parametrize(("equity", "answer"), [("800.01", ""), (800, ""), ("799.99", "max_drawdown")])
def test_drawdown(equity, answer):
    """A fall of 20 % from the start is allowed, a cent more is not."""
    assert gate(max_drawdown_pct=20.0)[0].breach(to_money(equity)) == answer


def test_drawdown_counts_from_the_peak():
    """The peak is kept, by a snapshot too."""
    risk, _ = gate(max_drawdown_pct=20.0)
    assert risk.breach(to_money(2_000)) == ""
    other, _ = gate(max_drawdown_pct=20.0)
    other.restore(risk.snapshot())
    for one in (risk, other):
        assert one.breach(to_money(1_600)) == ""
        assert one.breach(to_money("1599.99")) == "max_drawdown"


@pytest.mark.parametrize(
    "limits",
    [{"equity_start": 0}, {"max_positions": 0}, {"max_drawdown_pct": 0.0}, {"max_drawdown_pct": 100.1}, {"flatten_collar_bps": -1}],
)
def test_senseless_limits_are_refused(limits):
    """A configuration cannot switch the gate off."""
    with pytest.raises(ValueError, match=r"must be|positive"):
        RiskConfig(**limits)
