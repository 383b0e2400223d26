"""A writer beside a reader, in threads and in processes; and what is left of a writer that was killed."""

from collections.abc import Callable
from typing import Final

from attrs import define, field

from flashcrash_core.errors import StorageError
from flashcrash_core.runtime.records import SnapshotRecord
from flashcrash_core.specs import StoreSpec
from flashcrash_core.testing.battery import QUICK, CheckFailure, check
from flashcrash_core.testing.checks.bounded import Unanswered, answered
from flashcrash_core.testing.checks.once import once
from flashcrash_core.testing.checks.store.child import COMMITTED, OPEN, SESSION, SNAPSHOT, Writer
from flashcrash_core.testing.checks.store.places import database, has_a_place, opened, require
from flashcrash_core.testing.checks.store.samples import BATCH, batch, session
from flashcrash_core.testing.second_process import needs_a_name
from flashcrash_core.testing.subject import Subject

__all__ = [
    "commits_survive_a_kill",
    "killed_session_is_crashed",
    "open_batch_is_whole_or_absent",
    "reader_in_a_thread",
    "reader_in_another_process",
]

_BOUND_S: Final = 15.0
"""A reader that has not answered by then waits for the writer; the writer goes on only when it has answered."""

_ANNOUNCED: Final = 10
"""Batches that a writer has announced when it is killed in the middle of the next ones."""

Seen = dict[str, list[int]]
"""Sequence numbers by kind of record."""


@define
class _Aftermath:
    """What a reader saw beside a living writer, and what was there after the writer had been killed."""

    beside: list[tuple[int, Seen, str]] = field(factory=list)
    """Batches announced before the reading, what it saw, and the session's status."""
    beside_error: CheckFailure | None = None
    seen: Seen = field(factory=dict)
    status: str = ""
    listed: str = ""
    snapshot: SnapshotRecord | None = None
    reopened: str = ""
    went_on: Seen = field(factory=dict)
    error: Exception | None = None
    reopen_error: Exception | None = None


def _in_a_process(subject: Subject[StoreSpec]) -> str:
    return has_a_place(subject) or needs_a_name(subject)


def _aftermath(subject: Subject[StoreSpec]) -> _Aftermath:
    return once(subject, "aftermath", lambda: _kill(subject))


def _kill(subject: Subject[StoreSpec]) -> _Aftermath:
    found = _Aftermath()
    with database(subject) as location:
        with Writer(subject, location) as writer:
            try:
                for number in range(1, COMMITTED + 1):
                    writer.heard()
                    if number % 8 == 1:
                        found.beside.append((number, *_look_bounded(subject, location)))
                writer.heard()
                found.beside.append((COMMITTED, *_look_bounded(subject, location)))
            except CheckFailure as failure:
                found.beside_error = failure
        try:
            with opened(subject, location) as store:
                found.seen = {kind.__name__: [record.seq for record in store.read(SESSION, kind)] for kind in BATCH}
                found.status = store.session(SESSION).status
                found.listed = store.sessions()[0].status
                found.snapshot = store.latest_snapshot(SESSION)
        except Exception as error:
            found.error = error
        try:
            with opened(subject, location) as store:
                store.reopen_session(SESSION)
                found.reopened = store.session(SESSION).status
                store.write(SESSION, batch(OPEN + 1))
                store.commit()
            with opened(subject, location) as store:
                found.went_on = {kind.__name__: [record.seq for record in store.read(SESSION, kind)] for kind in BATCH}
        except Exception as error:
            found.reopen_error = error
    return found


def _look_bounded(subject: Subject[StoreSpec], location: str) -> tuple[Seen, str]:
    return _bounded(f"{subject.label}: a reader beside a writer in another process", lambda: _look(subject, location, SESSION))


def _look(subject: Subject[StoreSpec], location: str, session_id: str) -> tuple[Seen, str]:
    with opened(subject, location) as store:
        status = store.session(session_id).status
        # What is committed between two of these reads may be in the later one only.
        return {kind.__name__: [record.seq for record in store.read(session_id, kind)] for kind in BATCH}, status


def _bounded(where: str, look: Callable[[], tuple[Seen, str]]) -> tuple[Seen, str]:
    try:
        return answered(look, _BOUND_S, "reader")
    except Unanswered:
        raise CheckFailure(f"{where} has not been answered within {_BOUND_S:.0f} s; reading must not wait for a writer") from None
    except StorageError as error:
        raise CheckFailure(f"{where} was refused: {error}; reading must not wait for a writer") from error
    except Exception as error:
        raise CheckFailure(f"{where} raised {type(error).__name__}: {error}") from error


