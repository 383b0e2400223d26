"""From a location to a connection on a database of the right kind and version, or a StorageError that says why not."""

import os
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from flashcrash_core.api import StorageError
from flashcrash_storage.faults import explain_os, translated
from flashcrash_storage.schema import APPLICATION_NAME, Migration, migrate, owner, version

__all__ = ["MEMORY", "open_database"]

MEMORY: Final = ":memory:"
_DOING: Final = "cannot open storage"
_RETRY_S: Final = 0.01
_WAL_LIMIT_BYTES: Final = 64 * 1024 * 1024


def open_database(
    location: str, migrations: Sequence[Migration], *, full_sync: bool, busy_ms: int, max_pages: int
) -> sqlite3.Connection:
    """Open or create; the file is 0600 and missing directories 0700, because a session holds what its owner trades."""
    if location != MEMORY:
        _prepare_file(location)
    with translated(location, _DOING):
        connection = sqlite3.connect(location, timeout=busy_ms / 1000, isolation_level=None)
    try:
        with translated(location, _DOING):
            connection.execute(f"PRAGMA synchronous = {'FULL' if full_sync else 'NORMAL'}")
            connection.execute("PRAGMA foreign_keys = ON")
            _check_owner(connection, location, migrations[-1].version)
            _use_wal(connection, location, busy_ms)
            if max_pages:
                connection.execute(f"PRAGMA max_page_count = {max_pages}")
            if version(connection) < migrations[-1].version:
                _upgrade(connection, location, migrations)
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare_file(location: str) -> None:
    path = Path(location)
    if not location or "\0" in location:
        raise StorageError(f"{_DOING}: {location!r} is not a file name; name a database with --db PATH")
    try:
        _make_parents(path.parent)
        # Created here and not by SQLite, so that it never exists with wider permissions; WAL and SHM files inherit them.
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        pass
    except OSError as error:
        raise explain_os(error, location, _DOING) from error
    if path.is_dir():
        raise StorageError(f"{_DOING}: {location} is a directory; name a file in it, as in --db {path / 'flashcrash.db'}")
    if not path.is_file():
        raise StorageError(f"{_DOING}: {location} is not a regular file; choose another place with --db")
    # Asked, not tried: opening and closing the file here would drop the locks of another connection of this process.
    for place, what in ((path, "the file"), (path.parent, "its directory (SQLite keeps the write-ahead log there)")):
        if not os.access(place, os.R_OK | os.W_OK, effective_ids=os.access in os.supports_effective_ids):
            raise StorageError(
                f"{_DOING}: database {location}: {what} is read-only for this user; make it readable and writable, "
                "or copy the database to another place and name that with --db"
            )


def _make_parents(directory: Path) -> None:
    missing = []
    while not directory.exists():
        missing.append(directory)
        directory = directory.parent
    for path in reversed(missing):
        path.mkdir(mode=0o700, exist_ok=True)


def _check_owner(connection: sqlite3.Connection, location: str, newest: int) -> None:
    if owner(connection) not in ("", APPLICATION_NAME):
        raise StorageError(
            f"{_DOING}: {location} is an SQLite database of another program; nothing was changed. Choose another file with --db"
        )
    found = version(connection)
    if found > newest:
        raise StorageError(
            f"{_DOING}: {location} has schema version {found}, made by a newer flashcrash (this one knows up to {newest}); "
            "upgrade flashcrash or choose another --db"
        )


def _use_wal(connection: sqlite3.Connection, location: str, busy_ms: int) -> None:
    if location == MEMORY:
        return
    connection.execute(f"PRAGMA journal_size_limit = {_WAL_LIMIT_BYTES}")
    deadline = time.monotonic() + busy_ms / 1000
    while connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:
            mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        except sqlite3.OperationalError as error:
            # Two processes that create one database at the same moment: SQLite does not wait here by itself.
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(_RETRY_S)
            continue
        if mode != "wal":
            raise StorageError(
                f"{_DOING}: the file system of {location} does not support a write-ahead log (a network file system?); "
                "choose a local directory with --db"
            )


def _upgrade(connection: sqlite3.Connection, location: str, migrations: Sequence[Migration]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Asked again under the lock: another process may have been faster, with this version or with a newer one.
        _check_owner(connection, location, migrations[-1].version)
        migrate(connection, migrations)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
