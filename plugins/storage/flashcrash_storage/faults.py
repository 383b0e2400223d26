"""SQLite's and the file system's errors as StorageError: what happened, where, and what to do next."""

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from flashcrash_core.api import StorageError

__all__ = ["explain", "explain_os", "translated"]

_KEPT: Final = "everything committed before is kept"
_WORDS: Final[dict[int, str]] = {
    sqlite3.SQLITE_NOTADB: "is not an SQLite database; nothing was changed. Choose another file with --db",
    sqlite3.SQLITE_CORRUPT: (
        "is damaged; do not write to it. Copy it away and save what is readable with `sqlite3 DB .recover`, "
        "then start a new one with --db"
    ),
    sqlite3.SQLITE_BUSY: (
        f"is locked by another process that writes; {_KEPT}. Wait for the other run to end, raise storage.sqlite busy_timeout_ms, "
        "or give this run its own file with --db"
    ),
    sqlite3.SQLITE_LOCKED: f"is locked by another statement of this process; {_KEPT}. Give this run its own file with --db",
    sqlite3.SQLITE_READONLY: f"is read-only; {_KEPT}. Make the file and its directory writable, or choose another place with --db",
    sqlite3.SQLITE_PERM: "may not be accessed; make the file readable and writable for this user, or choose another one with --db",
    sqlite3.SQLITE_FULL: f"cannot grow, the disk (or the page limit) is full; {_KEPT}. "
    "Free space or move the file, then resume the run",
    sqlite3.SQLITE_IOERR: (
        f"met an I/O error; {_KEPT}. Look at free space, quotas, file size limits (ulimit -f) and the health of the disk, "
        "then resume the run"
    ),
    sqlite3.SQLITE_CANTOPEN: "cannot be opened; look at the permissions of file and directory, or choose another one with --db",
    sqlite3.SQLITE_TOOBIG: f"refused a value that is too large; {_KEPT}. This is a defect of the component that wrote it",
    sqlite3.SQLITE_CONSTRAINT: f"refused rows that contradict what is stored; {_KEPT}. This is a defect, please report it",
}


def explain(error: Exception, location: str, doing: str) -> StorageError:
    """The StorageError for an error of the sqlite3 module; ``doing`` says what was tried."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    words = _WORDS.get(code)
    if words is None and isinstance(error, OverflowError | UnicodeError):
        words = f"cannot hold a value; {_KEPT}. This is a defect of the component that wrote it"
    if words is None:
        words = f"could not be used; {_KEPT}. If the cause is not plain from the words in brackets, please report it"
    name = getattr(error, "sqlite_errorname", type(error).__name__)
    return StorageError(f"{doing}: database {location} {words} ({name}: {error})")


def explain_os(error: OSError, location: str, doing: str) -> StorageError:
    """The StorageError for an error of the file system."""
    advice = {
        errno.EACCES: "make the directory writable for this user, or choose another place with --db",
        errno.EPERM: "make the directory writable for this user, or choose another place with --db",
        errno.EROFS: "the file system is read-only; choose another place with --db",
        errno.ENOSPC: "the disk is full; free space or choose another place with --db",
        errno.EDQUOT: "the quota is used up; free space or choose another place with --db",
        errno.ENOTDIR: "a part of the path is a file; choose another place with --db",
        errno.EISDIR: "it is a directory; name a file in it with --db",
    }.get(error.errno or 0, "choose another place with --db")
    return StorageError(f"{doing}: database {location}: {error.strerror or error}; {advice}")


@contextmanager
def translated(location: str, doing: str) -> Iterator[None]:
    """Let no sqlite3 error and no error of a value that SQLite cannot hold pass as it is."""
    try:
        yield
    except (sqlite3.Error, OverflowError, UnicodeError) as error:
        raise explain(error, location, doing) from error
    except OSError as error:
        raise explain_os(error, location, doing) from error
