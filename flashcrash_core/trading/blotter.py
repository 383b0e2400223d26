"""The blotter: every order and position of a session, moved only by commands sent and notices received.

It is the single place where fills become positions and money, live as well as when a resumed session rebuilds them from stored
rows: the same calls in the same order give the same blotter.
"""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Final, TypeVar

from attrs import frozen

from flashcrash_core.errors import InvariantError
from flashcrash_core.market.events import Side
from flashcrash_core.market.instruments import Instrument
from flashcrash_core.trading.ledger import Ledger
from flashcrash_core.trading.orders import NoticeKind, Order, SubmitOrder, VenueNotice
from flashcrash_core.trading.positions import Position, RoundTrip

__all__ = ["Applied", "Blotter"]

K = TypeVar("K")
V = TypeVar("V")

_REMEMBERED: Final = 1_000
"""Ended orders and closed positions kept for late notices; the oldest are forgotten."""


@frozen
class Applied:
    """What a notice changed. ``closed`` is the round trip of a position that became flat with no order left."""

    order: Order
    position: Position
    filled: bool
    duplicate: bool
    closed: RoundTrip | None


class Blotter:
    """Orders by client id, positions by id, and the ledger."""

    def __init__(self, ledger: Ledger, instruments: Mapping[str, Instrument]) -> None:
        self.ledger = ledger
        self.instruments = instruments
        self.orders: dict[str, Order] = {}
        """Open orders."""
        self.positions: dict[int, Position] = {}
        """Positions that hold lots or have an open order."""
        self._ended: OrderedDict[str, Order] = OrderedDict()
        self._closed: OrderedDict[int, Position] = OrderedDict()

    # -- commands ----------------------------------------------------------------------------------------------------

    def submit(self, command: SubmitOrder) -> Order:
        """Register an order that is about to be sent; an entry opens its position."""
        if command.client_id in self.orders or command.client_id in self._ended:
            raise InvariantError(f"order id {command.client_id} used twice; ids must never be reused")
        if command.side is Side.BUY:
            self.positions[command.position_id] = Position(command.position_id, command.symbol, command.client_id)
        order = Order(command)
        self.orders[command.client_id] = order
        order.sent()
        return order

    def cancelling(self, client_id: str) -> None:
        """Register a cancel that is about to be sent."""
        self.orders[client_id].cancelling()

    # -- notices -----------------------------------------------------------------------------------------------------

    def apply(self, notice: VenueNotice, at_us: int) -> Applied:
        """Apply the venue's word. Raises :class:`InvariantError` for an unknown order or an impossible step."""
        client_id = notice.client_id
        order = self.orders.get(client_id) or self._ended.get(client_id)
        if order is None:
            raise InvariantError(f"notice {notice.kind} for order {client_id}, which this session never sent")
        position_id = order.submit.position_id
        was_open = position_id in self.positions
        position = self.positions[position_id] if was_open else self._closed.get(position_id)
        if position is None:
            raise InvariantError(f"notice {notice.kind} for order {client_id} of position {position_id}, which is unknown")
        fresh = order.apply(notice, at_us)
        filled = fresh and notice.kind is NoticeKind.FILL
        if filled:
            self._book(order, position, notice, at_us)
            if not was_open:  # a fill after the end reopens the position: it holds lots again
                self.positions[position_id] = self._closed.pop(position_id)
        if not order.open and client_id in self.orders:
            del self.orders[client_id]
            _remember(self._ended, client_id, order)
        closed = self._settle(position) if position_id in self.positions else None
        return Applied(order, position, filled, not fresh, closed)

    def _book(self, order: Order, position: Position, notice: VenueNotice, at_us: int) -> None:
        submit = order.submit
        instrument = self.instruments[submit.symbol]
        # Lots that the venue kept were bought and given away: their price is part of the fee, and cash is what the venue has.
        lots = notice.qty_lots - notice.fee_lots
        fee = notice.fee_minor + instrument.notional(notice.price_ticks, notice.fee_lots)
        notional = instrument.notional(notice.price_ticks, lots)
        self.ledger.on_fill(submit.side, position.id, notional, lots, fee, maker=notice.maker)
        if submit.side is Side.BUY:
            position.buy(notice.price_ticks, lots, fee, at_us)
        else:
            cost = position.sell(notice.price_ticks, notice.qty_lots, notice.fee_minor, at_us, submit.reason)
            self.ledger.realise(notional, cost * instrument.notional_unit)

    def _settle(self, position: Position) -> RoundTrip | None:
        if position.held_lots or any(o.submit.position_id == position.id for o in self.orders.values()):
            return None
        del self.positions[position.id]
        self.ledger.forget(position.id)
        _remember(self._closed, position.id, position)
        return position.settle()

    # -- questions ---------------------------------------------------------------------------------------------------

    def committed_minor(self, marks: Mapping[str, int] | None = None) -> int:
        """Quote currency that open buy orders may still spend at worst, fees not included. UNKNOWN counts in full.

        A market order has no worst price; it counts at ``marks`` (ticks by symbol).
        """
        known = marks or {}
        return sum(
            self.instruments[o.submit.symbol].notional(o.submit.price_ticks or known.get(o.submit.symbol, 0), o.remaining_lots)
            for o in self.orders.values()
            if o.submit.side is Side.BUY
        )

    def sellable_lots(self, position_id: int) -> int:
        """Lots of a position that no open sell order may still sell."""
        position = self.positions.get(position_id)
        if position is None:
            return 0
        selling = sum(
            o.remaining_lots for o in self.orders.values() if o.submit.position_id == position_id and o.submit.side is Side.SELL
        )
        return position.held_lots - selling

    def _check(self) -> None:
        """Assert the blotter's invariants; for tests."""
        for position in self.positions.values():
            if self.sellable_lots(position.id) < 0:
                raise InvariantError(f"position {position.id}: open sell orders exceed the lots held")


def _remember(store: OrderedDict[K, V], key: K, value: V) -> None:
    store[key] = value
    if len(store) > _REMEMBERED:
        store.popitem(last=False)
