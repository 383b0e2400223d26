"""``flashcrash sessions``: what is in the database.

The commands only open, ask and print; the numbers come from pure functions (:mod:`flashcrash_core.runtime.session_stats`). Heavy
imports stay inside the functions, so that ``flashcrash --help`` starts fast.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from flashcrash_core.runtime.records import SessionRecord
    from flashcrash_core.runtime.session_stats import SessionStats
    from flashcrash_core.runtime.storage import Store

__all__ = ["app", "session_document", "session_list"]

LIST_SCHEMA = "flashcrash.sessions/1"
SHOW_SCHEMA = "flashcrash.session/1"

app = typer.Typer(help="Recorded sessions: list them, show one.", no_args_is_help=True)

Db = Annotated[str | None, typer.Option("--db", help="Database (default: the configured one).")]
Json = Annotated[bool, typer.Option("--json", help="Print exactly one JSON document on standard output.")]


@app.command("list")
def list_sessions(
    json: Json = False,
    db: Db = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Newest sessions to list.")] = 20,
) -> None:
    """List the sessions in the database, newest first."""
    store = _open(db)
    try:
        document = session_list(store, limit)
    finally:
        store.close()
    if json:
        _print_json(document)
    else:
        from flashcrash_core.cli.session_view import session_console, show_list

        show_list(session_console(), document)


@app.command("show")
def show_session(
    session: Annotated[str, typer.Argument(help="Session id, the beginning of one, or last.")],
    json: Json = False,
    db: Db = None,
    out: Annotated[Path | None, typer.Option("--out", help="Directory for trades.csv, states.csv and summary.json.")] = None,
) -> None:
    """Show one session: profit, win rate, holding time, drawdown, fees, scores."""
    from flashcrash_core.runtime.export import write_export
    from flashcrash_core.runtime.records import TransitionRecord

    store = _open(db)
    try:
        document = session_document(store, session)
        written = []
        if out is not None:
            if document["trades"] is None:
                from flashcrash_core.errors import StorageError

                raise StorageError(document["warnings"][0])
            transitions = store.read(document["id"], TransitionRecord)
            written = write_export(out, trades=document["trades"], transitions=transitions, summary=document)
    finally:
        store.close()
    if json:
        _print_json(document)
    else:
        from flashcrash_core.cli.session_view import session_console, show_document

        show_document(session_console(), document, written)


def session_list(store: "Store", limit: int) -> dict[str, Any]:
    """The newest ``limit`` sessions as one JSON-able document."""
    found = store.sessions()
    sessions = []
    for record in found[:limit]:
        stats = _stats(store, record)
        sessions.append(_head(record) | {"trades": stats.trades, "pnl_net": stats.pnl_net, "fees": stats.fees})
    return {"schema": LIST_SCHEMA, "total": len(found), "sessions": sessions}


def session_document(store: "Store", session_id: str) -> dict[str, Any]:
    """One session as one JSON-able document. ``trades`` is null, with a warning, when their prices cannot be told."""
    from flashcrash_core.errors import StorageError
    from flashcrash_core.runtime.export import session_trades

    record = store.session(session_id)
    warnings: list[str] = []
    try:
        trades = session_trades(store, record, record.summary)
    except StorageError as error:
        trades, warnings = None, [str(error)]
    return (
        {"schema": SHOW_SCHEMA}
        | _head(record)
        | {
            "version": record.version,
            "plugins": record.plugins,
            "inputs": record.inputs,
            "decision_hash": record.decision_hash,
            "stats": _stats(store, record).as_dict(),
            "trades": trades,
            "warnings": warnings,
            "config": record.config,
            "report": record.summary,
        }
    )


def _head(record: "SessionRecord") -> dict[str, Any]:
    names = ("id", "mode", "status", "symbols", "profile", "data_tier", "wall_started", "wall_ended")
    return {name: getattr(record, name) for name in names}


def _stats(store: "Store", record: "SessionRecord") -> "SessionStats":
    from flashcrash_core.runtime import records as kinds
    from flashcrash_core.runtime.session_stats import session_stats

    return session_stats(
        equity_start_minor=record.equity_start_minor,
        trades=store.read(record.id, kinds.TradeRecord),
        fills=store.read(record.id, kinds.FillRecord),
        intents=store.read(record.id, kinds.IntentRecord),
        scores=store.read(record.id, kinds.ScoreRecord),
        transitions=store.read(record.id, kinds.TransitionRecord),
        audit=store.read(record.id, kinds.AuditRecord),
    )


def _open(db: str | None) -> "Store":
    from flashcrash_core.errors import UsageError
    from flashcrash_core.runtime.launch import open_store

    # A mistyped path must not become an empty database; an address of a database server is not a path.
    if db is not None and "://" not in db and not Path(db).exists():
        raise UsageError(f"--db {db}: there is no such database; `flashcrash run --db {db}` would make one")
    store: Store = open_store(db)
    return store


def _print_json(document: dict[str, Any]) -> None:
    from flashcrash_core.runtime.export import json_document

    typer.echo(json_document(document).decode(), nl=False)
