"""Finding sessions, and telling a running one from a crashed one."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from flashcrash_core.api import AuditRecord, StorageError
from flashcrash_storage.process import Process, local_process, this_process
from flashcrash_storage.sqlite import SqliteStore

Open = Callable[..., SqliteStore]
Make = Callable[..., Any]


def _give_to(store: SqliteStore, session_id: str, process: Process) -> None:
    row = (process.host, process.pid, process.token, session_id)
    store._connection.execute("UPDATE sessions SET host = ?, pid = ?, process_token = ? WHERE id = ?", row)


def _gone() -> Process:
    """A process that has ended and been waited for, under a pid that was real."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    token = this_process().token.partition(":")[0] + ":1"
    child.communicate()
    return Process(host=socket.gethostname(), pid=child.pid, token=token)


def test_lookup_by_id_prefix_and_last(opened: Open, session: Make) -> None:
    """An exact id wins over a prefix of others; a prefix must be unambiguous; last is the newest begun."""
    store = opened()
    for name in ("run-a1", "run-a", "run-b%", "run-b_1"):
        store.begin_session(session(name))
    assert store.session("run-a").id == "run-a"
    assert store.session("run-b%").id == "run-b%"
    assert store.session("run-b_").id == "run-b_1"
    assert store.session("last").id == "run-b_1"
    assert [found.id for found in store.sessions()] == ["run-b_1", "run-b%", "run-a", "run-a1"]
    with pytest.raises(StorageError, match=r"2 sessions in .* begin with 'run-b': run-b_1, run-b%"):
        store.session("run-b")


def test_lookup_names_the_nearest(opened: Open, session: Make) -> None:
    """An id that is not there names those nearest to it, or the newest ones."""
    store = opened()
    with pytest.raises(StorageError, match="holds none yet; start one with `flashcrash run`"):
        store.session("last")
    for name in ("20251010-aaaa", "20251011-bbbb"):
        store.begin_session(session(name))
    with pytest.raises(StorageError, match=r"no session '20251010-aaab'.*nearest: 20251010-aaaa"):
        store.session("20251010-aaab")
    with pytest.raises(StorageError, match="nearest: 20251011-bbbb, 20251010-aaaa"):
        store.session("zzz")
    with pytest.raises(StorageError, match="no session ''"):
        store.session("")


def test_a_session_of_a_dead_process_is_crashed(opened: Open, session: Make) -> None:
    """A reader reports it and changes nothing; the next writer marks the row and leaves an audit record."""
    opened().begin_session(session("s1"))
    reader = opened()
    _give_to(reader, "s1", _gone())
    assert reader.session("s1").status == "crashed"
    assert [found.status for found in reader.sessions()] == ["crashed"]
    assert reader._connection.execute("SELECT status FROM sessions").fetchall() == [("running",)]
    assert reader.read("s1", AuditRecord) == []
    writer = opened()
    writer.begin_session(session("s2"))
    assert reader._connection.execute("SELECT id, status FROM sessions ORDER BY id").fetchall() == [
        ("s1", "crashed"),
        ("s2", "running"),
    ]
    assert [record.kind for record in reader.read("s1", AuditRecord)] == ["crashed"]


def test_a_session_of_a_live_process_is_left_alone(opened: Open, session: Make) -> None:
    """Another process that still runs keeps its session: not marked, not reopened."""
    child = subprocess.Popen(
        [sys.executable, "-c", "print('up', flush=True); input()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert child.stdout is not None
        child.stdout.readline()
        store = opened()
        store.begin_session(session("s1"))
        _give_to(store, "s1", local_process(child.pid))
        writer = opened()
        writer.begin_session(session("s2"))
        assert writer.session("s1").status == "running"
        with pytest.raises(StorageError, match=f"still running as process {child.pid}"):
            writer.reopen_session("s1")
    finally:
        child.communicate()


def test_a_zombie_is_gone(opened: Open) -> None:
    """A killed process that its parent has not waited for yet does not count as running."""
    if not os.path.isdir("/proc/self"):
        pytest.skip("needs /proc")
    child = subprocess.Popen(
        [sys.executable, "-c", "print('up', flush=True); input()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    child.stdout.readline()
    process = local_process(child.pid)
    assert process.alive()
    child.kill()
    child.stdout.read()  # ends when the process does; it stays a zombie until the wait below
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert not process.alive()
    child.communicate()


def test_a_reused_pid_is_not_the_old_process() -> None:
    """The same pid with another start time or another boot is another process."""
    mine = this_process()
    if not mine.token:
        pytest.skip("no start token on this system")
    boot, _, start = mine.token.partition(":")
    assert mine.alive()
    assert not Process(host=mine.host, pid=mine.pid, token=f"{boot}:{int(start) + 1}").alive()
    assert not Process(host=mine.host, pid=mine.pid, token=f"other-boot:{start}").alive()


def test_without_a_token_the_pid_decides() -> None:
    """Where there is no /proc, a live pid is taken for the process and a dead one is gone."""
    mine = this_process()
    assert Process(host=mine.host, pid=mine.pid, token="").alive()
    assert not Process(host=mine.host, pid=_gone().pid, token="").alive()


def test_another_host_cannot_be_asked(opened: Open, session: Make) -> None:
    """A session that runs on another host stays running; reopening it is refused with the way out."""
    store = opened()
    store.begin_session(session("s1"))
    _give_to(store, "s1", Process(host="elsewhere", pid=1, token=""))
    assert store.session("s1").status == "running"
    with pytest.raises(StorageError, match=r"on host elsewhere.*UPDATE sessions SET status = 'crashed'"):
        store.reopen_session("s1")


def test_reopen_takes_a_crashed_session_over(opened: Open, session: Make) -> None:
    """A crashed session runs again under this process, with the crash in its audit, after its last record."""
    opened().begin_session(session("s1"))
    store = opened()
    store.write("s1", [AuditRecord(seq=41, t_us=99, symbol="X", kind="note", message="")])
    store.commit()
    _give_to(store, "s1", _gone())
    fresh = opened()
    fresh.reopen_session("s1")
    assert opened().session("s1") == session("s1")
    audit = fresh.read("s1", AuditRecord)
    assert [(record.seq, record.t_us, record.kind) for record in audit] == [(41, 99, "note"), (41, 99, "crashed")]
    row = fresh._connection.execute("SELECT pid FROM sessions").fetchone()
    assert row == (os.getpid(),)


def test_reopen_refuses_a_done_session(opened: Open, session: Make) -> None:
    """There is nothing to resume in a session that is done."""
    store = opened()
    store.begin_session(session("s1"))
    store.end_session("s1", status="done", wall_ended="x", decision_hash="", summary={})
    with pytest.raises(StorageError, match="is done"):
        store.reopen_session("s1")
    assert store.session("s1").status == "done"
