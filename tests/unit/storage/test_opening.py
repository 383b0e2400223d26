"""Opening: permissions, foreign and damaged files, versions and migrations."""

import os
import sqlite3
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from flashcrash_core.api import AuditRecord, StorageError
from flashcrash_storage.schema import MIGRATIONS, SCHEMA_VERSION, Migration
from flashcrash_storage.sqlite import SqliteConfig, SqliteStore, flashcrash_stores

Open = Callable[..., SqliteStore]
Make = Callable[..., Any]


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _refused(location: str | Path) -> str:
    with pytest.raises(StorageError) as caught:
        SqliteStore(SqliteConfig(), str(location))
    return str(caught.value)


@pytest.fixture
def public_dir() -> Iterator[Path]:
    """A directory that another user may enter; pytest's own are closed to others."""
    with tempfile.TemporaryDirectory(prefix="flashcrash-") as name:
        path = Path(name)
        path.chmod(0o755)
        yield path
        path.chmod(0o700)


@pytest.fixture
def unprivileged() -> Iterator[None]:
    """File permissions mean nothing to root: the test runs as nobody if it was started by root."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    yield
    if root:
        os.seteuid(0)


def test_files_are_private(tmp_path: Path, session: Make, intent: Make) -> None:
    """Database, write-ahead log and shared memory are 0600 and a created directory is 0700, whatever the umask."""
    old = os.umask(0)
    try:
        store = SqliteStore(SqliteConfig(), str(tmp_path / "a" / "b" / "x.db"))
        store.begin_session(session("s1"))
        store.write("s1", [intent()])
        modes = {path.name: _mode(path) for path in (tmp_path / "a" / "b").iterdir()}
        store.close()
    finally:
        os.umask(old)
    assert modes == {"x.db": 0o600, "x.db-wal": 0o600, "x.db-shm": 0o600}
    assert [_mode(tmp_path / "a"), _mode(tmp_path / "a" / "b")] == [0o700, 0o700]


def test_an_existing_directory_keeps_its_mode(tmp_path: Path) -> None:
    """The mode of a directory that was there already is its owner's business."""
    (tmp_path / "d").mkdir(mode=0o755)
    (tmp_path / "d").chmod(0o755)
    SqliteStore(SqliteConfig(), str(tmp_path / "d" / "x.db")).close()
    assert _mode(tmp_path / "d") == 0o755


def test_write_ahead_log_and_synchronous_follow_the_config(opened: Open) -> None:
    """The journal is a WAL and foreign keys are on; synchronous is NORMAL (1) by default and FULL (2) on request."""

    def pragma(store: SqliteStore, name: str) -> Any:
        return store._connection.execute(f"PRAGMA {name}").fetchone()[0]

    assert [pragma(opened(), name) for name in ("journal_mode", "synchronous", "foreign_keys")] == ["wal", 1, 1]
    assert pragma(opened(synchronous="full"), "synchronous") == 2


@pytest.mark.parametrize("bad", [{"synchronous": "off"}, {"keep_snapshots": 0}, {"busy_timeout_ms": -1}, {"max_pages": "x"}])
def test_config_refuses_nonsense(bad: dict[str, Any]) -> None:
    """Each setting is checked when the configuration is built."""
    with pytest.raises((ValueError, TypeError)):
        SqliteConfig(**bad)


def test_memory_database_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, session: Make, intent: Make) -> None:
    """``:memory:`` works as a store and writes no file."""
    monkeypatch.chdir(tmp_path)
    [spec] = flashcrash_stores()
    store = spec.build(spec.config(), ":memory:")
    store.begin_session(session("s1"))
    store.write("s1", [intent()])
    store.commit()
    assert store.session("s1").status == "running"
    store.close()
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database_is_refused_and_kept(tmp_path: Path) -> None:
    """A text file named as the database is named in the error and not changed."""
    path = tmp_path / "notes.txt"
    path.write_text("my notes\n" * 200, encoding="utf-8")
    message = _refused(path)
    assert str(path) in message
    assert "is not an SQLite database" in message
    assert "--db" in message
    assert path.read_text(encoding="utf-8") == "my notes\n" * 200


@pytest.mark.parametrize("table", ["bookmarks (url)", "meta (key, value)", "meta (x)"])
def test_a_database_of_another_program_is_refused_and_kept(tmp_path: Path, table: str) -> None:
    """An SQLite file with foreign tables is not taken over, not even switched to WAL."""
    path = tmp_path / "places.sqlite"
    connection = sqlite3.connect(path)
    connection.execute(f"CREATE TABLE {table}")
    connection.close()
    before = path.read_bytes()
    assert "another program" in _refused(path)
    assert path.read_bytes() == before


