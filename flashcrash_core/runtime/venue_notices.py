"""What the venue says, and what follows from it: orders end, fills are booked, positions close.

Part of the functional core: the session hands notices over in the order in which it took them.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from flashcrash_core.market.events import Side
from flashcrash_core.runtime.lane import Lane
from flashcrash_core.runtime.records import AuditRecord, FillRecord, NoticeRecord, TradeRecord
from flashcrash_core.trading.blotter import Blotter
from flashcrash_core.trading.orders import NoticeKind, Order, VenueNotice
from flashcrash_core.trading.positions import Position, RoundTrip

__all__ = ["VenueNotices"]

_NAN: Final = float("nan")


class VenueNotices:
    """Applies notices. ``record(kind, t_us, symbol, **fields)`` journals, ``check()`` asserts the ledger's identities."""

    def __init__(self, blotter: Blotter, record: Callable[..., None], check: Callable[[], None]) -> None:
        self.order_ends: Counter[str] = Counter()
        self.scores: dict[int, float] = {}
        """By position: the score that it was entered on, until it is closed."""
        self._blotter = blotter
        self._record = record
        self._check = check

    def take(self, lane: Lane, notice: VenueNotice) -> None:
        """Apply one notice. Raises InvariantError for one that cannot be, and when the books do not balance after it."""
        at_us = max(lane.now_us, notice.receive_us)
        lane.now_us = at_us
        was_open = notice.client_id in self._blotter.orders
        applied = self._blotter.apply(notice, at_us)
        order = applied.order
        if was_open and not order.open:
            self._count_end(order)
        self._record(
            NoticeRecord,
            at_us,
            notice.symbol,
            kind=str(notice.kind),
            client_id=notice.client_id,
            state=str(order.state),
            price_ticks=notice.price_ticks,
            qty_lots=notice.qty_lots,
            fee_minor=notice.fee_minor,
            maker=notice.maker,
            trade_id=notice.trade_id,
            reason=notice.reason,
            fee_lots=notice.fee_lots,
        )
        if applied.filled:
            self._on_fill(lane, order, applied.position, notice, at_us)
        if order.late_fill and notice.kind is NoticeKind.FILL:
            message = f"fill of {notice.client_id} after the order had ended; applied, check the venue"
            self._record(AuditRecord, at_us, notice.symbol, kind="late_fill", message=message)
        if applied.closed is not None:
            self._on_closed(lane, applied.position, applied.closed)

    def _count_end(self, order: Order) -> None:
        side = "entry" if order.submit.side is Side.BUY else "exit"
        filled = order.filled_lots
        how = "filled" if filled == order.submit.qty_lots else "partly_filled" if filled else order.state.value.lower()
        self.order_ends[f"{side}_{how}"] += 1

    def _on_fill(self, lane: Lane, order: Order, position: Position, notice: VenueNotice, at_us: int) -> None:
        instrument = lane.setup.instrument
        lane.markouts.on_fill(order.submit.side, float(instrument.price(notice.price_ticks)), at_us)
        self._record(
            FillRecord,
            at_us,
            notice.symbol,
            client_id=notice.client_id,
            position_id=position.id,
            side=int(order.submit.side),
            price_ticks=notice.price_ticks,
            qty_lots=notice.qty_lots,
            notional_minor=instrument.notional(notice.price_ticks, notice.qty_lots),
            fee_minor=notice.fee_minor + instrument.notional(notice.price_ticks, notice.fee_lots),
            maker=notice.maker,
            trade_id=notice.trade_id,
            fee_lots=notice.fee_lots,
        )
        self._check()

    def _on_closed(self, lane: Lane, position: Position, trip: RoundTrip) -> None:
        pnl = trip.gross_units * lane.setup.instrument.notional_unit - trip.fee_minor
        score = self.scores.pop(position.id, _NAN)
        if trip.qty_lots:
            self._record(
                TradeRecord,
                position.closed_us,
                position.symbol,
                position_id=position.id,
                entry_us=position.opened_us,
                exit_us=position.closed_us,
                qty_lots=trip.qty_lots,
                entry_ticks=trip.entry_ticks,
                exit_ticks=trip.exit_ticks,
                fee_minor=trip.fee_minor,
                pnl_minor=pnl,
                exit_reason=position.exit_reason,
                score=score,
            )
        lane.strategy.on_closed(position, pnl, lane.now_us)

    def restore(self, order_ends: Mapping[str, int], scores: Iterable[tuple[int, float]]) -> None:
        """Take back what a snapshot holds of this."""
        self.order_ends, self.scores = Counter(order_ends), dict(scores)
