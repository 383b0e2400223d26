"""From an intent that may be carried out to a command: booked, hashed, journalled, and handed out.

Part of the functional core. A command leaves the session only beside its record: the runner commits the record first.
"""

from collections.abc import Callable

from flashcrash_core.detection.settings import State
from flashcrash_core.market.events import Side
from flashcrash_core.runtime.decision_hash import DecisionHash
from flashcrash_core.runtime.lane import Lane
from flashcrash_core.runtime.records import IntentRecord
from flashcrash_core.trading.blotter import Blotter
from flashcrash_core.trading.orders import CancelOrder, Command, OrderType, SubmitOrder

__all__ = ["OrderDesk"]


class OrderDesk:
    """Makes orders and cancels. ``record(kind, t_us, symbol, **fields)`` journals, ``hand_out`` takes what is to be executed."""

    def __init__(
        self,
        client_prefix: str,
        blotter: Blotter,
        decisions: DecisionHash,
        record: Callable[..., None],
        hand_out: Callable[[Command], None],
    ) -> None:
        self.next_order = 1
        self._client_prefix = client_prefix
        self._blotter = blotter
        self._hash = decisions
        self._record = record
        self._hand_out = hand_out

    def submit(
        self, lane: Lane, side: Side, kind: OrderType, price_ticks: int, qty_lots: int, position_id: int, reason: str
    ) -> None:
        """Send an order off. What it may be was judged before."""
        client_id = f"{self._client_prefix}{self.next_order:06d}"
        self.next_order += 1
        command = SubmitOrder(
            client_id=client_id,
            symbol=lane.symbol,
            side=side,
            type=kind,
            price_ticks=price_ticks,
            qty_lots=qty_lots,
            reduce_only=side is Side.SELL,
            position_id=position_id,
            reason=reason,
            decided_us=lane.now_us,
            stressed=lane.detector.state is not State.SLEEP,
        )
        self._blotter.submit(command)
        lane.flat = False
        self._hash.submit(command)
        self._record(
            IntentRecord,
            lane.now_us,
            lane.symbol,
            kind="submit",
            client_id=client_id,
            position_id=position_id,
            side=int(side),
            type=str(kind),
            price_ticks=price_ticks,
            qty_lots=qty_lots,
            reduce_only=command.reduce_only,
            stressed=command.stressed,
            reason=reason,
        )
        self._hand_out(command)

    def cancel(self, lane: Lane, client_id: str, reason: str) -> None:
        """Cancel an order, unless it ended in the meantime: then there is nothing to cancel."""
        order = self._blotter.orders.get(client_id)
        if order is None:
            return
        self._blotter.cancelling(client_id)
        command = CancelOrder(client_id, lane.symbol, reason, lane.now_us, lane.detector.state is not State.SLEEP)
        self._hash.cancel(command)
        submit = order.submit
        self._record(
            IntentRecord,
            lane.now_us,
            lane.symbol,
            kind="cancel",
            client_id=client_id,
            position_id=submit.position_id,
            side=int(submit.side),
            type=str(submit.type),
            price_ticks=submit.price_ticks,
            qty_lots=order.remaining_lots,
            reduce_only=submit.reduce_only,
            stressed=command.stressed,
            reason=reason,
        )
        self._hand_out(command)
