"""``flashcrash sessions``: what is in the database.

The commands only open, ask and print; what they print is a document of :mod:`flashcrash_core.runtime.session_document`. Heavy
imports stay inside the functions, so that ``flashcrash --help`` starts fast.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flashcrash_core.cli.options import warn
from flashcrash_core.cli.plugin_output import plugins_say_elsewhere

if TYPE_CHECKING:
    from flashcrash_core.runtime.storage import Store

__all__ = ["app"]

app = typer.Typer(help="Recorded sessions: list them, show one, verify one.", no_args_is_help=True)

Db = Annotated[str | None, typer.Option("--db", help="Database (default: the configured one).")]
Json = Annotated[bool, typer.Option("--json", help="Print exactly one JSON document on standard output.")]


@app.command("list")
def list_sessions(
    json: Json = False,
    db: Db = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Newest sessions to list.")] = 20,
) -> None:
    """List the sessions in the database, newest first."""
    from flashcrash_core.runtime.session_document import session_list

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
    """Show one session: its input, profit, open positions, win rate, holding time, drawdown, fees, scores."""
    from flashcrash_core.runtime.session_document import session_document

    store = _open(db)
    try:
        document = session_document(store, session, db=db)
        if out is not None:
            document["exported"] = _export(store, document, out)
    finally:
        store.close()
    if json:
        _print_json(document)
    else:
        from flashcrash_core.cli.session_view import session_console, show_document

        show_document(session_console(), document)


@app.command("verify")
def verify_session(
    session: Annotated[str, typer.Argument(help="Session id, the beginning of one, or last.")],
    json: Json = False,
    db: Db = None,
) -> None:
    """Decide a session again from its recorded input and compare every stored row; exit code 4 at the first difference."""
    from flashcrash_core.errors import VerificationError
    from flashcrash_core.runtime.decision_hash import shown_hash
    from flashcrash_core.runtime.verification import mismatch_document, verify

    _require(db)
    try:
        with plugins_say_elsewhere(json):
            document = verify(session, db=db)
    except VerificationError as error:
        if json:
            _print_json(mismatch_document(error))
        raise
    if json:
        _print_json(document)
        return
    for warning in document["warnings"]:
        typer.echo(f"warning: {warning}", err=True)
    until = "" if document["whole"] else f", up to the last stored row (the session is {document['status']})"
    faults = f"; {document['faults_imposed']} journalled faults imposed" if document["faults_imposed"] else ""
    rows = sum(document["rows"].values())
    typer.echo(
        f"session {document['session']}: {document['decisions']:,} decisions and {rows:,} rows are equal{until}{faults}\n"
        f"decision hash {shown_hash(document['decision_hash'])}"
    )


def _export(store: "Store", document: dict[str, Any], out: Path) -> list[str]:
    """The files of a session; the summary is the run's, with a report, else the session's document. Raises StorageError."""
    from flashcrash_core.errors import StorageError
    from flashcrash_core.runtime.export import summary_document, write_export
    from flashcrash_core.runtime.records import TransitionRecord

    if document["trades"] is None:
        raise StorageError(document["warnings"][-1])
    session, report = store.session(document["id"]), document["report"]
    summary = summary_document(store, session, report) if report else document
    transitions = store.read(session.id, TransitionRecord)
    return [str(path) for path in write_export(out, trades=document["trades"], transitions=transitions, summary=summary)]


def _open(db: str | None) -> "Store":
    from flashcrash_core.runtime.launch import open_store

    _require(db)
    store: Store = open_store(db, tell=lambda message: warn([message]))
    return store


def _require(db: str | None) -> None:
    """A mistyped path must not become an empty database; an address of a database server is not a path."""
    from flashcrash_core.errors import UsageError

    if db is not None and "://" not in db and not Path(db).exists():
        raise UsageError(f"--db {db}: there is no such database; `flashcrash run --db {db}` would make one")


def _print_json(document: dict[str, Any]) -> None:
    from flashcrash_core.runtime.export import json_document

    typer.echo(json_document(document).decode(), nl=False)
