"""The ``orders`` table: the current state of every order, for people who look into the database.

It is derived from intents and notices as they are written and holds nothing of its own; recovery reads the records, not this table.
"""

import sqlite3
from collections.abc import Sequence
from typing import Final

from flashcrash_core.api import IntentRecord, NoticeKind, NoticeRecord, OrderState, Record

__all__ = ["follow", "is_new_fill"]

_OPEN: Final = "('INTENT', 'SENT', 'ACKED', 'PARTIAL')"
_SUBMIT: Final = f"""
INSERT INTO orders (session, client_id, position_id, symbol, side, type, price_ticks, qty_lots, reduce_only, reason, state,
                    created_us, updated_us, updated_seq)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '{OrderState.INTENT}', ?, ?, ?)"""
# As trading.orders.Order.cancelling: an order of unknown fate stays UNKNOWN, an ended one stays ended.
_CANCEL: Final = f"""
UPDATE orders SET state = CASE WHEN state IN {_OPEN} THEN '{OrderState.CANCELLING}' ELSE state END,
                  updated_us = ?, updated_seq = ?, last_word = ?
WHERE session = ? AND client_id = ?"""
_NOTICE: Final = "UPDATE orders SET state = ?, updated_us = ?, updated_seq = ?, last_word = ? WHERE session = ? AND client_id = ?"
_FILL: Final = """
UPDATE orders SET average_ticks = (coalesce(average_ticks, 0.0) * filled_lots + ? * 1.0 * ?) / (filled_lots + ?),
                  filled_lots = filled_lots + ?, fee_minor = fee_minor + ?
WHERE session = ? AND client_id = ?"""


def is_new_fill(connection: sqlite3.Connection, session_id: str, notice: NoticeRecord) -> bool:
    """Whether a FILL is the first with its trade id. Asked before the notice is inserted."""
    found = connection.execute(
        "SELECT 1 FROM notices WHERE session = ? AND client_id = ? AND trade_id = ? AND kind = 'FILL'",
        (session_id, notice.client_id, notice.trade_id),
    ).fetchone()
    return found is None


def follow(connection: sqlite3.Connection, session_id: str, records: Sequence[Record]) -> None:
    """Apply intents and notices, in order, to ``orders``. Call it before the notices are inserted."""
    counted: set[tuple[str, int]] = set()
    for record in records:
        if isinstance(record, IntentRecord):
            _intent(connection, session_id, record)
        elif isinstance(record, NoticeRecord):
            key = (session_id, record.client_id)
            word = f"{record.kind} {record.reason}".strip()
            connection.execute(_NOTICE, (str(record.state), record.t_us, record.seq, word, *key))
            fill = (record.client_id, record.trade_id)
            if record.kind != NoticeKind.FILL or fill in counted or not is_new_fill(connection, session_id, record):
                continue
            counted.add(fill)
            lots = record.qty_lots
            connection.execute(_FILL, (record.price_ticks, lots, lots, lots, record.fee_minor, *key))


def _intent(connection: sqlite3.Connection, session_id: str, intent: IntentRecord) -> None:
    if intent.kind == "cancel":
        word = f"cancel {intent.reason}".strip()
        connection.execute(_CANCEL, (intent.t_us, intent.seq, word, session_id, intent.client_id))
        return
    side = "BUY" if intent.side > 0 else "SELL"
    wish = (side, str(intent.type), intent.price_ticks, intent.qty_lots, int(intent.reduce_only), intent.reason)
    connection.execute(
        _SUBMIT,
        (session_id, intent.client_id, intent.position_id, intent.symbol, *wish, intent.t_us, intent.t_us, intent.seq),
    )
