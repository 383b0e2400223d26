"""Sessions: begun once, found by id and prefix, listed newest first, ended, gone on with, and closed."""

from functools import partial
from typing import Any

from flashcrash_core.runtime.records import AuditRecord, IntentRecord, SnapshotRecord
from flashcrash_core.specs import StoreSpec
from flashcrash_core.testing.battery import check
from flashcrash_core.testing.checks.store.places import build, database, has_a_place, opened, refused, require
from flashcrash_core.testing.checks.store.samples import batch, same, session
from flashcrash_core.testing.subject import Subject

__all__ = [
    "begin_twice_is_refused",
    "close_commits_and_may_be_repeated",
    "ended_session_keeps_its_end",
    "prefix_finds_one_session",
    "reopened_session_goes_on",
    "sessions_come_back_as_written",
    "sessions_come_newest_first",
    "unknown_session_names_the_nearest",
    "use_after_close_is_refused",
]

_END: dict[str, Any] = {"wall_ended": "2025-10-10T23:59:59Z", "decision_hash": "9055ff", "summary": {"net": -0.1, "big": 2**53 + 1}}


@check("store", applies=has_a_place)
def sessions_come_back_as_written(subject: Subject[StoreSpec]) -> None:
    """A session comes back with every field, also from a closed database; it is there without a commit."""
    one = session(
        "20251010-☃", symbols=("BTCUSDT",), config={"deep": {"list": [1, [2.5, None]], "": "ü"}}, inputs={"seed": 2**53 + 1},
        plugins={}, profile="", equity_start_minor=2**62 + 1,
    )  # fmt: skip
    with database(subject) as location:
        with opened(subject, location) as store:
            store.begin_session(one)
            for number, found in enumerate((store.session(one.id), *store.sessions())):
                require(same(found, one), subject.label, f"{('session()', 'sessions()')[number]} gave {found}, begun was {one}")
        with opened(subject, location) as store:
            found = store.session(one.id)
    names = [name for name in one.__struct_fields__ if name != "status" and not same(getattr(found, name), getattr(one, name))]
    require(
        not names, subject.label, f"after reopening the database {', '.join(names)} of the session differ: {found}, begun was {one}"
    )


@check("store", applies=has_a_place)
def begin_twice_is_refused(subject: Subject[StoreSpec]) -> None:
    """A session id can be begun once, whatever connection asks; the first session stays as it was."""
    one = session()
    with database(subject) as location, opened(subject, location) as store:
        store.begin_session(one)
        store.write(one.id, batch(1))
        store.commit()
        again = session(mode="backtest", profile="seed")
        refused(subject.label, "a second begin_session of one id", lambda: store.begin_session(again))
        with opened(subject, location) as second:
            refused(subject.label, "begin_session of an id that another connection began", lambda: second.begin_session(again))
        require(same(store.session(one.id), one), subject.label, "the refused begin_session changed the session that exists")
        require(len(store.read(one.id, IntentRecord)) == 1, subject.label, "the refused begin_session lost records")


@check("store", applies=has_a_place)
def unknown_session_names_the_nearest(subject: Subject[StoreSpec]) -> None:
    """Whatever is asked about a session that does not exist is refused, and looking one up names the nearest that does."""
    where = subject.label
    with database(subject) as location, opened(subject, location) as store:
        refused(where, "session() in an empty database", lambda: store.session("20251010-a1"))
        for session_id in ("20251010-211300-a1b2", "20260101-000000-ffff"):
            store.begin_session(session(session_id))
        error = refused(where, "session() of an unknown id", lambda: store.session("20251010-211300-a1b3"))
        require("20251010-211300-a1b2" in str(error), where, f"the message does not name the nearest session: {error}")

        def write() -> None:
            store.write("nobody", batch(1))
            store.commit()

        refused(where, "write to an unknown session", write)
        refused(where, "read of an unknown session", lambda: store.read("nobody", AuditRecord))
        refused(where, "reopen_session of an unknown session", lambda: store.reopen_session("nobody"))
        refused(where, "end_session of an unknown session", lambda: store.end_session("nobody", status="done", **_END))


@check("store", applies=has_a_place)
def prefix_finds_one_session(subject: Subject[StoreSpec]) -> None:
    """A session is found by its id or by a prefix that only it has; a prefix of several is refused and a pattern is no prefix."""
    where = subject.label
    ids = ("20251010-a1", "20251010-b2", "20260101-c", "20260101-c9")
    with database(subject) as location, opened(subject, location) as store:
        for session_id in ids:
            store.begin_session(session(session_id))
        for asked, wanted in (("20251010-b", ids[1]), ("20260101-c", ids[2]), ("20260101-c9", ids[3])):
            found = store.session(asked).id
            require(found == wanted, where, f"session({asked!r}) gave {found}, expected {wanted}")
        error = refused(where, "session() of a prefix that two sessions have", lambda: store.session("20251010"))
        require(ids[0] in str(error) and ids[1] in str(error), where, f"the message does not name both sessions: {error}")
        for pattern in ("%b2", "20251010_b2", "*", ""):
            refused(where, f"session({pattern!r})", partial(store.session, pattern))


