"""From stored rows back to orders and positions: the same blotter calls that made them, in the same order."""

from typing import Any

from flashcrash_core.errors import InvariantError
from flashcrash_core.market.events import Side
from flashcrash_core.market.instruments import money_to_decimal
from flashcrash_core.runtime.records import IntentRecord, NoticeRecord
from flashcrash_core.trading.blotter import Blotter
from flashcrash_core.trading.orders import NoticeKind, OrderType, SubmitOrder, VenueNotice

__all__ = ["check_ledger", "replay"]


def replay(blotter: Blotter, row: IntentRecord | NoticeRecord) -> None:
    """Apply one stored row. Raises :class:`~flashcrash_core.errors.InvariantError` when the rows contradict each other."""
    if isinstance(row, NoticeRecord):
        notice = VenueNotice(
            row.symbol, row.seq, row.t_us, row.t_us, NoticeKind(row.kind), row.client_id,
            row.price_ticks, row.qty_lots, row.fee_minor, row.maker, row.trade_id, row.reason,
            row.fee_lots,
        )  # fmt: skip
        blotter.apply(notice, row.t_us)
    elif row.kind == "cancel":
        blotter.cancelling(row.client_id)
    else:
        blotter.submit(
            SubmitOrder(
                row.client_id, row.symbol, Side(row.side), OrderType(row.type), row.price_ticks, row.qty_lots,
                row.reduce_only, row.position_id, row.reason, row.t_us, row.stressed, row.stop_ticks,
            )
        )  # fmt: skip


def check_ledger(blotter: Blotter, remembered: Any) -> None:
    """Raise InvariantError when the rows did not lead to the ledger that the snapshot remembers."""
    rebuilt = blotter.ledger.snapshot()
    if [*rebuilt[:4], [list(x) for x in rebuilt[4]]] != [*remembered[:4], [list(x) for x in remembered[4]]]:
        raise InvariantError(
            "resume: the stored orders and fills lead to another ledger "
            f"(cash {money_to_decimal(rebuilt[0])}) than the snapshot remembers (cash {money_to_decimal(remembered[0])}); "
            "the database was changed since; start a new session"
        )
