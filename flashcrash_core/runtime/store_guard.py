"""The guard around a store: whatever a storage plugin raises reaches the user as a StorageError that names the plugin.

A store's failure is never contained: what cannot be recorded must not be executed.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from flashcrash_core.detection.containment import explain, let_interrupt_pass
from flashcrash_core.errors import FlashcrashError, StorageError
from flashcrash_core.runtime.records import Record, SessionRecord, SnapshotRecord
from flashcrash_core.runtime.storage import Store

__all__ = ["StoreGuard", "opened_store"]

R = TypeVar("R", bound=Record)
T = TypeVar("T")

_ADVICE: Final = "what was committed before is kept. Report it to the plugin's author, or use another store"


def _call(name: str, doing: str, work: Callable[[], T]) -> T:
    try:
        return work()
    except FlashcrashError:
        raise
    except BaseException as error:
        let_interrupt_pass(error)
        raise StorageError(f"store {name} failed at {doing}: {explain(error)[1]}; {_ADVICE}") from error


def opened_store(name: str, build: Callable[[], Store]) -> Store:
    """A store, opened and guarded. Raises StorageError."""
    return StoreGuard(name, _call(name, "opening the database", build))


class StoreGuard:
    """A store whose every failure is a StorageError (:class:`~flashcrash_core.runtime.storage.Store`)."""

    def __init__(self, name: str, store: Store) -> None:
        self._name = name
        self._store = store

    def begin_session(self, session: SessionRecord) -> None:
        """As the store's."""
        _call(self._name, "begin_session", lambda: self._store.begin_session(session))

    def write(self, session_id: str, records: Sequence[Record]) -> None:
        """As the store's."""
        _call(self._name, "write", lambda: self._store.write(session_id, records))

    def commit(self) -> None:
        """As the store's."""
        _call(self._name, "commit", self._store.commit)

    def save_snapshot(self, session_id: str, snapshot: SnapshotRecord) -> None:
        """As the store's."""
        _call(self._name, "save_snapshot", lambda: self._store.save_snapshot(session_id, snapshot))

    def end_session(self, session_id: str, *, status: str, wall_ended: str, decision_hash: str, summary: dict[str, Any]) -> None:
        """As the store's."""
        _call(
            self._name,
            "end_session",
            lambda: self._store.end_session(
                session_id, status=status, wall_ended=wall_ended, decision_hash=decision_hash, summary=summary
            ),
        )

    def reopen_session(self, session_id: str) -> None:
        """As the store's."""
        _call(self._name, "reopen_session", lambda: self._store.reopen_session(session_id))

    def sessions(self) -> list[SessionRecord]:
        """As the store's."""
        return _call(self._name, "sessions", self._store.sessions)

    def session(self, session_id: str) -> SessionRecord:
        """As the store's."""
        return _call(self._name, "session", lambda: self._store.session(session_id))

    def read(self, session_id: str, kind: type[R]) -> list[R]:
        """As the store's."""
        return _call(self._name, "read", lambda: self._store.read(session_id, kind))

    def latest_snapshot(self, session_id: str) -> SnapshotRecord | None:
        """As the store's."""
        return _call(self._name, "latest_snapshot", lambda: self._store.latest_snapshot(session_id))

    def close(self) -> None:
        """As the store's."""
        _call(self._name, "close", self._store.close)
