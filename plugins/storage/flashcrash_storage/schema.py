"""The tables and how an older database becomes a newer one.

A migration is a number, a summary and its steps. A new database is version 0 and walks through all of them, so there is one path
for creating and upgrading. Steps of a released migration never change; a new schema is a new migration at the end of the list.
"""

import sqlite3
from collections.abc import Callable, Sequence
from typing import Final

from attrs import frozen

__all__ = ["APPLICATION_ID", "APPLICATION_NAME", "MIGRATIONS", "SCHEMA_VERSION", "Migration", "migrate", "owner", "version"]

APPLICATION_ID: Final = 0x464C4352
"""``FLCR`` in the header of the file, which ``file`` and other programs see."""
APPLICATION_NAME: Final = "flashcrash"

Step = str | Callable[[sqlite3.Connection], None]


@frozen
class Migration:
    """One version of the schema: the steps that lead to it from the version before."""

    version: int
    summary: str
    steps: tuple[Step, ...]


# STRICT makes SQLite refuse a text in an integer column; older libraries read the same tables without that check.
_STRICT: Final = " STRICT" if sqlite3.sqlite_version_info >= (3, 37, 0) else ""
_RECORD: Final = """
    id INTEGER PRIMARY KEY,
    session TEXT NOT NULL REFERENCES sessions(id),
    seq INTEGER NOT NULL,
    t_us INTEGER NOT NULL,
    symbol TEXT NOT NULL,"""

_TABLES: Final[dict[str, str]] = {
    "sessions": """
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    mode TEXT NOT NULL,
    status TEXT NOT NULL,
    symbols TEXT NOT NULL,
    profile TEXT NOT NULL,
    data_tier TEXT NOT NULL,
    version TEXT NOT NULL,
    plugins TEXT NOT NULL,
    config TEXT NOT NULL,
    inputs TEXT NOT NULL,
    wall_started TEXT NOT NULL,
    wall_ended TEXT NOT NULL,
    equity_start_minor INTEGER NOT NULL,
    decision_hash TEXT NOT NULL,
    summary TEXT NOT NULL,
    host TEXT NOT NULL,
    pid INTEGER NOT NULL,
    process_token TEXT NOT NULL""",
    "intents": f"""{_RECORD}
    kind TEXT NOT NULL,
    client_id TEXT NOT NULL,
    position_id INTEGER NOT NULL,
    side INTEGER NOT NULL,
    type TEXT NOT NULL,
    price_ticks INTEGER NOT NULL,
    qty_lots INTEGER NOT NULL,
    reduce_only INTEGER NOT NULL,
    stressed INTEGER NOT NULL,
    reason TEXT NOT NULL""",
    "orders": """
    session TEXT NOT NULL REFERENCES sessions(id),
    client_id TEXT NOT NULL,
    position_id INTEGER NOT NULL,
    symbol TEXT NOT NULL,
    side TEXT NOT NULL,
    type TEXT NOT NULL,
    price_ticks INTEGER NOT NULL,
    qty_lots INTEGER NOT NULL,
    reduce_only INTEGER NOT NULL,
    reason TEXT NOT NULL,
    state TEXT NOT NULL,
    filled_lots INTEGER NOT NULL DEFAULT 0,
    average_ticks REAL,
    fee_minor INTEGER NOT NULL DEFAULT 0,
    created_us INTEGER NOT NULL,
    updated_us INTEGER NOT NULL,
    updated_seq INTEGER NOT NULL,
    last_word TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (session, client_id)""",
    "notices": f"""{_RECORD}
    kind TEXT NOT NULL,
    client_id TEXT NOT NULL,
    state TEXT NOT NULL,
    price_ticks INTEGER NOT NULL,
    qty_lots INTEGER NOT NULL,
    fee_minor INTEGER NOT NULL,
    maker INTEGER NOT NULL,
    trade_id INTEGER NOT NULL,
    reason TEXT NOT NULL""",
    "fills": f"""{_RECORD}
    client_id TEXT NOT NULL,
    position_id INTEGER NOT NULL,
    side INTEGER NOT NULL,
    price_ticks INTEGER NOT NULL,
    qty_lots INTEGER NOT NULL,
    notional_minor INTEGER NOT NULL,
    fee_minor INTEGER NOT NULL,
    maker INTEGER NOT NULL,
    trade_id INTEGER NOT NULL,
    UNIQUE (session, client_id, trade_id)""",
    "trades": f"""{_RECORD}
    position_id INTEGER NOT NULL,
    entry_us INTEGER NOT NULL,
    exit_us INTEGER NOT NULL,
    qty_lots INTEGER NOT NULL,
    entry_ticks REAL,
    exit_ticks REAL,
    fee_minor INTEGER NOT NULL,
    pnl_minor INTEGER NOT NULL,
    exit_reason TEXT NOT NULL,
    score REAL""",
    "transitions": f"""{_RECORD}
    source TEXT NOT NULL,
    target TEXT NOT NULL,
    reason TEXT NOT NULL,
    evidence TEXT NOT NULL""",
    "scores": f"""{_RECORD}
    total REAL,
    refused TEXT NOT NULL,
    detail TEXT NOT NULL""",
    "audit": f"""{_RECORD}
    kind TEXT NOT NULL,
    message TEXT NOT NULL""",
    "snapshots": """
    id INTEGER PRIMARY KEY,
    session TEXT NOT NULL REFERENCES sessions(id),
    seq INTEGER NOT NULL,
    t_us INTEGER NOT NULL,
    payload BLOB NOT NULL""",
}
_SEQUENCED: Final = ("intents", "notices", "fills", "trades", "transitions", "scores", "audit", "snapshots")

