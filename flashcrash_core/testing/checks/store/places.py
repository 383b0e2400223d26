"""Where the kit keeps the databases it makes, and how it opens them: in a temporary directory, closed whatever happens.

A store whose locations are no paths says itself where a new database may be (``StoreSpec.locations``).
"""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flashcrash_core.errors import StorageError
from flashcrash_core.runtime.storage import Store
from flashcrash_core.specs import StoreSpec
from flashcrash_core.testing.battery import CheckFailure
from flashcrash_core.testing.checks.once import once
from flashcrash_core.testing.subject import Subject

__all__ = ["build", "database", "has_a_place", "in_files", "opened", "refused", "require"]


def has_a_place(subject: Subject[StoreSpec]) -> str:
    """``applies`` of checks that open a database."""
    if subject.spec.locations is not None and not once(subject, "location", lambda: _location(subject, Path())):
        return "gave no location (StoreSpec.locations): there is no server to make a database on"
    return ""


def in_files(subject: Subject[StoreSpec]) -> str:
    """``applies`` of checks that look at the files of a database."""
    return "" if subject.spec.locations is None else "keeps its databases in no file (StoreSpec.locations)"


@contextmanager
def database(subject: Subject[StoreSpec]) -> Iterator[str]:
    """The location of a database that does not exist yet: of the store's own making, or a path in a directory of its own."""
    with tempfile.TemporaryDirectory(prefix="flashcrash-store-", ignore_cleanup_errors=True) as folder:
        location = str(Path(folder) / "kit.db")
        yield location if subject.spec.locations is None else _location(subject, Path(folder))


def _location(subject: Subject[StoreSpec], folder: Path) -> str:
    assert subject.spec.locations is not None
    location = subject.spec.locations(folder)
    require(isinstance(location, str), subject.label, f"locations gave {location!r}, not the text of a location")
    return location


def build(subject: Subject[StoreSpec], location: str) -> Store:
    """The store, open on ``location``."""
    store: Store = subject.spec.build(subject.config, location)
    return store


@contextmanager
def opened(subject: Subject[StoreSpec], location: str) -> Iterator[Store]:
    """The same, closed at the end."""
    store = build(subject, location)
    try:
        yield store
    finally:
        store.close()


def refused(where: str, what: str, call: Callable[[], Any]) -> StorageError:
    """The StorageError that ``call`` raises. Raises CheckFailure when it raises another error, or none."""
    try:
        call()
    except StorageError as error:
        return error
    except Exception as error:
        raise CheckFailure(
            f"{where}: {what} raised {type(error).__name__}: {error}; every error of a store is a StorageError"
        ) from error
    raise CheckFailure(f"{where}: {what} was not refused; raise StorageError")


def require(kept: bool, where: str, what: str) -> None:
    """Raise CheckFailure unless ``kept``."""
    if not kept:
        raise CheckFailure(f"{where}: {what}")