def test_a_damaged_database_is_refused(database: str, opened: Open, session: Make) -> None:
    """A database whose schema page is overwritten is reported as damaged."""
    store = opened()
    store.begin_session(session("s1"))
    store.close()
    data = bytearray(Path(database).read_bytes())
    data[100:2000] = b"\xff" * 1900
    Path(database).write_bytes(bytes(data))
    message = _refused(database)
    assert database in message
    assert "is damaged" in message


def test_a_newer_schema_is_refused(database: str) -> None:
    """A database made by a newer version says so and names the ways out."""
    later = Migration(version=MIGRATIONS[-1].version + 1, summary="later", steps=("CREATE TABLE extra (x INTEGER)",))
    SqliteStore(SqliteConfig(), database, (*MIGRATIONS, later)).close()
    message = _refused(database)
    assert "made by a newer flashcrash" in message
    assert "upgrade flashcrash or choose another --db" in message


@pytest.mark.parametrize("location", ["", "a\0b"])
def test_a_location_that_is_no_name_is_refused(location: str) -> None:
    """An empty location or one with a NUL is not a file name."""
    assert "is not a file name" in _refused(location)


def test_a_directory_is_refused(tmp_path: Path) -> None:
    """A directory as location is refused with a file in it as the proposal."""
    message = _refused(tmp_path)
    assert "is a directory" in message
    assert str(tmp_path / "flashcrash.db") in message


def test_a_file_as_parent_is_refused(tmp_path: Path) -> None:
    """A path that leads through a file is refused."""
    (tmp_path / "file").touch()
    assert "a part of the path is a file" in _refused(tmp_path / "file" / "x.db")


def test_an_unwritable_directory_is_refused(public_dir: Path, unprivileged: None) -> None:
    """A database that cannot be created says that the directory is the reason."""
    public_dir_mode = 0o555
    if os.geteuid() == public_dir.stat().st_uid:
        public_dir.chmod(public_dir_mode)
    message = _refused(public_dir / "x.db")
    assert str(public_dir / "x.db") in message
    assert "make the directory writable" in message


def test_a_read_only_file_is_refused(public_dir: Path, unprivileged: None) -> None:
    """An existing database that this user may not write is refused when it is opened, not at the first order."""
    path = public_dir / "x.db"
    owner = os.geteuid()
    if owner != public_dir.stat().st_uid:
        os.seteuid(0)
    SqliteStore(SqliteConfig(), str(path)).close()
    path.chmod(0o444)
    os.seteuid(owner)
    assert "read-only for this user" in _refused(path)


def test_migrations_run_in_order_and_keep_the_data(database: str, session: Make) -> None:
    """An older database is brought to the newest version step by step, SQL and functions alike, with its rows kept."""
    store = SqliteStore(SqliteConfig(), database)
    store.begin_session(session("s1"))
    store.close()

    def fill_in(connection: sqlite3.Connection) -> None:
        connection.execute("UPDATE sessions SET note = id || '!'")

    second = Migration(version=SCHEMA_VERSION + 1, summary="notes", steps=("ALTER TABLE sessions ADD COLUMN note TEXT", fill_in))
    third = Migration(version=SCHEMA_VERSION + 2, summary="index", steps=("CREATE INDEX sessions_by_note ON sessions (note)",))
    for _ in range(2):  # the second time there is nothing to do
        store = SqliteStore(SqliteConfig(), database, (*MIGRATIONS, second, third))
        assert store.session("s1") == session("s1")
        assert store._connection.execute("SELECT note FROM sessions").fetchall() == [("s1!",)]
        assert dict(store._connection.execute("SELECT key, value FROM meta"))["schema_version"] == str(SCHEMA_VERSION + 2)
        store.close()


def test_a_migration_that_fails_changes_nothing(database: str, session: Make) -> None:
    """If one step fails, all of the migration is undone and the old version still opens it."""
    store = SqliteStore(SqliteConfig(), database)
    store.begin_session(session("s1"))
    store.close()
    broken = Migration(
        version=SCHEMA_VERSION + 1,
        summary="broken",
        steps=("ALTER TABLE sessions ADD COLUMN note TEXT", "ALTER TABLE nowhere RENAME TO x"),
    )
    with pytest.raises(StorageError, match="no such table: nowhere"):
        SqliteStore(SqliteConfig(), database, (*MIGRATIONS, broken))
    store = SqliteStore(SqliteConfig(), database)
    assert store.session("s1") == session("s1")
    assert "note" not in {row[1] for row in store._connection.execute("PRAGMA table_info(sessions)")}
    store.close()


def test_an_empty_file_becomes_a_database(database: str, session: Make) -> None:
    """A kill between creating the file and its tables leaves an empty file, which the next start completes."""
    Path(database).touch()
    store = SqliteStore(SqliteConfig(), database)
    store.begin_session(session("s1"))
    assert store.read("s1", AuditRecord) == []
    store.close()
