"""Storage under a real kill: what was committed is there, what was not is not, and the session is known to have crashed."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from flashcrash_core.api import AuditRecord, IntentRecord, StorageError
from flashcrash_storage.sqlite import SqliteConfig, SqliteStore

_CHILD = """
import sys
from flashcrash_core.api import AuditRecord, IntentRecord, SessionRecord, SnapshotRecord, StorageError
from flashcrash_storage.sqlite import SqliteConfig, SqliteStore

def intent(seq):
    return IntentRecord(seq=seq, t_us=seq, symbol="BTCUSDT", kind="submit", client_id=f"c{seq}", position_id=1, side=1,
                        type="LIMIT", price_ticks=1, qty_lots=1, reduce_only=False, stressed=False, reason="")

session = SessionRecord(id="s1", mode="paper", status="running", symbols=("BTCUSDT",), profile="robust", data_tier="synthetic",
                        version="0", plugins={}, config={}, inputs={}, wall_started="2025-10-10T00:00:00Z")
store = SqliteStore(SqliteConfig(synchronous=sys.argv[2]), sys.argv[1])
store.begin_session(session)
"""
_KILLED = """
store.write("s1", [intent(1), intent(2)])
store.commit()
store.save_snapshot("s1", SnapshotRecord(seq=2, t_us=2, payload=b"state"))
store.write("s1", [intent(3)])
store.commit()
store.write("s1", [intent(4)])
print("committed", flush=True)
sys.stdin.read()
"""
_NO_ROOM = """
import pathlib, resource
store.write("s1", [intent(1)])
store.commit()
largest = max(path.stat().st_size for path in pathlib.Path(sys.argv[1]).parent.iterdir())
resource.setrlimit(resource.RLIMIT_FSIZE, (largest + 65536, largest + 65536))
try:
    for seq in range(2, 1000):
        store.write("s1", [AuditRecord(seq=seq, t_us=seq, symbol="X", kind="note", message="x" * 4000)])
        store.commit()
except StorageError as error:
    print(error, flush=True)
else:
    print("no error", flush=True)
"""


def _child(script: str, database: Path, synchronous: str = "normal") -> subprocess.Popen[str]:
    command = [sys.executable, "-c", _CHILD + script, str(database), synchronous]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _line(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


@pytest.mark.parametrize("synchronous", ["normal", "full"])
def test_a_commit_survives_a_kill(tmp_path: Path, synchronous: str) -> None:
    """After SIGKILL the committed rows are there, the open transaction is not, and the session can be taken over."""
    database = tmp_path / "x.db"
    child = _child(_KILLED, database, synchronous)
    try:
        assert _line(child) == "committed"
        reader = SqliteStore(SqliteConfig(), str(database))
        assert reader.session("s1").status == "running"
    finally:
        child.send_signal(signal.SIGKILL)
        child.communicate()
    assert child.returncode == -signal.SIGKILL
    assert [record.seq for record in reader.read("s1", IntentRecord)] == [1, 2, 3]
    assert reader.session("s1").status == "crashed"
    reader.close()
    writer = SqliteStore(SqliteConfig(), str(database))
    writer.reopen_session("s1")
    snapshot = writer.latest_snapshot("s1")
    assert snapshot is not None
    assert (snapshot.seq, snapshot.payload) == (2, b"state")
    assert writer.session("s1").status == "running"
    assert [record.kind for record in writer.read("s1", AuditRecord)] == ["crashed"]
    assert writer._connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    writer.close()


def test_a_kill_at_any_commit_leaves_a_prefix(tmp_path: Path) -> None:
    """A process killed while it commits without a pause leaves whole batches, from the first on, and nothing else."""
    database = tmp_path / "x.db"
    endless = """
for n in range(1, 1_000_000, 2):
    store.write("s1", [intent(n), intent(n + 1)])
    store.commit()
    print(n + 1, flush=True)
"""
    child = _child(endless, database)
    try:
        told = [int(_line(child)) for _ in range(50)][-1]
    finally:
        child.send_signal(signal.SIGKILL)
        child.communicate()
    store = SqliteStore(SqliteConfig(), str(database))
    kept = [record.seq for record in store.read("s1", IntentRecord)]
    store.close()
    assert kept == list(range(1, len(kept) + 1))
    assert len(kept) % 2 == 0
    assert len(kept) >= told


def test_no_room_in_the_file_system_keeps_the_commits(tmp_path: Path) -> None:
    """When the system refuses to let the file grow, the error is clear, not a traceback, and the committed rows stay."""
    database = tmp_path / "x.db"
    child = _child(_NO_ROOM, database)
    message, _ = child.communicate()
    assert child.returncode == 0
    assert f"database {database} met an I/O error" in message
    assert "everything committed before is kept" in message
    store = SqliteStore(SqliteConfig(), str(database))
    assert [record.seq for record in store.read("s1", IntentRecord)] == [1]
    notes = [record.seq for record in store.read("s1", AuditRecord)]
    assert notes == list(range(2, 2 + len(notes)))
    assert store.session("s1").status == "crashed"
    store.close()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_device_is_no_database() -> None:
    """A special file as location is refused with a StorageError."""
    with pytest.raises(StorageError, match="is not a regular file"):
        SqliteStore(SqliteConfig(), "/dev/full")


def test_two_processes_create_one_database(tmp_path: Path) -> None:
    """Several processes that create the same database at once all succeed; only one session id may be theirs."""
    database = tmp_path / "x.db"
    script = "print('done', flush=True)"
    scripts = [_CHILD.replace('id="s1"', f'id="s{n}"') + script for n in range(4)]
    commands = [[sys.executable, "-c", text, str(database), "normal"] for text in scripts]
    children = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for command in commands]
    assert [child.communicate()[0].strip() for child in children] == ["done"] * 4
    store = SqliteStore(SqliteConfig(), str(database))
    assert sorted(session.id for session in store.sessions()) == ["s0", "s1", "s2", "s3"]
    assert {session.status for session in store.sessions()} == {"crashed"}
    store.close()
