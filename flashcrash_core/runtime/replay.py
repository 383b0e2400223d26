"""From stored rows back to orders and positions: the same blotter calls that made them, in the same order."""

from flashcrash_core.market.events import Side
from flashcrash_core.runtime.records import IntentRecord, NoticeRecord
from flashcrash_core.trading.blotter import Blotter
from flashcrash_core.trading.orders import NoticeKind, OrderType, SubmitOrder, VenueNotice

__all__ = ["replay"]


def replay(blotter: Blotter, row: IntentRecord | NoticeRecord) -> None:
    """Apply one stored row. Raises :class:`~flashcrash_core.errors.InvariantError` when the rows contradict each other."""
    if isinstance(row, NoticeRecord):
        notice = VenueNotice(
            row.symbol, row.seq, row.t_us, row.t_us, NoticeKind(row.kind), row.client_id,
            row.price_ticks, row.qty_lots, row.fee_minor, row.maker, row.trade_id, row.reason,
        )  # fmt: skip
        blotter.apply(notice, row.t_us)
    elif row.kind == "cancel":
        blotter.cancelling(row.client_id)
    else:
        blotter.submit(
            SubmitOrder(
                row.client_id, row.symbol, Side(row.side), OrderType(row.type), row.price_ticks, row.qty_lots,
                row.reduce_only, row.position_id, row.reason, row.t_us, row.stressed,
            )
        )  # fmt: skip
