"""The battery of stores where a location is no file: folders, servers, and servers that are not there."""

import os
from collections.abc import Iterator
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen
from contract.planted_base import store as sound

from flashcrash_core.api import PluginInfo, StorageError, Store, StoreSpec, hookimpl
from flashcrash_core.testing import QUICK, CheckResult, Outcome, check_store, is_proven
from flashcrash_core.testing.checks.store.snapshots import _bytes_on_disk


@frozen
class Folders:
    """A server of databases with names: one folder for all of them."""

    server: Path

    def open(self, _config: Any, location: str) -> Store:
        """The database of that name."""
        scheme, _, name = location.partition("://")
        if scheme != "small" or not name.isalnum():
            raise StorageError(f"{location}: name a database, as in small://name")
        return sound.SmallStore(sound.Config(), str(self.server / name))


@frozen
class Plugin:
    """Offers one store."""

    spec: StoreSpec
    flashcrash_plugin = PluginInfo(api=1, summary="a store of a test")

    @hookimpl
    def flashcrash_stores(self) -> list[StoreSpec]:
        """The store."""
        return [self.spec]


def by_outcome(rows: list[CheckResult], outcome: Outcome) -> dict[str, str]:
    """Checks that ended so, with their messages."""
    return {row.check: row.message for row in rows if row.outcome is outcome}


def names() -> Iterator[str]:
    """Names of databases that do not exist yet."""
    return (f"small://kit{number}" for number in count())


def test_a_store_whose_locations_are_no_paths_is_checked_at_locations_of_its_own(tmp_path: Path) -> None:
    """A server store makes its own locations, and is held to all but what looks at files or needs the plugin's name."""
    fresh = names()
    server = Folders(tmp_path)
    spec = StoreSpec(
        name="server", summary="by name", config=sound.Config, build=server.open, locations=lambda _folder: next(fresh)
    )
    rows = check_store(Plugin(spec), effort=QUICK)
    assert by_outcome(rows, Outcome.FAILED) == {}
    in_no_file = {name for name, why in by_outcome(rows, Outcome.SKIPPED).items() if "in no file" in why}
    assert in_no_file == {"unusable_location_is_refused", "few_snapshots_are_kept"}
    assert is_proven(rows)
    assert list(tmp_path.iterdir()), "the databases were made on the server"


def test_a_store_without_a_server_to_ask_is_skipped_and_not_proven() -> None:
    """Where `locations` gives none, every check that opens a database says so, and the battery proves nothing."""

    def build(_config: Any, _location: str) -> Store:
        raise AssertionError("opened")

    spec = StoreSpec(name="server", summary="by name", config=sound.Config, build=build, locations=lambda _folder: "")
    rows = check_store(Plugin(spec), effort=QUICK)
    assert by_outcome(rows, Outcome.PASSED).keys() == {"interface", "configuration_schema"}
    assert by_outcome(rows, Outcome.FAILED) == {}
    assert not is_proven(rows)


def folder_store(_config: Any, location: str, *, files: frozenset[str]) -> Store:
    """A store whose database is a folder, which may be there before, but with nothing of others in it."""
    folder = Path(location)
    if folder.exists() and not folder.is_dir():
        raise StorageError(f"{folder}: is no folder")
    if folder.exists() and any(not path.name.startswith(tuple(files)) for path in folder.iterdir()):
        raise StorageError(f"{folder}: holds other files")
    folder.mkdir(exist_ok=True)
    return sound.SmallStore(sound.Config(), str(folder / "data"))


def test_a_store_may_make_its_database_of_an_empty_folder() -> None:
    """A location may become a folder, and an empty folder that exists need not be refused."""
    build = partial(folder_store, files=frozenset({"data"}))
    rows = check_store(Plugin(StoreSpec(name="folder", summary="in folders", config=sound.Config, build=build)), effort=QUICK)
    assert by_outcome(rows, Outcome.FAILED) == {}


@pytest.mark.skipif(not hasattr(os.stat_result, "st_blocks"), reason="this system does not tell what a file takes of the disk")
def test_what_a_store_has_reserved_is_not_taken_for_what_it_keeps(tmp_path: Path) -> None:
    """A sparse file counts with the blocks that it takes of the disk, not with its length."""
    sparse = tmp_path / "reserved"
    with sparse.open("wb") as file:
        file.truncate(10_000_000)
        file.write(b"x" * 100)
    assert _bytes_on_disk(sparse) < 1_000_000
    full = tmp_path / "full"
    full.write_bytes(os.urandom(500_000))
    assert _bytes_on_disk(full) >= 500_000
