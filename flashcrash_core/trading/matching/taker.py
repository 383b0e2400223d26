"""What a taker gets: walking the recorded book, or the pessimistic price when there is none.

Source: reference/microstructure.md section 6. Without a usable book the price is the worst print against us in the 250 ms after
arrival, or the last price less ``max(5 bp, sigma_W * sqrt(latency))`` when nothing printed. All rounding is against us.
"""

from fractions import Fraction
from math import ceil, floor, isfinite, sqrt
from typing import Final

from flashcrash_core.market.book import OrderBook
from flashcrash_core.market.events import Level, Side, Trade
from flashcrash_core.trading.matching.live_order import TAKER_WINDOW_US, LiveOrder

__all__ = ["fallback_ticks", "note_print", "reachable", "slipped", "walk", "window_price"]

_LEAST_DISCOUNT: Final = 5e-4
"""5 bp."""
_BPS: Final = 10_000


def reachable(book: OrderBook, side: Side, limit_ticks: int) -> list[Level]:
    """Levels that an order of ``side`` can take, best first; ``limit_ticks`` 0 means any price."""
    opposite = book.asks if side is Side.BUY else book.bids
    return opposite.until(limit_ticks) if limit_ticks else list(opposite)


def walk(levels: list[Level], qty_lots: int) -> list[Level]:
    """What ``qty_lots`` take from ``levels``, each at its own price."""
    taken: list[Level] = []
    for price, lots in levels:
        if qty_lots <= 0:
            break
        part = min(lots, qty_lots)
        taken.append((price, part))
        qty_lots -= part
    return taken


def slipped(price_ticks: int, side: Side, slippage: Fraction, limit_ticks: int) -> int:
    """``price_ticks`` worsened by ``slippage`` (a fraction), rounded against us, never beyond the limit nor below 1."""
    if not slippage:
        return price_ticks
    if side is Side.BUY:
        worse = ceil(price_ticks * (1 + slippage))
        return min(worse, limit_ticks) if limit_ticks else worse
    return max(floor(price_ticks * (1 - slippage)), limit_ticks, 1)


def fallback_ticks(last_ticks: int, side: Side, sigma: float, latency_us: int) -> int:
    """Price without a print; ``sigma`` is per sqrt(second), NaN while missing. 0 when there was never a trade."""
    moved = sigma * sqrt(latency_us / 1e6)
    discount = max(_LEAST_DISCOUNT, moved) if isfinite(moved) else _LEAST_DISCOUNT
    if side is Side.BUY:
        return ceil(last_ticks * (1.0 + discount))
    return max(1, floor(last_ticks * (1.0 - discount))) if last_ticks else 0


def note_print(order: LiveOrder, trade: Trade, own_us: int) -> None:
    """Collect a print of the window: only trades whose aggressor stands on our side show what a taker like us got."""
    side = order.submit.side
    if trade.aggressor is not side or not order.arrival_us <= own_us <= order.arrival_us + TAKER_WINDOW_US:
        return
    price = trade.price_ticks
    if not order.first_ticks:
        order.first_ticks = order.worst_ticks = price
    elif (price - order.worst_ticks) * side > 0:
        order.worst_ticks = price


def window_price(order: LiveOrder) -> int | None:
    """The price at which the window closes, None when the order's limit was out of reach.

    A limit is in reach when the first print (the market as it was on arrival) or, without prints, the fallback is within it; the
    price is then the worst print, but never worse than the limit.
    """
    limit, side = order.submit.price_ticks, order.submit.side
    first = order.first_ticks or order.fallback_ticks
    worst = order.worst_ticks or order.fallback_ticks
    if not first:
        return None
    if not limit:
        return worst
    if (first - limit) * side > 0:
        return None
    return limit if (worst - limit) * side > 0 else worst
