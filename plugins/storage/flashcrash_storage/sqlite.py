"""The storage plugin ``sqlite``: sessions and their records in one SQLite file.

One writer connection, a write-ahead log, and transactions that begin with the first write and end with ``commit``. With
``synchronous = "normal"`` a kill of the process loses nothing that was committed and a loss of power may lose the last commits;
``"full"`` survives both (reference/reliability.md section 7). A failed write rolls back everything since the last commit.
"""

import contextlib
import difflib
import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar, cast

import msgspec
from attrs import define, field, frozen, validators

from flashcrash_core.api import (
    AuditRecord,
    PluginInfo,
    Record,
    SessionRecord,
    SnapshotRecord,
    StorageError,
    StoreSpec,
    hookimpl,
)
from flashcrash_storage.codec import TABLES, decode_session, encode_session, json_text
from flashcrash_storage.faults import explain
from flashcrash_storage.history import HISTORY
from flashcrash_storage.opening import open_database
from flashcrash_storage.orders import follow
from flashcrash_storage.process import Process, this_process
from flashcrash_storage.schema import MIGRATIONS, Migration

__all__ = ["SqliteConfig", "SqliteStore", "flashcrash_plugin", "flashcrash_stores"]

flashcrash_plugin = PluginInfo(api=1, summary="Sessions in one SQLite file")

R = TypeVar("R", bound=Record)


@frozen
class SqliteConfig:
    """Settings of the ``sqlite`` storage."""

    synchronous: str = field(default="normal", validator=validators.in_(("normal", "full")))
    """``normal`` survives a killed process, ``full`` also a loss of power, at the price of one disk flush per commit."""
    keep_snapshots: int = field(default=5, validator=[validators.instance_of(int), validators.ge(1)])
    """Newest snapshots kept per session."""
    busy_timeout_ms: int = field(default=5000, validator=[validators.instance_of(int), validators.ge(0)])
    """How long to wait for another process that writes."""
    max_pages: int = field(default=0, validator=[validators.instance_of(int), validators.ge(0)])
    """Upper bound of the file in pages of 4 KiB; 0 is none. A full database behaves as a full disk."""


