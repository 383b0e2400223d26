"""Exit rule 1: leaving everything after a shutdown (reference/microstructure.md section 5.4).

Collared immediate-or-cancel orders at the best bid, repeated as long as lots are held; never an unbounded market order into an
empty book. The kernel does this itself: it must work when the strategy does not.
"""

from collections.abc import Iterator
from decimal import ROUND_FLOOR, Decimal
from typing import Final

from flashcrash_core.trading.blotter import Blotter
from flashcrash_core.trading.orders import OrderState, OrderType
from flashcrash_core.trading.strategy import Cancel, Exit

__all__ = ["flatten"]

_LEAVE_ALONE: Final = frozenset({OrderState.CANCELLING, OrderState.UNKNOWN})
_BPS: Final = 10_000


def flatten(blotter: Blotter, symbol: str, bid_ticks: int, collar_bps: Decimal) -> Iterator[Cancel | Exit]:
    """What to send now to leave ``symbol``: cancels of what rests, then exits for the lots that nothing else may still sell.

    ``bid_ticks`` 0 (no bid known) yields cancels only.
    """
    for order in list(blotter.orders.values()):
        submit = order.submit
        if submit.symbol == symbol and submit.type is not OrderType.LIMIT_IOC and order.state not in _LEAVE_ALONE:
            yield Cancel(submit.client_id, "flatten")
    if not bid_ticks:
        return
    price = int((bid_ticks * (1 - collar_bps / _BPS)).to_integral_value(ROUND_FLOOR))
    for position in list(blotter.positions.values()):
        if position.symbol == symbol and (lots := blotter.sellable_lots(position.id)):
            yield Exit(position.id, lots, OrderType.LIMIT_IOC, max(price, 1), "flatten")
