"""Venues for the desk: one that does what is asked, one of moods, one that sets back, one that fills nothing, one
that says nothing.

They answer at the next beat, from the orders as the blotter knows them, so every word is legal for the order's state.
"""

import random
from collections.abc import Iterator, Sequence
from typing import Final, Protocol

from attrs import define, field, frozen

from flashcrash_core.market.events import Side
from flashcrash_core.testing.checks.strategy.market import Beat
from flashcrash_core.trading.orders import NoticeKind, Order, OrderState, OrderType

__all__ = ["BarrenVenue", "GrudgingVenue", "MoodyVenue", "PlainVenue", "Said", "SilentVenue", "Venue"]

_TAKING: Final = frozenset({OrderType.LIMIT_IOC, OrderType.MARKET})


@frozen
class Said:
    """One word of a venue."""

    kind: NoticeKind
    client_id: str
    price_ticks: int = 0
    qty_lots: int = 0


class Venue(Protocol):
    """Answers orders."""

    def answers(self, orders: Sequence[Order], beat: Beat) -> Iterator[Said]:
        """What is said at ``beat`` about the open orders, in order."""
        ...


def _reached(order: Order, beat: Beat) -> int:
    """The price at which the order trades now, 0 when it does not; without a bid nothing trades."""
    bid, submit = beat.bid_ticks, order.submit
    if not bid:
        return 0
    limit = submit.price_ticks
    if submit.side is Side.BUY:
        return bid + 1 if not limit else min(limit, bid + 1) if bid + 1 <= limit else 0
    return max(bid, limit) if bid >= limit else 0


@define
class PlainVenue:
    """Acknowledges at the next beat, cancels when asked, fills in full what the price reaches, expires takers that it does not.

    ``fills_entries``: entries fill at their price at once, whatever the market does.
    """

    fills_entries: bool = True

    def answers(self, orders: Sequence[Order], beat: Beat) -> Iterator[Said]:
        """See the class."""
        for order in orders:
            client_id, taking = order.submit.client_id, order.submit.type in _TAKING
            if order.state is OrderState.CANCELLING:
                yield Said(NoticeKind.CANCELLED, client_id)
            elif self.fills_entries and order.submit.side is Side.BUY:
                yield Said(NoticeKind.FILL, client_id, order.submit.price_ticks or beat.bid_ticks + 1, order.remaining_lots)
            elif price := _reached(order, beat):
                if order.state is OrderState.SENT and order.submit.type is OrderType.LIMIT_MAKER:
                    yield Said(NoticeKind.REJECT, client_id)
                else:
                    yield Said(NoticeKind.FILL, client_id, price, order.remaining_lots)
            elif taking:
                yield Said(NoticeKind.EXPIRED, client_id)
            elif order.state is OrderState.SENT:
                yield Said(NoticeKind.ACK, client_id)


@define
class MoodyVenue:
    """Draws what it does from a seed: parts, delays, expiries, cancels that come too late, orders of unknown fate. Entries fill at
    least in part, so that positions come about."""

    seed: int
    _rng: random.Random = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._rng = random.Random(self.seed)

    def answers(self, orders: Sequence[Order], beat: Beat) -> Iterator[Said]:
        """See the class."""
        for order in orders:
            client_id, buying = order.submit.client_id, order.submit.side is Side.BUY
            price = order.submit.price_ticks or beat.bid_ticks + 1 if buying else _reached(order, beat)
            part = max(1, order.remaining_lots * self._rng.choice((1, 2, 4)) // 4)
            if buying and not order.filled_lots:
                yield Said(NoticeKind.FILL, client_id, price, part)
            elif order.state is OrderState.CANCELLING:
                yield Said(self._rng.choice((NoticeKind.CANCELLED, NoticeKind.CANCELLED, NoticeKind.CANCEL_REJECT)), client_id)
            elif order.state is OrderState.UNKNOWN:
                yield Said(self._rng.choice((NoticeKind.EXPIRED, NoticeKind.CANCELLED)), client_id)
            elif self._rng.random() < 0.1 and order.state in (OrderState.SENT, OrderState.PARTIAL):
                yield Said(NoticeKind.UNKNOWN, client_id)
            elif self._rng.random() < 0.2:
                continue
            elif price:
                yield Said(NoticeKind.FILL, client_id, price, part)
            elif order.submit.type in _TAKING:
                yield Said(NoticeKind.EXPIRED, client_id)
            elif order.state is OrderState.SENT:
                yield Said(NoticeKind.ACK, client_id)


_SETBACKS: Final = (NoticeKind.REJECT, NoticeKind.EXPIRED, NoticeKind.FILL, NoticeKind.UNKNOWN)


@define
class GrudgingVenue:
    """Plain, but the first four orders to sell at once are rejected, expire, fill by half and expire, and stay unknown for 2 s."""

    _plain: PlainVenue = field(factory=PlainVenue)
    _fates: dict[str, NoticeKind] = field(factory=dict)
    _unknown_us: int = 0

    def answers(self, orders: Sequence[Order], beat: Beat) -> Iterator[Said]:
        """See the class."""
        for order in orders:
            client_id = order.submit.client_id
            at_once = order.submit.side is Side.SELL and order.submit.price_ticks <= beat.bid_ticks
            if at_once and client_id not in self._fates and len(self._fates) < len(_SETBACKS) and order.state is OrderState.SENT:
                self._fates[client_id] = fate = _SETBACKS[len(self._fates)]
                if fate is NoticeKind.FILL:
                    yield Said(fate, client_id, beat.bid_ticks, max(1, order.remaining_lots // 2))
                    if order.open:
                        yield Said(NoticeKind.EXPIRED, client_id)
                else:
                    yield Said(fate, client_id)
                self._unknown_us = beat.now_us
            elif order.state is OrderState.UNKNOWN:
                if beat.now_us - self._unknown_us >= 2_000_000:
                    yield Said(NoticeKind.EXPIRED, client_id)
            else:
                yield from self._plain.answers((order,), beat)


@define
class SilentVenue:
    """Never says a word."""

    def answers(self, _orders: Sequence[Order], _beat: Beat) -> Iterator[Said]:
        """Nothing."""
        return iter(())


@define
class BarrenVenue:
    """Fills nothing: rejects every second order, lets the others expire after a second, cancels when asked."""

    _seen: int = 0

    def answers(self, orders: Sequence[Order], beat: Beat) -> Iterator[Said]:
        """See the class."""
        for order in orders:
            client_id = order.submit.client_id
            if order.state is OrderState.CANCELLING:
                yield Said(NoticeKind.CANCELLED, client_id)
            elif order.state is OrderState.SENT:
                self._seen += 1
                yield Said(NoticeKind.REJECT if self._seen % 2 else NoticeKind.ACK, client_id)
            elif beat.now_us - order.submit.decided_us >= 1_000_000:
                yield Said(NoticeKind.EXPIRED, client_id)