@check("store", applies=has_a_place)
def reader_in_a_thread(subject: Subject[StoreSpec]) -> None:
    """A second store in another thread reads while a batch is open: at once, all that is committed, and nothing of the batch."""
    one = session()
    with database(subject) as location, opened(subject, location) as store:
        store.begin_session(one)
        for number in range(1, 4):
            store.write(one.id, batch(number))
            where = f"{subject.label}: a reader beside a writer in another thread, with batch {number} open,"
            seen, status = _bounded(where, lambda: _look(subject, location, one.id))
            wanted = list(range(1, number))
            for kind, seqs in seen.items():
                require(seqs == wanted, where, f"saw {kind} {seqs}, committed are {wanted}")
            require(status == "running", where, f"saw the session as {status!r}")
            store.commit()


@check("store", applies=_in_a_process)
def reader_in_another_process(subject: Subject[StoreSpec]) -> None:
    """A reader beside a writing process sees at once committed batches whole, from the first on, and no open one."""
    found = _aftermath(subject)
    if found.beside_error is not None:
        raise found.beside_error
    for announced, seen, status in found.beside:
        where = f"{subject.label}: a reader beside another process, after {announced} of {COMMITTED} commits,"
        for kind, seqs in seen.items():
            require(seqs == list(range(1, len(seqs) + 1)), where, f"saw {kind} {seqs}: not whole batches from the first on")
            require(OPEN not in seqs, where, f"saw {kind} of batch {OPEN}, which was not committed")
        first, *_, last = seen.values()
        require(set(first) <= set(last), where, f"saw of a batch its {BATCH[0].__name__} but not its {BATCH[-1].__name__}: {seen}")
        require(status == "running", where, f"saw the session as {status!r}; its process lives")


@check("store", applies=_in_a_process)
def commits_survive_a_kill(subject: Subject[StoreSpec]) -> None:
    """After SIGKILL at a known point every batch that was committed is there, and the snapshot that was saved."""
    found = _alive(subject)
    where = f"{subject.label}: after SIGKILL of a writer that had committed {COMMITTED} batches"
    for kind, seqs in found.seen.items():
        lost = sorted(set(range(1, COMMITTED + 1)) - set(seqs))
        require(not lost, where, f"{kind} of batches {lost} are lost; commit must hand everything to the operating system")
    require(found.snapshot == SNAPSHOT, where, f"latest_snapshot gives {found.snapshot}, saved was {SNAPSHOT}")


@check("store", applies=_in_a_process)
def open_batch_is_whole_or_absent(subject: Subject[StoreSpec]) -> None:
    """A batch that was written but not committed when the process was killed is there whole or not at all."""
    found = _alive(subject)
    present = [kind for kind, seqs in found.seen.items() if OPEN in seqs]
    require(
        len(present) in (0, len(BATCH)),
        subject.label,
        f"after SIGKILL with batch {OPEN} open, its {', '.join(present)} is there and the rest is not; keep batches whole",
    )
    if subject.effort is not QUICK:
        _kill_while_it_commits(subject)


def _kill_while_it_commits(subject: Subject[StoreSpec]) -> None:
    """Killed at no point in particular: whatever the writer was doing, whole batches are left, those it announced among them."""
    with database(subject) as location:
        with Writer(subject, location) as writer:
            for _ in range(_ANNOUNCED):
                writer.heard()
        with opened(subject, location) as store:
            left = [[record.seq for record in store.read(SESSION, kind)] for kind in BATCH]
    where = f"{subject.label}: after SIGKILL of a writer that was committing without a pause and had announced {_ANNOUNCED} batches"
    whole = all(seqs == list(range(1, len(left[0]) + 1)) for seqs in left)
    require(whole and len(left[0]) >= _ANNOUNCED, where, f"there is {left} of the kinds {[kind.__name__ for kind in BATCH]}")


@check("store", applies=_in_a_process)
def killed_session_is_crashed(subject: Subject[StoreSpec]) -> None:
    """A session whose process was killed is reported as crashed, can be reopened under this process, and goes on."""
    found = _alive(subject)
    where = f"{subject.label}: after SIGKILL of its process"
    require(found.status == "crashed", where, f"session() gives the status {found.status!r}, not 'crashed'")
    require(found.listed == "crashed", where, f"sessions() gives the status {found.listed!r}, not 'crashed'")
    if found.reopen_error is not None:
        raise CheckFailure(f"{where}: it cannot be reopened and written: {found.reopen_error}") from found.reopen_error
    require(found.reopened == "running", where, f"reopen_session leaves the status {found.reopened!r}, not 'running'")
    for kind, seqs in found.went_on.items():
        require(OPEN + 1 in seqs, where, f"{kind} written after reopen_session is not there")


def _alive(subject: Subject[StoreSpec]) -> _Aftermath:
    """The aftermath, if the database could be opened at all."""
    found = _aftermath(subject)
    if found.error is not None:
        raise CheckFailure(
            f"{subject.label}: after SIGKILL of a writer the database cannot be read: {type(found.error).__name__}: {found.error}"
        ) from found.error
    return found
