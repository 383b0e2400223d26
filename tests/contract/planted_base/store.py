"""A small store without a fault: one append-only file, one frame per commit. The planted faults change one thing of it each.

It shares nothing with the SQLite store, so that the battery is not a mirror of it. A frame is length, checksum and msgpack; what
follows the last whole frame was never committed. The writer holds a lock on the file: the system takes it back from a dead process.
"""

import difflib
import fcntl
import os
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
from attrs import frozen

from flashcrash_core.api import (
    AuditRecord,
    IntentRecord,
    PluginInfo,
    Record,
    SessionRecord,
    SnapshotRecord,
    StorageError,
    StoreHistory,
    StoreSpec,
    TransitionRecord,
    hookimpl,
)

flashcrash_plugin = PluginInfo(api=1, summary="One append-only file")

R = TypeVar("R", bound=Record)
VERSION: Final = 2
HEAD: Final = b"KITLOG %d\n"
FIRST_KINDS: Final = (IntentRecord, TransitionRecord, AuditRecord)
"""What version 1 knew. Its frames held JSON."""


@frozen
class Config:
    """Settings of the small store."""

    prefix_min: int = 1
    """Shortest prefix that names a session."""


class SmallStore:
    """Sessions in one file. Everything is read anew from the file for each question."""

    def __init__(self, config: Config, location: str) -> None:
        self.config = config
        self.location = location
        self.pending: list[Any] = []
        self.mine: set[str] = set()
        self.closed = False
        try:
            self.file = os.open(location, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StorageError(f"cannot open {location}: {error.strerror}; choose a file with --db") from error
        try:
            self.prepare()
        except StorageError:
            os.close(self.file)
            raise

    def prepare(self) -> None:
        """Look at the head; bring an older file to this version."""
        if os.fstat(self.file).st_size == 0:
            os.pwrite(self.file, HEAD % VERSION, 0)
        head = os.pread(self.file, len(HEAD % 1), 0)
        if head[:7] != HEAD[:7] or not head[7:8].isdigit():
            raise StorageError(f"{self.location} is no database of this store; choose another file with --db")
        found = int(head[7:8])
        if found > VERSION:
            raise StorageError(f"{self.location} has version {found}, this store knows up to {VERSION}; upgrade it")
        if found == 1:
            self.upgrade()

    def upgrade(self) -> None:
        """Version 1 to 2: the frames become msgpack."""
        body = b"".join(frame(msgspec.json.decode(payload)) for payload in payloads(self.content()))
        self.replace_file(Path(self.location), HEAD % VERSION + body)
        os.close(self.file)
        self.file = os.open(self.location, os.O_RDWR)

    # -- writing

    def begin_session(self, session: SessionRecord) -> None:
        """Create the session and commit it."""
        self.check_open()
        if any(found.id == session.id for found in self.raw_sessions()):
            raise StorageError(f"session {session.id} exists already in {self.location}; choose another id")
        self.own(session.id)
        self.append([["begin", msgspec.to_builtins(session)]])

    def write(self, session_id: str, records: Sequence[Record]) -> None:
        """Buffer a batch, if all of it can be stored."""
        self.exact(session_id)
        self.pending += self.entries(session_id, records)

    def entries(self, session_id: str, records: Sequence[Record]) -> list[Any]:
        """The records as plain data, checked."""
        entries = [["record", session_id, type(record).__name__, msgspec.structs.asdict(record)] for record in records]
        try:
            msgspec.msgpack.encode(entries)
        except (TypeError, ValueError, OverflowError) as error:
            raise StorageError(f"session {session_id}: a record cannot be stored: {error}; hand over plain data") from error
        return entries

    def commit(self) -> None:
        """One frame for everything written."""
        self.check_open()
        entries, self.pending = self.pending, []
        if entries:
            self.append(entries)

    def save_snapshot(self, session_id: str, snapshot: SnapshotRecord) -> None:
        """Replace the one snapshot of the session."""
        self.exact(session_id)
        self.commit()
        self.replace_file(self.snapshot_path(session_id), msgspec.msgpack.encode(snapshot))

    def end_session(self, session_id: str, *, status: str, wall_ended: str, decision_hash: str, summary: dict[str, Any]) -> None:
        """Finish the session."""
        self.exact(session_id)
        end = {"status": status, "wall_ended": wall_ended, "decision_hash": decision_hash, "summary": summary}
        self.append([*self.pending, ["change", session_id, end]])
        self.pending = []

    def reopen_session(self, session_id: str) -> None:
        """Running again, under this process."""
        self.exact(session_id)
        self.own(session_id)
        self.append([["change", session_id, {"status": "running", "wall_ended": ""}]])

    def close(self) -> None:
        """Commit and release."""
        if not self.closed:
            self.commit()
            self.closed = True
            os.close(self.file)

    # -- reading

    def sessions(self) -> list[SessionRecord]:
        """Newest first."""
        self.check_open()
        return [self.as_seen(session) for session in reversed(self.raw_sessions())]

    def session(self, session_id: str) -> SessionRecord:
        """By id or prefix."""
        self.check_open()
        known = self.raw_sessions()
        found = [session for session in known if session.id == session_id]
        if not found and len(session_id) >= self.config.prefix_min:
            found = [session for session in known if self.alike(session.id, session_id)]
        if len(found) > 1:
            raise StorageError(f"{session_id!r} is the beginning of {', '.join(one.id for one in found)}; write more of it")
        if not found:
            raise self.unknown(session_id, known)
        return self.as_seen(found[0])

    def alike(self, known: str, asked: str) -> bool:
        """Whether ``asked`` may stand for ``known``."""
        return known.startswith(asked)

    def read(self, session_id: str, kind: type[R]) -> list[R]:
        """By sequence."""
        self.exact(session_id)
        rows = [entry[3] for entry in self.committed() if entry[:3] == ["record", session_id, kind.__name__]]
        return sorted((kind(**row) for row in rows), key=lambda record: record.seq)

    def latest_snapshot(self, session_id: str) -> SnapshotRecord | None:
        """The one that is kept."""
        self.exact(session_id)
        path = self.snapshot_path(session_id)
        return msgspec.msgpack.decode(path.read_bytes(), type=SnapshotRecord) if path.exists() else None

    # -- parts

    def committed(self) -> list[Any]:
        """All entries of whole frames."""
        return [entry for payload in payloads(self.content()) for entry in msgspec.msgpack.decode(payload)]

    def content(self) -> bytes:
        """The file behind its head."""
        size = os.fstat(self.file).st_size
        return os.pread(self.file, size, 0)[len(HEAD % 1) :]

    def append(self, entries: list[Any]) -> None:
        """Behind the last whole frame, in one call."""
        whole = len(HEAD % 1) + sum(len(payload) + 8 for payload in payloads(self.content()))
        os.ftruncate(self.file, whole)
        os.pwrite(self.file, frame(entries), whole)

    def raw_sessions(self) -> list[SessionRecord]:
        """As last written, oldest first."""
        sessions: dict[str, dict[str, Any]] = {}
        for what, *rest in self.committed():
            if what == "begin":
                sessions[rest[0]["id"]] = dict(rest[0])
            elif what == "change":
                sessions[rest[0]] |= rest[1]
        return [msgspec.convert(session, SessionRecord) for session in sessions.values()]

    def as_seen(self, session: SessionRecord) -> SessionRecord:
        """Crashed, if it runs and nobody holds the file."""
        if session.status == "running" and session.id not in self.mine and self.lock(fcntl.LOCK_SH | fcntl.LOCK_NB):
            fcntl.flock(self.file, fcntl.LOCK_UN)
            return msgspec.structs.replace(session, status="crashed")
        return session

    def own(self, session_id: str) -> None:
        """This store writes that session."""
        if not self.mine and not self.lock(fcntl.LOCK_EX | fcntl.LOCK_NB):
            raise StorageError(f"{self.location} has a writer; wait for it")
        self.mine.add(session_id)

    def lock(self, how: int) -> bool:
        """Whether the lock could be had."""
        try:
            fcntl.flock(self.file, how)
        except OSError:
            return False
        return True

    def exact(self, session_id: str) -> None:
        """Refuse a session that does not exist."""
        self.check_open()
        known = self.raw_sessions()
        if all(session.id != session_id for session in known):
            raise self.unknown(session_id, known)

    def unknown(self, session_id: str, known: list[SessionRecord]) -> StorageError:
        """The refusal, with the nearest."""
        near = difflib.get_close_matches(session_id, [session.id for session in known], cutoff=0.3)
        return StorageError(f"no session {session_id!r} in {self.location}; nearest: {', '.join(near) or 'none'}")

    def check_open(self) -> None:
        """Refuse the use of a closed store."""
        if self.closed:
            raise StorageError(f"{self.location} is closed; open it again")

    def snapshot_path(self, session_id: str) -> Path:
        """Beside the database."""
        return Path(f"{self.location}.{session_id.encode().hex()}.snapshot")

    @staticmethod
    def replace_file(path: Path, content: bytes) -> None:
        """The old content or the new, never half."""
        new = path.with_suffix(".new")
        new.write_bytes(content)
        os.replace(new, path)


def frame(entries: Any, encode: Callable[[Any], bytes] = msgspec.msgpack.encode) -> bytes:
    """Length, checksum and payload."""
    payload = encode(entries)
    return len(payload).to_bytes(4, "big") + zlib.crc32(payload).to_bytes(4, "big") + payload


def payloads(content: bytes) -> list[bytes]:
    """Of all whole frames from the beginning on."""
    found: list[bytes] = []
    at = 0
    while at + 8 <= len(content):
        length, checksum = int.from_bytes(content[at : at + 4], "big"), int.from_bytes(content[at + 4 : at + 8], "big")
        payload = content[at + 8 : at + 8 + length]
        if len(payload) < length or zlib.crc32(payload) != checksum:
            break
        found.append(payload)
        at += 8 + length
    return found


def write_version(location: str, version: int, session: SessionRecord, records: Sequence[Record]) -> None:
    """A file of that version."""
    known = [record for record in records if version > 1 or isinstance(record, FIRST_KINDS)]
    rows = [["record", session.id, type(record).__name__, msgspec.structs.asdict(record)] for record in known]
    body = frame([["begin", msgspec.to_builtins(session)], *rows], msgspec.msgpack.encode if version > 1 else msgspec.json.encode)
    Path(location).write_bytes(HEAD % version + body)


HISTORY = StoreHistory(newest=VERSION, write=write_version)


def offer(build: Any, *, config: type[Any] = Config, summary: str = "planted") -> list[StoreSpec]:
    """The one store of a file."""
    return [StoreSpec(name="planted", summary=summary, config=config, build=build, history=HISTORY)]


@hookimpl
def flashcrash_stores() -> list[StoreSpec]:
    """The sound one."""
    return offer(SmallStore)
