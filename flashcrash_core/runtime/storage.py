"""The seam for storage: a repository of sessions. SQL lives in plugins only.

Rules that any implementation keeps: one writer; ``write`` may buffer, ``commit`` makes everything before it survive a process kill;
a database that cannot be written raises :class:`~flashcrash_core.errors.StorageError` and keeps what was committed.
"""

from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

from flashcrash_core.runtime.records import Record, SessionRecord, SnapshotRecord

__all__ = ["R", "Store"]

R = TypeVar("R", bound=Record)


class Store(Protocol):
    """A built storage plugin, open on one database."""

    def begin_session(self, session: SessionRecord) -> None:
        """Create the session row and commit it. Raises StorageError if the id exists."""
        ...

    def write(self, session_id: str, records: Sequence[Record]) -> None:
        """Append records, in order; durable at the next :meth:`commit`."""
        ...

    def commit(self) -> None:
        """Make everything written so far survive a kill of this process."""
        ...

    def save_snapshot(self, session_id: str, snapshot: SnapshotRecord) -> None:
        """Keep a snapshot (the newest few per session) and commit."""
        ...

    def end_session(self, session_id: str, *, status: str, wall_ended: str, decision_hash: str, summary: dict[str, Any]) -> None:
        """Finish the session row and commit."""
        ...

    def reopen_session(self, session_id: str) -> None:
        """A crashed session goes on under this process: status ``running`` again."""
        ...

    def sessions(self) -> list[SessionRecord]:
        """All sessions, newest first. A session whose process is gone while ``running`` is reported as ``crashed``."""
        ...

    def session(self, session_id: str) -> SessionRecord:
        """One session, by id or unambiguous prefix. Raises StorageError naming the nearest."""
        ...

    def read(self, session_id: str, kind: type[R]) -> list[R]:
        """All records of one kind in order of ``seq``."""
        ...

    def latest_snapshot(self, session_id: str) -> SnapshotRecord | None:
        """The newest snapshot, or None."""
        ...

    def close(self) -> None:
        """Commit and release the database; idempotent."""
        ...
