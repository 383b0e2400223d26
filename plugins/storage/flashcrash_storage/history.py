"""Databases as other versions of this store left them: what the conformance battery tests the migrations on.

The migrations are the history: the first n of them make a database of version n, because their steps never change.
"""

import sqlite3
from collections.abc import Sequence
from contextlib import closing

from flashcrash_core.api import Record, SessionRecord, StoreHistory
from flashcrash_storage.codec import TABLES, Table, encode_session
from flashcrash_storage.orders import follow
from flashcrash_storage.schema import MIGRATIONS, SCHEMA_VERSION, migrate

__all__ = ["HISTORY", "write_version"]


def write_version(location: str, version: int, session: SessionRecord, records: Sequence[Record]) -> None:
    """Leave a database of schema ``version`` at ``location``; one beyond the newest differs in its mark of the version only."""
    with closing(sqlite3.connect(location, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("BEGIN")
        migrate(connection, MIGRATIONS[:version])
        row = encode_session(session) | {"host": "", "pid": 0, "process_token": ""}
        connection.execute(f"INSERT INTO sessions ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", tuple(row.values()))
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        follow(connection, session.id, records)
        for record in records:
            table = TABLES[type(record)]
            if table.name in tables:
                _insert(connection, table, session.id, record)
        connection.execute("UPDATE meta SET value = ? WHERE key = 'schema_version'", (str(version),))
        connection.execute("COMMIT")


def _insert(connection: sqlite3.Connection, table: Table, session_id: str, record: Record) -> None:
    """A row of the columns that the version had."""
    known = {name for _, name, *_ in connection.execute(f"PRAGMA table_info({table.name})")}
    values = dict(zip(("session", *table.columns), table.encode(session_id, record), strict=True))
    row = {name: value for name, value in values.items() if name in known}
    connection.execute(f"INSERT INTO {table.name} ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", tuple(row.values()))


HISTORY = StoreHistory(newest=SCHEMA_VERSION, write=write_version)