_FIRST: Final = Migration(
    version=1,
    summary="sessions and their records",
    steps=(
        *(f"CREATE TABLE {name} ({columns}\n){_STRICT}" for name, columns in _TABLES.items()),
        *(f"CREATE INDEX {name}_by_session ON {name} (session, seq)" for name in _SEQUENCED),
        # A venue may repeat a fill; orders count it once and find the first one here.
        "CREATE INDEX notices_fills ON notices (session, client_id, trade_id) WHERE kind = 'FILL'",
    ),
)

_FAULTS: Final = Migration(
    version=2,
    summary="faults of plugins",
    steps=(
        f"""CREATE TABLE faults ({_RECORD}
    stage TEXT NOT NULL,
    name TEXT NOT NULL,
    call TEXT NOT NULL,
    kind TEXT NOT NULL,
    message TEXT NOT NULL,
    quarantined INTEGER NOT NULL
){_STRICT}""",
        "CREATE INDEX faults_by_session ON faults (session, seq)",
    ),
)

_REAL: Final = Migration(
    version=3,
    summary="what real orders add: commissions taken in lots, stop prices",
    steps=(
        "ALTER TABLE notices ADD COLUMN fee_lots INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE fills ADD COLUMN fee_lots INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE intents ADD COLUMN stop_ticks INTEGER NOT NULL DEFAULT 0",
    ),
)

MIGRATIONS: Final[tuple[Migration, ...]] = (_FIRST, _FAULTS, _REAL)
SCHEMA_VERSION: Final = MIGRATIONS[-1].version


def owner(connection: sqlite3.Connection) -> str:
    """Whose database this is: ``flashcrash``, ``""`` for an empty one, ``another program`` for anything else."""
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not tables:
        return ""
    if "meta" not in tables or connection.execute("PRAGMA application_id").fetchone()[0] not in (0, APPLICATION_ID):
        return "another program"
    if {name for _, name, *_ in connection.execute("PRAGMA table_info(meta)")} != {"key", "value"}:
        return "another program"
    row = connection.execute("SELECT value FROM meta WHERE key = 'application_id'").fetchone()
    return APPLICATION_NAME if row == (APPLICATION_NAME,) else "another program"


def version(connection: sqlite3.Connection) -> int:
    """Schema version of an own or empty database; 0 for an empty one."""
    if not owner(connection):
        return 0
    row = connection.execute("SELECT value FROM meta WHERE key = 'schema_version'").fetchone()
    return int(row[0]) if row else 0


def migrate(connection: sqlite3.Connection, migrations: Sequence[Migration]) -> None:
    """Bring the database to the last of ``migrations``. Runs inside the caller's transaction: all of it happens or nothing."""
    current = version(connection)
    connection.execute(f"CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL){_STRICT}")
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute("INSERT OR REPLACE INTO meta VALUES ('application_id', ?)", (APPLICATION_NAME,))
    for migration in migrations:
        if migration.version <= current:
            continue
        for step in migration.steps:
            if callable(step):
                step(connection)
            else:
                connection.execute(step)
    connection.execute("INSERT OR REPLACE INTO meta VALUES ('schema_version', ?)", (str(migrations[-1].version),))
