"""Where the kit keeps the databases it makes, and how it opens them: in a temporary directory, closed whatever happens."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flashcrash_core.errors import StorageError
from flashcrash_core.runtime.storage import Store
from flashcrash_core.specs import StoreSpec
from flashcrash_core.testing.battery import CheckFailure
from flashcrash_core.testing.subject import Subject

__all__ = ["build", "database", "opened", "refused", "require"]


@contextmanager
def database() -> Iterator[str]:
    """The path of a database that does not exist yet, in a directory of its own."""
    with tempfile.TemporaryDirectory(prefix="flashcrash-store-", ignore_cleanup_errors=True) as folder:
        yield str(Path(folder) / "kit.db")


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
