"""How much to buy: a share of equity, limited by cash, in whole lots (reference/microstructure.md section 5, issue 2)."""

from decimal import ROUND_FLOOR, Decimal
from typing import Final

from flashcrash_core.api import Instrument, to_money

__all__ = ["entry_lots"]

_BP: Final = Decimal(10_000)


def entry_lots(
    instrument: Instrument, price_ticks: int, equity_minor: int, cash_minor: int, equity_pct: float, fee_bps: Decimal
) -> int:
    """Lots to buy at ``price_ticks``; 0 when the amount is below one lot or the instrument's least notional.

    ``price_ticks`` is the worst price the entry may pay. The fee must fit into the cash too.
    """
    lot_minor = instrument.notional(price_ticks, 1)
    if lot_minor <= 0:
        return 0
    budget = Decimal(equity_minor) * Decimal(f"{equity_pct:.12g}") / 100
    affordable = Decimal(cash_minor) / (1 + fee_bps / _BP)
    lots = int((min(budget, affordable) / lot_minor).to_integral_value(ROUND_FLOOR))
    return lots if lots > 0 and lots * lot_minor >= to_money(instrument.min_notional) else 0
