"""How a resting order at price p fills (reference/microstructure.md section 6, M0 to M3), for a buy; sells mirror it.

Each model answers one question: how many lots would this trade give us, before the own-impact cap and our remaining quantity.
All arithmetic is in integers except M3's queue function.

* M0 touch: any trade at or through p.
* M1 trade-through: trades strictly through p; in all, no more than the impact share of the volume printed through p.
* M2 queue, risk-averse: the queue ahead is the quantity displayed at p when we arrive, and only trades at p by the opposite
  aggressor shorten it: cancels are taken to be behind us. What such a trade has left after the queue is ours. A trade through p
  fills all.
* M3 queue, probabilistic: as M2, and of a decrease of the level that trades do not explain, the fraction
  ``front**n / (front**n + behind**n)`` is taken to be ahead of us (hftbacktest's power function, ``n = m3_power``). The
  queue ahead is also never longer than the level, so what is behind us never loses more than it holds.

On the same trades and with the same draws: M1 <= M2 <= M3 <= M0 in filled quantity, at every moment.

A queue that could not be read on arrival (book unsynced) is taken from the first usable book; until then only a trade
through p fills.
"""

from collections.abc import Callable, Mapping
from typing import Final

from flashcrash_core.market.events import Trade
from flashcrash_core.trading.matching.live_order import LiveOrder
from flashcrash_core.trading.matching.settings import FillModel

__all__ = ["FILL_MODELS", "PPM", "book_changed"]

PPM: Final = 1_000_000
"""Shares are whole parts per million, so that caps are exact."""


def touch(order: LiveOrder, trade: Trade, share_ppm: int) -> int:  # noqa: ARG001
    """M0."""
    return order.remaining_lots if _beyond(order, trade) >= 0 else 0


def trade_through(order: LiveOrder, trade: Trade, share_ppm: int) -> int:
    """M1."""
    if _beyond(order, trade) <= 0:
        return 0
    order.through_lots += trade.qty_lots
    return order.through_lots * share_ppm // PPM - order.maker_lots


def queue(order: LiveOrder, trade: Trade, share_ppm: int) -> int:  # noqa: ARG001
    """M2, and the part of M3 that trades decide."""
    beyond = _beyond(order, trade)
    if beyond > 0:
        order.front_lots = 0
        return order.remaining_lots
    if beyond < 0 or trade.aggressor is order.submit.side:
        return 0
    order.traded_lots += trade.qty_lots
    if order.front_lots is None:
        return 0
    left = trade.qty_lots - order.front_lots
    order.front_lots = max(0, -left)
    return max(0, left)


MakerLots = Callable[[LiveOrder, Trade, int], int]
FILL_MODELS: Final[Mapping[FillModel, MakerLots]] = {
    FillModel.M0: touch,
    FillModel.M1: trade_through,
    FillModel.M2: queue,
    FillModel.M3: queue,
}


def _beyond(order: LiveOrder, trade: Trade) -> int:
    """Ticks by which the trade went through our price: 0 at it, negative before it."""
    return (order.submit.price_ticks - trade.price_ticks) * order.submit.side


def book_changed(order: LiveOrder, shown_lots: int, model: FillModel, power: float) -> None:
    """A resting order sees its level at ``shown_lots`` after a book event."""
    if order.front_lots is None:
        order.front_lots = shown_lots
    elif model is FillModel.M3 and order.front_lots:
        before = shown_lots if order.shown_lots is None else order.shown_lots - order.traded_lots
        order.front_lots = min(_after_cancels(order.front_lots, before, shown_lots, power), shown_lots)
    if shown_lots != order.shown_lots:
        order.traded_lots = 0
    order.shown_lots = shown_lots


def _after_cancels(front: int, before: int, after: int, power: float) -> int:
    """Queue ahead once the level went from ``before`` (trades taken off) to ``after`` by cancels."""
    cancelled = before - after
    if cancelled <= 0:
        return front
    behind = max(0, before - front)
    # Ratios instead of powers of lots: front**n would overflow a float for large lots and exponents.
    share: float = 1.0 / (1.0 + (behind / front) ** power) if behind <= front else 1.0 - 1.0 / (1.0 + (front / behind) ** power)
    return front - min(front, round(cancelled * share))