@define(eq=False)
class SqliteStore:
    """A store on one SQLite database (:class:`~flashcrash_core.runtime.storage.Store`). All errors are StorageError."""

    config: SqliteConfig
    location: str
    """A path, or ``:memory:``."""
    migrations: Sequence[Migration] = MIGRATIONS
    _connection: sqlite3.Connection = field(init=False, repr=False)
    _writes: bool = field(init=False, default=False)
    """This store has written: it has looked after crashed sessions once. A store that only reads never writes."""
    _begun: set[str] = field(init=False, repr=False, factory=set)
    """Sessions known to have a row."""
    _closed: bool = field(init=False, default=False)

    def __attrs_post_init__(self) -> None:
        self._connection = open_database(
            self.location,
            self.migrations,
            full_sync=self.config.synchronous == "full",
            busy_ms=self.config.busy_timeout_ms,
            max_pages=self.config.max_pages,
        )

    # -- writing -----------------------------------------------------------------------------------------------------

    def begin_session(self, session: SessionRecord) -> None:
        """Create the session row under this process and commit it. Raises StorageError if the id exists."""
        row = encode_session(session) | _columns_of(this_process())
        with self._writing(f"cannot begin session {session.id}"):
            if self._connection.execute("SELECT 1 FROM sessions WHERE id = ?", (session.id,)).fetchone():
                raise StorageError(
                    f"session {session.id} exists already in {self.location}; choose another id, or continue it with run --resume"
                )
            names, marks = ", ".join(row), ", ".join("?" * len(row))
            self._connection.execute(f"INSERT INTO sessions ({names}) VALUES ({marks})", tuple(row.values()))
            self._connection.execute("COMMIT")

    def write(self, session_id: str, records: Sequence[Record]) -> None:
        """Append records, in order; durable at the next :meth:`commit`. Either all of them are taken or none."""
        rows: dict[type[Record], list[tuple[Any, ...]]] = {}
        for record in records:
            kind = type(record)
            if kind not in TABLES:
                raise StorageError(f"session {session_id}: {self.location} has no table for {kind.__name__}; this is a defect")
            rows.setdefault(kind, []).append(TABLES[kind].encode(session_id, record))
        if not rows:
            return
        with self._writing(f"cannot write records of session {session_id}"):
            if session_id not in self._begun:
                if self._row("id = ?", session_id) is None:
                    raise self._unknown(session_id)
                self._begun.add(session_id)
            follow(self._connection, session_id, records)
            for kind, values in rows.items():
                self._connection.executemany(TABLES[kind].insert, values)

    def commit(self) -> None:
        """Make everything written so far survive a kill of this process."""
        with self._guarded("cannot commit", undo=True):
            if self._connection.in_transaction:
                self._connection.execute("COMMIT")

    def save_snapshot(self, session_id: str, snapshot: SnapshotRecord) -> None:
        """Keep a snapshot, forget those beyond the newest ``keep_snapshots``, and commit."""
        with self._writing(f"cannot save a snapshot of session {session_id}"):
            self._connection.execute(
                "INSERT INTO snapshots (session, seq, t_us, payload) VALUES (?, ?, ?, ?)",
                (session_id, snapshot.seq, snapshot.t_us, snapshot.payload),
            )
            self._connection.execute(
                "DELETE FROM snapshots WHERE session = ? AND id NOT IN "
                "(SELECT id FROM snapshots WHERE session = ? ORDER BY seq DESC, id DESC LIMIT ?)",
                (session_id, session_id, self.config.keep_snapshots),
            )
            self._connection.execute("COMMIT")

    def end_session(self, session_id: str, *, status: str, wall_ended: str, decision_hash: str, summary: dict[str, Any]) -> None:
        """Finish the session row and commit."""
        text = json_text(summary, f"session {session_id}: summary")
        with self._writing(f"cannot end session {session_id} as {status!r}"):
            done = self._connection.execute(
                "UPDATE sessions SET status = ?, wall_ended = ?, decision_hash = ?, summary = ? WHERE id = ?",
                (status, wall_ended, decision_hash, text, session_id),
            )
            if done.rowcount != 1:
                raise self._unknown(session_id)
            self._connection.execute("COMMIT")

    def reopen_session(self, session_id: str) -> None:
        """A session that did not end as ``done`` goes on under this process: status ``running`` again."""
        mine = this_process()
        with self._writing(f"cannot reopen session {session_id}"):
            found = self._row("id = ?", session_id)
            if found is None:
                raise self._unknown(session_id)
            session, process = found
            if session.status == "done":
                raise StorageError(f"session {session_id} in {self.location} is done; there is nothing to resume. Start a new run")
            if session.status == "running" and process != mine:
                raise StorageError(_still_running(session_id, process, self.location))
            self._connection.execute(
                "UPDATE sessions SET status = 'running', wall_ended = '', host = :host, pid = :pid, process_token = :process_token "
                "WHERE id = :id",
                _columns_of(mine) | {"id": session_id},
            )
            self._connection.execute("COMMIT")

    def close(self) -> None:
        """Commit and release the database; idempotent."""
        try:
            if not self._closed:
                self.commit()
        finally:
            self._closed = True
            self._connection.close()

    # -- reading -----------------------------------------------------------------------------------------------------

    def sessions(self) -> list[SessionRecord]:
        """All sessions, newest first. A session whose process is gone while ``running`` is reported as ``crashed``."""
        with self._guarded("cannot list sessions"):
            return [_as_seen(session, process) for session, process in self._rows("1 ORDER BY number DESC")]

    def session(self, session_id: str) -> SessionRecord:
        """One session, by id, unambiguous prefix, or ``last`` for the newest. Raises StorageError naming the nearest."""
        with self._guarded(f"cannot read session {session_id}"):
            found = self._row("id = ?", session_id)
            if found is None and session_id == "last":
                found = self._row("1 ORDER BY number DESC LIMIT 1")
            if found is None:
                # Not LIKE: an id may hold its wildcards. An empty prefix would be any session and is refused.
                alike = self._rows("length(?1) > 0 AND substr(id, 1, length(?1)) = ?1 ORDER BY number DESC", session_id)
                if len(alike) > 1:
                    names = ", ".join(session.id for session, _ in alike[:5])
                    raise StorageError(
                        f"{len(alike)} sessions in {self.location} begin with {session_id!r}: {names}; write more of the id"
                    )
                if not alike:
                    raise self._unknown(session_id)
                found = alike[0]
            return _as_seen(*found)

    def read(self, session_id: str, kind: type[R]) -> list[R]:
        """All records of one kind in order of ``seq``; of equal ones in the order written. ``session_id`` is the whole id."""
        table = TABLES.get(kind)
        if table is None:
            raise StorageError(f"{self.location} has no table for {kind.__name__}; known: {', '.join(k.__name__ for k in TABLES)}")
        with self._guarded(f"cannot read {table.name} of session {session_id}"):
            rows = self._connection.execute(table.select, (session_id,)).fetchall()
            if not rows and self._row("id = ?", session_id) is None:
                raise self._unknown(session_id)
            return cast("list[R]", [table.decode(row) for row in rows])

    def latest_snapshot(self, session_id: str) -> SnapshotRecord | None:
        """The newest snapshot, or None."""
        with self._guarded(f"cannot read the snapshot of session {session_id}"):
            row = self._connection.execute(
                "SELECT seq, t_us, payload FROM snapshots WHERE session = ? ORDER BY seq DESC, id DESC LIMIT 1", (session_id,)
            ).fetchone()
        return None if row is None else SnapshotRecord(seq=row[0], t_us=row[1], payload=row[2])

    # -- parts -------------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _guarded(self, doing: str, *, undo: bool = False) -> Iterator[None]:
        """Translate errors. With ``undo`` any failure rolls back, so that no half of a batch can be committed later."""
        try:
            yield
        except BaseException as error:
            if undo:
                # SQLite has already rolled back by itself after a full disk; the first error is the one to tell.
                with contextlib.suppress(sqlite3.Error):
                    if self._connection.in_transaction:
                        self._connection.execute("ROLLBACK")
            if isinstance(error, sqlite3.Error | OverflowError | UnicodeError):
                raise explain(error, self.location, doing) from error
            if isinstance(error, msgspec.DecodeError):
                raise StorageError(
                    f"{doing}: {self.location} holds JSON text that cannot be read ({error}); was the row edited by hand?"
                ) from error
            raise

    @contextlib.contextmanager
    def _writing(self, doing: str) -> Iterator[None]:
        """A guarded step inside the write transaction, which begins here if none is open."""
        with self._guarded(doing, undo=True):
            if not self._connection.in_transaction:
                self._connection.execute("BEGIN IMMEDIATE")
            if not self._writes:
                self._mark_crashed()
                self._connection.execute("COMMIT")
                self._connection.execute("BEGIN IMMEDIATE")
                self._writes = True
            yield

    def _mark_crashed(self) -> None:
        gone = [(s.id, process) for s, process in self._rows("status = 'running'") if not process.alive()]
        if gone:
            # An unclean end is when a file may be damaged; a clean one does not pay for the check.
            verdict = self._connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            if verdict != "ok":
                raise StorageError(f"database {self.location} is damaged ({verdict}); copy it away and choose another --db")
        for session_id, process in gone:
            self._connection.execute("UPDATE sessions SET status = 'crashed' WHERE id = ?", (session_id,))
            self._audit(session_id, "crashed", f"process {process.pid} on {process.host} ended without finishing the session")

    def _audit(self, session_id: str, kind: str, message: str) -> None:
        """An audit row of the store's own, placed after the last thing the session recorded."""
        tables = (*(table.name for table in TABLES.values()), "snapshots")
        newest = " UNION ALL ".join(f"SELECT max(seq) AS seq, max(t_us) AS t_us FROM {name} WHERE session = ?1" for name in tables)
        seq, t_us = self._connection.execute(
            f"SELECT coalesce(max(seq), 0), coalesce(max(t_us), 0) FROM ({newest})", (session_id,)
        ).fetchone()
        audit = TABLES[AuditRecord]
        record = AuditRecord(seq=seq, t_us=t_us, symbol="", kind=kind, message=message)
        self._connection.execute(audit.insert, audit.encode(session_id, record))

    def _rows(self, where: str, *values: object) -> list[tuple[SessionRecord, Process]]:
        cursor = self._connection.execute(f"SELECT * FROM sessions WHERE {where}", values)
        names = [column[0] for column in cursor.description]
        rows = [dict(zip(names, row, strict=True)) for row in cursor]
        return [(decode_session(row), Process(host=row["host"], pid=row["pid"], token=row["process_token"])) for row in rows]

    def _row(self, where: str, *values: object) -> tuple[SessionRecord, Process] | None:
        rows = self._rows(where, *values)
        return rows[0] if rows else None

    def _unknown(self, session_id: str) -> StorageError:
        ids = [row[0] for row in self._connection.execute("SELECT id FROM sessions ORDER BY number DESC LIMIT 1000")]
        if not ids:
            return StorageError(f"no session {session_id!r}: {self.location} holds none yet; start one with `flashcrash run`")
        near = difflib.get_close_matches(session_id, ids, n=3, cutoff=0.5) or ids[:3]
        return StorageError(
            f"no session {session_id!r} in {self.location}; nearest: {', '.join(near)} (`flashcrash sessions list`)"
        )


def _columns_of(process: Process) -> dict[str, Any]:
    return {"host": process.host, "pid": process.pid, "process_token": process.token}


def _as_seen(session: SessionRecord, process: Process) -> SessionRecord:
    if session.status == "running" and not process.alive():
        return msgspec.structs.replace(session, status="crashed")
    return session


def _still_running(session_id: str, process: Process, location: str) -> str:
    if process.host == this_process().host:
        return f"session {session_id} in {location} is still running as process {process.pid}; stop that run first"
    return (
        f"session {session_id} in {location} runs as process {process.pid} on host {process.host}, out of sight from here; "
        f"resume it there, or, if that process is surely gone, run: "
        f"sqlite3 {location} \"UPDATE sessions SET status = 'crashed' WHERE id = '{session_id}'\""
    )


@hookimpl
def flashcrash_stores() -> list[StoreSpec]:
    """The ``sqlite`` store."""
    return [StoreSpec(name="sqlite", summary=flashcrash_plugin.summary, config=SqliteConfig, build=SqliteStore, history=HISTORY)]
