"""Sizing: 33.33 % of equity, limited by cash, whole lots, least notional."""

from decimal import Decimal

import pytest

from flashcrash_core.api import Instrument, to_money
from flashcrash_strategies.sizing import entry_lots

INSTRUMENT = Instrument("TESTUSDT", Decimal("0.1"), Decimal("0.01"))
FEE = Decimal(10)


def lots(equity: str, cash: str, price_ticks: int = 1000, pct: float = 33.33) -> int:
    """Lots for an account; one lot at 1000 ticks costs 1 quote unit."""
    return entry_lots(INSTRUMENT, price_ticks, to_money(equity), to_money(cash), pct, FEE)


def test_share_of_equity_is_floored_to_lots() -> None:
    """33.33 % of 10,000 is 3,333 lots of 1; of 10,001 it is still 3,333."""
    assert (lots("10000", "10000"), lots("10001", "10001"), lots("9999.99", "10000")) == (3333, 3333, 3332)


def test_cash_limits_with_the_fee_included() -> None:
    """1001 quote buys 1000 lots plus 0.1 % fee; a minor unit less buys 999."""
    assert lots("10000", "1001") == 1000
    assert lots("10000", "1000.9999999999") == 999


@pytest.mark.parametrize(("equity", "expected"), [("15", 0), ("15.0016", 5), ("18.01", 6), ("0", 0), ("-10", 0)])
def test_below_the_least_notional_nothing_is_bought(equity: str, expected: int) -> None:
    """The least notional is 5 quote: 4.99 is refused, 5 is bought."""
    assert lots(equity, "100") == expected


def test_no_cash_and_no_price_buy_nothing() -> None:
    """Negative cash or a price of 0 give 0, not an error."""
    assert lots("10000", "-1") == 0
    assert lots("10000", "10000", price_ticks=0) == 0
