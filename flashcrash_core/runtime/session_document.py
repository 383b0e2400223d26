"""Stored sessions as JSON-able documents: the list of them, and one with its context, statistics, trades and report."""

import shlex
from collections.abc import Mapping, Sequence
from typing import Any, Final

from flashcrash_core.errors import StorageError
from flashcrash_core.market.instruments import money_to_decimal
from flashcrash_core.runtime.export import session_trades
from flashcrash_core.runtime.records import (
    AuditRecord,
    FillRecord,
    IntentRecord,
    NoticeRecord,
    Record,
    ScoreRecord,
    SessionRecord,
    TradeRecord,
    TransitionRecord,
)
from flashcrash_core.runtime.session_account import account, report_of
from flashcrash_core.runtime.session_stats import stored_stats
from flashcrash_core.runtime.storage import Store

__all__ = ["LIST_SCHEMA", "SHOW_SCHEMA", "session_document", "session_list"]

LIST_SCHEMA: Final = "flashcrash.sessions/1"
SHOW_SCHEMA: Final = "flashcrash.session/1"

_RESUMABLE: Final = ("crashed", "interrupted", "failed")
_KINDS: Final[tuple[type[Record], ...]] = (TransitionRecord, ScoreRecord, IntentRecord, NoticeRecord, TradeRecord, AuditRecord)


def session_list(store: Store, limit: int) -> dict[str, Any]:
    """The newest ``limit`` sessions as one document. Raises StorageError."""
    found = store.sessions()
    return {"schema": LIST_SCHEMA, "total": len(found), "sessions": [_listed(store, record) for record in found[:limit]]}


def _listed(store: Store, session: SessionRecord) -> dict[str, Any]:
    trades, fills = store.read(session.id, TradeRecord), store.read(session.id, FillRecord)
    money = account(
        equity_start_minor=session.equity_start_minor,
        trades=trades,
        fills=fills,
        intents=store.read(session.id, IntentRecord),
        notices=store.read(session.id, NoticeRecord),
        instruments={},
        report=report_of(session),
    )
    return _head(session) | {
        "trades": len(trades),
        "open_positions": len(money.positions),
        "open_orders": len(money.orders),
        "pnl_net": money.pnl_net,
        "pnl_realised": money.pnl_realised,
        "pnl_unrealised": money.pnl_unrealised,
        "fees": money_to_decimal(sum(fill.fee_minor for fill in fills)),
    }


def session_document(store: Store, session_id: str, *, db: str | None = None) -> dict[str, Any]:
    """One session as one document; ``db`` is the database as the user named it, for the command that resumes the session.

    ``trades`` is null, with a warning, when their prices cannot be told. Raises StorageError.
    """
    session = store.session(session_id)
    report = report_of(session)
    warnings = list(report.get("warnings", ()))
    try:
        trades = session_trades(store, session, report)
    except StorageError as error:
        trades = None
        warnings.append(str(error))
    audit = store.read(session.id, AuditRecord)
    return (
        {"schema": SHOW_SCHEMA}
        | _head(session)
        | {
            "version": session.version,
            "plugins": session.plugins,
            "input": report.get("input") or _input(session),
            "inputs": session.inputs,
            "fill_model": report.get("fill_model") or _at(session.config, "fills", "model"),
            "fees_bps": {side: _at(session.config, "fees", f"{side}_bps") for side in ("maker", "taker")},
            "seed": _at(session.config, "run", "seed"),
            "period": _period(store, session, report),
            "halted": report.get("halted") or _last(audit, "halt"),
            "failure": None if report else _last(audit, "failed"),
            "resume": _resume(session, db),
            "decision_hash": session.decision_hash,
            "stats": stored_stats(store, session).as_dict(),
            "trades": trades,
            "warnings": warnings,
            "config": session.config,
            "report": report,
        }
    )


def _head(session: SessionRecord) -> dict[str, Any]:
    names = ("id", "mode", "status", "symbols", "profile", "data_tier", "wall_started", "wall_ended")
    return {name: getattr(session, name) for name in names}


def _at(config: Mapping[str, Any], table: str, key: str) -> Any:
    found = config.get(table)
    return found.get(key) if isinstance(found, Mapping) else None


def _input(session: SessionRecord) -> str:
    """The input of a session without a report: its files, else its feed."""
    tapes = session.inputs.get("tapes")
    paths = [str(tape["path"]) for tape in tapes if isinstance(tape, Mapping) and "path" in tape] if isinstance(tapes, list) else []
    return "; ".join(paths) or f"feed {session.inputs.get('feed') or _at(session.config, 'run', 'feed') or 'unknown'}"


def _period(store: Store, session: SessionRecord, report: Mapping[str, Any]) -> dict[str, Any]:
    """First and last event time, in microseconds. ``exact`` false: without a report, of what was recorded; null of nothing."""
    data = report.get("data", {}).values()
    times = [one[name] for one in data for name in ("first_us", "last_us") if one.get(name)]
    if times:
        return {"first_us": min(times), "last_us": max(times), "exact": True}
    times = [row.t_us for kind in _KINDS for row in store.read(session.id, kind) if row.t_us]
    snapshot = store.latest_snapshot(session.id)
    if snapshot is not None and snapshot.t_us:
        times.append(snapshot.t_us)
    return {"first_us": min(times, default=None), "last_us": max(times, default=None), "exact": False}


def _last(audit: Sequence[AuditRecord], kind: str) -> str | None:
    return next((row.message for row in reversed(audit) if row.kind == kind), None)


def _resume(session: SessionRecord, db: str | None) -> str | None:
    """The command that goes on with the session, where that is possible."""
    if session.status not in _RESUMABLE:
        return None
    return shlex.join(["flashcrash", "run", "--resume", session.id, *(["--db", db] if db is not None else [])])