@check("store", applies=has_a_place)
def sessions_come_newest_first(subject: Subject[StoreSpec]) -> None:
    """`sessions` lists all sessions in the reverse order of their beginning, whatever their ids and later changes."""
    ids = ["20251010-m", "20251010-z", "20251010-a", "20251010-k"]
    with database(subject) as location, opened(subject, location) as store:
        for minute, session_id in enumerate(ids):
            store.begin_session(session(session_id, wall_started=f"2025-10-10T21:{minute:02}:00Z"))
        store.write(ids[0], batch(1))
        store.end_session(ids[1], status="done", **_END)
        found = [one.id for one in store.sessions()]
    require(found == ids[::-1], subject.label, f"sessions() gave {found}, expected {ids[::-1]}")


@check("store", applies=has_a_place)
def ended_session_keeps_its_end(subject: Subject[StoreSpec]) -> None:
    """`end_session` stores status, time, hash and summary at once, with what was written before, and changes nothing else."""
    one = session()
    with database(subject) as location:
        store = build(subject, location)
        store.begin_session(one)
        store.write(one.id, batch(1))
        store.end_session(one.id, status="halted", **_END)
        with opened(subject, location) as second:
            found, records = second.session(one.id), second.read(one.id, AuditRecord)
        store.close()
    for name, wanted in {"status": "halted", **_END}.items():
        require(
            same(getattr(found, name), wanted),
            subject.label,
            f"{name} is {getattr(found, name)!r} after end_session, not {wanted!r}",
        )
    changed = [
        name for name in ("mode", "symbols", "config", "inputs", "wall_started") if getattr(found, name) != getattr(one, name)
    ]
    require(not changed, subject.label, f"end_session changed {', '.join(changed)} of the session")
    require(len(records) == 1, subject.label, "what was written before end_session was not committed with it")


@check("store", applies=has_a_place)
def reopened_session_goes_on(subject: Subject[StoreSpec]) -> None:
    """A session that was interrupted is running again after `reopen_session`, keeps its records and takes further ones."""
    one = session()
    with database(subject) as location:
        with opened(subject, location) as store:
            store.begin_session(one)
            store.write(one.id, batch(1))
            store.save_snapshot(one.id, SnapshotRecord(seq=1, t_us=1, payload=b"state"))
            store.end_session(one.id, status="interrupted", **_END)
        with opened(subject, location) as store:
            store.reopen_session(one.id)
            status = store.session(one.id).status
            require(status == "running", subject.label, f"the status is {status!r} after reopen_session, not 'running'")
            require(store.latest_snapshot(one.id) is not None, subject.label, "the snapshot is gone after reopen_session")
            store.write(one.id, batch(2))
            store.commit()
            found = [record.seq for record in store.read(one.id, IntentRecord)]
    require(found == [1, 2], subject.label, f"after going on, the records are of seq {found}, expected [1, 2]")


@check("store", applies=has_a_place)
def close_commits_and_may_be_repeated(subject: Subject[StoreSpec]) -> None:
    """`close` commits what was written, and closing again does nothing."""
    one = session()
    with database(subject) as location:
        store = build(subject, location)
        store.begin_session(one)
        store.write(one.id, batch(1))
        store.close()
        store.close()
        with opened(subject, location) as second:
            found = second.read(one.id, IntentRecord)
    require(len(found) == 1, subject.label, "what was written before close is not there; close commits")


@check("store", applies=has_a_place)
def use_after_close_is_refused(subject: Subject[StoreSpec]) -> None:
    """Every method of a closed store but `close` raises StorageError, and nothing is written."""
    one = session()
    with database(subject) as location:
        store = build(subject, location)
        store.begin_session(one)
        store.close()
        calls: dict[str, Any] = {
            "begin_session": lambda: store.begin_session(session("other")),
            "write": lambda: store.write(one.id, batch(1)),
            "commit": store.commit,
            "save_snapshot": lambda: store.save_snapshot(one.id, SnapshotRecord(seq=1, t_us=1, payload=b"")),
            "end_session": lambda: store.end_session(one.id, status="done", **_END),
            "reopen_session": lambda: store.reopen_session(one.id),
            "sessions": store.sessions,
            "session": lambda: store.session(one.id),
            "read": lambda: store.read(one.id, AuditRecord),
            "latest_snapshot": lambda: store.latest_snapshot(one.id),
        }
        for name, call in calls.items():
            refused(subject.label, f"{name} of a closed store", call)
