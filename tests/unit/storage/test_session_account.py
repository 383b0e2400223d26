"""What a session holds, from its rows: positions, open orders, and the profit split into realised and unrealised."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from flashcrash_core.api import Instrument, InvariantError
from flashcrash_core.runtime.session_account import Account, account, report_of

Make = Callable[..., Any]
_UNIT = 10**10
_BTC = Instrument("BTCUSDT", tick_size=Decimal("0.01"), lot_size=Decimal("0.00001"))
_NOTIONAL = _BTC.notional_unit


def _account(**rows: Any) -> Account:
    empty: dict[str, Any] = {"trades": (), "fills": (), "intents": (), "notices": (), "report": {}}
    return account(equity_start_minor=1000 * _UNIT, instruments={"BTCUSDT": _BTC}, **(empty | rows))


@pytest.fixture
def priced(fill: Make) -> Make:
    """A fill whose notional is that of its price and quantity."""

    def make(price_ticks: int, qty_lots: int, **changes: Any) -> Any:
        return fill(price_ticks=price_ticks, qty_lots=qty_lots, notional_minor=price_ticks * qty_lots * _NOTIONAL, **changes)

    return make


def test_nothing_is_held(trade: Make) -> None:
    """Without positions the net profit is that of the closed trades, report or not, and nothing is unrealised."""
    for report in ({}, {"pnl_net": 5, "equity_end": 1005}):
        money = _account(trades=[trade()], report=report)
        assert (money.pnl_net, money.pnl_realised, money.pnl_unrealised, money.equity_end) == (5, 5, 0, 1005)


def test_an_unknown_mark_is_not_guessed(trade: Make, priced: Make) -> None:
    """A position without a report: quantity, average entry and cost are known; mark, net profit and equity are not."""
    money = _account(trades=[trade(position_id=9)], fills=[priced(100_000, 3), priced(200_000, 1, trade_id=2)])
    assert (money.pnl_realised, money.pnl_net, money.pnl_unrealised, money.equity_end) == (5, None, None, None)
    [held] = money.positions
    assert (held.lots, held.quantity, held.entry_price) == (4, Decimal("0.00004"), Decimal("1250"))
    assert held.cost == Decimal("0.05")
    assert held.fees == Decimal(8) / _UNIT
    assert (held.mark_price, held.worth) == (None, None)


@pytest.mark.parametrize("number", [float, lambda value: value], ids=["stored", "fresh"])
def test_the_report_tells_the_mark(trade: Make, priced: Make, number: Callable[[Decimal], Any]) -> None:
    """With a report, profit, equity and mark are the report's; cost, fees, part sales and worth add up to them exactly."""
    mark, fees = Decimal("975.31"), 8
    bought, sold, worth = 100_000 * 10 * _NOTIONAL, 102_000 * 4 * _NOTIONAL, 97_531 * 6 * _NOTIONAL
    net = Decimal(3 * _UNIT - bought + sold + worth - fees) / _UNIT
    report = {"pnl_net": number(net), "equity_end": number(1000 + net), "positions": [{"symbol": "BTCUSDT", "mark": number(mark)}]}
    money = _account(
        trades=[trade(position_id=9, pnl_minor=3 * _UNIT)],
        fills=[priced(100_000, 10), priced(102_000, 4, side=-1, client_id="c2", trade_id=2)],
        report=report,
    )
    assert (money.pnl_net, money.equity_end, money.pnl_unrealised) == (net, 1000 + net, net - 3)
    [held] = money.positions
    assert (held.lots, held.mark_price, held.worth) == (6, mark, Decimal(worth) / _UNIT)
    assert (held.cost, held.part_sales) == (Decimal("0.06"), Decimal("0.0008"))
    assert held.worth - held.cost + held.part_sales - held.fees == money.pnl_unrealised


def test_a_mark_for_each_symbol(priced: Make) -> None:
    """Every symbol has its own mark; one that nobody bids for has none, and without a lot size there is no quantity to value."""
    names = ("BTCUSDT", "POLUSDT", "ATOMUSDT")
    fills = [priced(100_000, 1, symbol=name, position_id=n, client_id=name) for n, name in enumerate(names)]
    marks = [{"symbol": name, "mark": mark} for name, mark in zip(names, (1001, 0.25, 0), strict=True)]
    money = _account(fills=fills, report={"pnl_net": -1, "equity_end": 999, "positions": marks})
    assert [(held.mark_price, held.worth) for held in money.positions] == [
        (Decimal("1001"), Decimal("0.01001")),
        (Decimal("0.25"), None),
        (None, None),
    ]
    assert money.pnl_unrealised == -1


def test_a_late_fill_counts_once(trade: Make, priced: Make) -> None:
    """A position that a late fill reopened after its trade was closed: fees and sales of that trade are not counted again."""
    fills = [priced(100_000, 4), priced(102_000, 4, side=-1, client_id="c2", trade_id=2), priced(99_000, 1, trade_id=3)]
    gross = 2_000 * 4 * _NOTIONAL
    [held] = _account(trades=[trade(fee_minor=8, pnl_minor=gross - 8)], fills=fills).positions
    assert (held.part_sales, held.fees) == (0, Decimal(4) / _UNIT)
    assert held.cost == Decimal("0.0099")


def test_sold_positions_are_not_open(priced: Make) -> None:
    """A position whose fills sum to zero is closed; rows that sell more than was bought are an error, not a short."""
    both = [priced(100_000, 4), priced(101_000, 4, side=-1, client_id="c2", trade_id=2)]
    assert _account(fills=both).positions == ()
    with pytest.raises(InvariantError, match="sold 5 lots of 4"):
        _account(fills=[priced(100_000, 4), priced(101_000, 5, side=-1, client_id="c2", trade_id=2)])


def test_open_orders(intent: Make, notice: Make) -> None:
    """Sent, acknowledged, partly filled and being cancelled are open; proved ends are not; UNKNOWN stays UNKNOWN."""
    intents = [intent(seq=n, client_id=f"c{n}", price_ticks=100_000) for n in range(1, 7)]
    intents += [intent(seq=20, kind="cancel", client_id=name) for name in ("c3", "c4", "c5")]
    notices = [
        notice(seq=10, client_id="c2", kind="FILL", state="PARTIAL", qty_lots=4),
        notice(seq=10, client_id="c3", state="ACKED"),
        notice(seq=20, client_id="c4", kind="CANCELLED", state="CANCELLED"),
        notice(seq=11, client_id="c5", kind="UNKNOWN", state="UNKNOWN"),
        notice(seq=12, client_id="c6", kind="REJECT", state="REJECTED"),
    ]
    orders = _account(intents=intents, notices=notices).orders
    assert [(order.client_id, order.state, order.lots) for order in orders] == [
        ("c1", "SENT", 10),
        ("c2", "PARTIAL", 6),
        ("c3", "CANCELLING", 10),
        ("c5", "UNKNOWN", 10),
    ]
    assert (orders[1].side, orders[1].price, orders[1].quantity) == ("buy", Decimal("1000"), Decimal("0.00006"))


def test_a_report_of_the_first_part_is_stale(session: Make) -> None:
    """A session that was interrupted, resumed and killed still stores its first report: it is not the session's."""
    report = {"pnl_net": 1}
    assert report_of(session(status="interrupted", summary=report)) == report
    for status in ("running", "crashed"):
        assert report_of(session(status=status, summary=report)) == {}
