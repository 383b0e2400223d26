"""A database of schema version 1, as released before faults had a table, is opened, kept and written on."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flashcrash_core.api import FaultRecord, SessionRecord, TransitionRecord
from flashcrash_storage.codec import TABLES, encode_session
from flashcrash_storage.process import this_process
from flashcrash_storage.schema import SCHEMA_VERSION
from flashcrash_storage.sqlite import SqliteConfig, SqliteStore

DDL = Path(__file__).with_name("version_1.sql")
TRANSITION = TransitionRecord(seq=7, t_us=9, symbol="X", source="SLEEP", target="ALERT", reason="several", evidence={"C": 2})
FAULT = FaultRecord(
    seq=8, t_us=9, symbol="X", stage="indicator", name="vpin", call="", kind="raised", message="KeyError: 1", quarantined=False
)


def old_database(path: str, session: SessionRecord) -> None:
    """Made by the statements of version 1, with one ended session in it."""
    connection = sqlite3.connect(path)
    connection.executescript(DDL.read_text(encoding="utf-8"))
    connection.execute("PRAGMA application_id = 1179403090")
    connection.executemany("INSERT INTO meta VALUES (?, ?)", [("application_id", "flashcrash"), ("schema_version", "1")])
    process = this_process()
    row = encode_session(session) | {"host": process.host, "pid": process.pid, "process_token": process.token}
    connection.execute(f"INSERT INTO sessions ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", tuple(row.values()))
    table = TABLES[TransitionRecord]
    connection.execute(table.insert, table.encode(session.id, TRANSITION))
    connection.commit()
    connection.close()


def test_a_database_of_version_1_gains_the_faults(database: str, session: Callable[..., Any]) -> None:
    """Its sessions and rows are as they were, it has no faults, and a fault written now is read back."""
    mine = session("s1", status="done")
    old_database(database, mine)
    store = SqliteStore(SqliteConfig(), database)
    assert store.session("s1") == mine
    assert store.read("s1", TransitionRecord) == [TRANSITION]
    assert store.read("s1", FaultRecord) == []
    store.write("s1", [FAULT])
    store.close()
    again = SqliteStore(SqliteConfig(), database)
    assert again.read("s1", FaultRecord) == [FAULT]
    assert dict(again._connection.execute("SELECT key, value FROM meta"))["schema_version"] == str(SCHEMA_VERSION)
    again.close()


def test_an_upgraded_database_has_the_tables_of_a_new_one(tmp_path: Path, session: Callable[..., Any]) -> None:
    """One path leads to the newest schema, whether it began at version 1 or at nothing."""
    old, new = str(tmp_path / "old.db"), str(tmp_path / "new.db")
    old_database(old, session("s1"))
    schemas = []
    for path in (old, new):
        store = SqliteStore(SqliteConfig(), path)
        rows = store._connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name").fetchall()
        schemas.append([(name, " ".join(sql.split())) for name, sql in rows])
        store.close()
    assert schemas[0] == schemas[1]
