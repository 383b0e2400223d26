"""Sessions of real orders after a crash: which ones still have something open at the venue, and their books from stored rows.

A live market cannot be heard again, so such a session is not repeated: its orders and positions are rebuilt from what was stored,
the venue is asked what became of them, and the session goes on from there with everything else new.
"""

from collections.abc import Mapping
from typing import Any

from flashcrash_core.errors import UsageError
from flashcrash_core.runtime.records import IntentRecord, NoticeRecord, SessionRecord
from flashcrash_core.runtime.session import Session
from flashcrash_core.runtime.session_account import open_orders
from flashcrash_core.runtime.storage import Store

__all__ = ["order_rows", "require_nothing_open", "taken_up_line"]


def order_rows(store: Store, session_id: str) -> list[IntentRecord | NoticeRecord]:
    """Intents and notices in the order in which they happened: within one event the notice came first."""
    rows: list[IntentRecord | NoticeRecord] = [*store.read(session_id, NoticeRecord), *store.read(session_id, IntentRecord)]
    return sorted(rows, key=lambda row: row.seq)


def require_nothing_open(store: Store, mode: str, executor: Mapping[str, Any]) -> None:
    """Raise UsageError while an earlier session has orders or positions at the venue that ``executor`` configures."""
    for record in store.sessions():
        if record.mode == mode and record.config.get("executor") == executor and (left := _left_open(store, record)):
            raise UsageError(
                f"session {record.id} of real orders is {record.status} and left {left} at this venue. Take it up first: "
                f"flashcrash run --resume {record.id}"
            )


def taken_up_line(session: Session) -> str:
    """What was rebuilt, for the user."""
    orders, positions = session.blotter.orders.values(), session.blotter.positions.values()
    held = ", ".join(f"{one.held_lots} lots of {one.symbol}" for one in positions if one.held_lots) or "nothing"
    return f"taken up: {len(orders)} orders are asked for; held according to the rows: {held}. It is left before anything new"


def _left_open(store: Store, record: SessionRecord) -> str:
    intents, notices = store.read(record.id, IntentRecord), store.read(record.id, NoticeRecord)
    orders = open_orders(intents, notices, {})
    sides = {intent.client_id: intent.side for intent in intents if intent.kind == "submit"}
    fills = {(one.client_id, one.trade_id): one for one in notices if one.kind == "FILL"}
    held: dict[str, int] = {}
    for (client_id, _), fill in fills.items():
        held[fill.symbol] = held.get(fill.symbol, 0) + sides[client_id] * (fill.qty_lots - fill.fee_lots)
    words = [f"{len(orders)} open orders"] if orders else []
    words += [f"{lots} lots of {symbol}" for symbol, lots in held.items() if lots]
    return " and ".join(words)
