"""What the kit sends: every type of order on both sides, and exits in every condition of the market. No number is drawn."""

from collections.abc import Iterator
from math import ceil
from typing import Final

from attrs import define, field, frozen

from flashcrash_core.market.events import Side
from flashcrash_core.testing.checks.executor.desk import Desk
from flashcrash_core.trading.orders import Command, OrderType, SubmitOrder

__all__ = ["THROUGH", "Exits", "Orders", "Spells", "least_lots", "order"]

THROUGH: Final = "through the market"
"""Reason of a post-only order whose price lies 2 % beyond the other side: it could only take."""
_EVERY_US: Final = 450_000
_CANCEL_AFTER_US: Final = 3_000_000
_EXIT_EVERY_US: Final = 200_000
_SPELL_US: Final = 9_000_000
_BUSY_US: Final = 1_500_000


@frozen
class _Case:
    side: Side
    type: OrderType
    bps: int
    """Price against the quote that the order would take, basis points; positive reaches into the book."""
    size: int
    """In least quantities."""
    reason: str = "kit"


_BUY, _SELL, _T = Side.BUY, Side.SELL, OrderType
_CASES: Final = (
    _Case(_BUY, _T.MARKET, 0, 4),
    _Case(_BUY, _T.LIMIT_MAKER, -3, 2),
    _Case(_BUY, _T.LIMIT_IOC, 20, 300),
    _Case(_SELL, _T.LIMIT_IOC, 20, 1),
    _Case(_BUY, _T.LIMIT, 5, 40),
    _Case(_SELL, _T.LIMIT_MAKER, -4, 2),
    _Case(_BUY, _T.LIMIT_MAKER, 200, 2, THROUGH),
    _Case(_BUY, _T.LIMIT_IOC, -1_000, 2),
    _Case(_SELL, _T.LIMIT, 3, 3),
    _Case(_BUY, _T.LIMIT, -8, 20),
    _Case(_SELL, _T.MARKET, 0, 2),
    _Case(_BUY, _T.LIMIT_MAKER, -1, 60),
)
_EXITS: Final = (_Case(_SELL, _T.LIMIT_IOC, 50, 1), _Case(_SELL, _T.LIMIT, 20, 1), _Case(_SELL, _T.MARKET, 0, 1))


@define
class Orders:
    """An order every 450 ms through all cases in turn; what rests is cancelled once, after 3 s."""

    next_us: int = 0
    number: int = 0
    case: int = 0

    def commands(self, desk: Desk) -> Iterator[Command]:
        """What goes out now."""
        if desk.now_us < self.next_us or not desk.now_us:
            return
        self.next_us = desk.now_us + _EVERY_US
        for client_id, resting in list(desk.open.items()):
            old = desk.now_us - resting.decided_us > _CANCEL_AFTER_US
            if old and resting.type in (_T.LIMIT, _T.LIMIT_MAKER) and client_id not in desk.run.cancels:
                yield desk.cancel(client_id)
        self.number += 1
        # The count of cases is even, so that stress must not alternate with the same step.
        stressed = self.number // len(_CASES) % 2 == 1
        for _ in _CASES:
            made = order(desk, _CASES[self.case % len(_CASES)], self.number, stressed=stressed)
            self.case += 1
            if made is not None:
                yield made
                return


@define
class Exits:
    """Buys while the tape is calm, then sells what is held in reduce-only orders, five a second, whatever the market looks like.

    With ``stressed`` the exits are decided outside SLEEP.
    """

    stressed: bool = False
    next_us: int = 0
    number: int = 0
    sent: list[str] = field(factory=list)

    def commands(self, desk: Desk) -> Iterator[Command]:
        """What goes out now."""
        if desk.now_us < self.next_us or not desk.now_us:
            return
        self.next_us = desk.now_us + _EXIT_EVERY_US
        self.number += 1
        if desk.now_us < desk.facts.calm_until_us - 3_000_000 and self.number % 3:
            made = order(desk, _Case(_BUY, _T.MARKET, 0, 12), self.number, stressed=False)
        else:
            made = order(desk, _EXITS[self.number % len(_EXITS)], self.number, stressed=self.stressed)
        if made is not None:
            yield made


@define
class Spells:
    """The cases of :class:`Orders` in spells of a second and a half, and long pauses in which all that rested is taken back."""

    orders: Orders = field(factory=Orders)

    def commands(self, desk: Desk) -> Iterator[Command]:
        """What goes out now."""
        if desk.now_us % _SPELL_US < _BUSY_US:
            yield from self.orders.commands(desk)
            return
        for client_id, resting in list(desk.open.items()):
            if resting.type in (_T.LIMIT, _T.LIMIT_MAKER) and client_id not in desk.run.cancels:
                yield desk.cancel(client_id)


def least_lots(desk: Desk, price_ticks: int) -> int:
    """The smallest quantity that the instrument allows at that price."""
    return max(1, ceil(desk.instrument.min_notional_minor / desk.instrument.notional(max(price_ticks, 1), 1)))


def order(desk: Desk, case: _Case, number: int, *, stressed: bool) -> SubmitOrder | None:
    """The order of a case at this moment; None when there is no price yet, or nothing to sell."""
    market = desk.market
    quote = market.ask_ticks if case.side is _BUY else market.bid_ticks
    quote = quote or market.last_ticks
    if not quote:
        return None
    lots = case.size * least_lots(desk, quote) + case.size // 2
    position = number
    if case.side is _SELL:
        sellable = {id: held - desk.selling.get(id, 0) for id, held in desk.held.items()}
        position, free = max(sellable.items(), key=lambda item: item[1], default=(0, 0))
        lots = min(lots, free)
        if lots <= 0:
            return None
    price = 0 if case.type is _T.MARKET else max(1, quote + int(case.side) * (quote * case.bps // 10_000))
    return SubmitOrder(
        f"kit-{number}",
        desk.symbol,
        case.side,
        case.type,
        price,
        lots,
        case.side is _SELL,
        position,
        case.reason,
        desk.now_us,
        stressed,
    )
