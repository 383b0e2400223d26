"""``flashcrash sessions verify``: decide a recorded session again and compare every row.

The session's own input (feed, seed, tapes by fingerprint), configuration and plugins are used. The faults of indicators, scorer and
strategy that its journal tells of are imposed: a time budget that was overrun then is overrun again. Faults of executors and feeds
are not: what one did besides failing cannot be known, so they must happen again by themselves. Nothing is stored.
"""

from collections.abc import Sequence
from typing import Any, Final

from flashcrash_core.errors import FlashcrashError, UsageError, VerificationError
from flashcrash_core.runtime.composition import Composition, compose, open_run_input
from flashcrash_core.runtime.difference import Differs
from flashcrash_core.runtime.launch import Prepared, RunRequest, changed_plugins, open_store, prepare, recorded_request
from flashcrash_core.runtime.records import FaultRecord, SessionRecord, SnapshotRecord
from flashcrash_core.runtime.runner import Runner, RunOptions
from flashcrash_core.runtime.storage import R, Store

__all__ = ["SCHEMA", "mismatch_document", "verify"]

SCHEMA: Final = "flashcrash.verification/1"
_WHOLE: Final = ("done", "halted")
"""Sessions that ended by themselves. Others are verified up to their last stored row."""


class _Recorded:
    """A store that reads and writes nothing (:class:`~flashcrash_core.runtime.storage.Store`, the part that a runner uses)."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def read(self, session_id: str, kind: type[R]) -> list[R]:
        """All records of one kind."""
        return self._store.read(session_id, kind)

    def write(self, session_id: str, records: Sequence[Any]) -> None:
        """Never asked: every record is compared."""
        raise VerificationError(f"verify: {len(records)} rows of session {session_id} were to be written; this is a defect")

    def commit(self) -> None:
        """Nothing to commit."""

    def save_snapshot(self, session_id: str, snapshot: SnapshotRecord) -> None:
        """Taken, because taking one asks plugins for their state, and dropped."""


def verify(session_id: str, *, db: str | None = None) -> dict[str, Any]:
    """Run the session again and compare; the document says how much was equal. Raises VerificationError at the first difference."""
    store = open_store(db)  # what was recorded can be read without plugins that were uninstalled since
    try:
        record = store.session(session_id)
        if record.status == "running":
            raise UsageError(f"session {record.id} is still running; verify it when it has ended")
        try:
            return _verified(store, record, db)
        except Differs as error:
            error.session = record.id
            raise
    finally:
        store.close()


def _verified(store: Store, record: SessionRecord, db: str | None) -> dict[str, Any]:
    request = RunRequest(db=db, plugins=record.inputs.get("plugins"), speed="max")
    prepared = prepare(request, stored=record)
    request = recorded_request(record, request)
    source, _ = open_run_input(prepared.config.settings, prepared.plugins, paths=request.paths, feed=request.feed)
    try:
        composition = compose(prepared.config, prepared.plugins, source)
        faults = store.read(record.id, FaultRecord)
        runner = _runner(prepared, composition, store, record, request)
        runner.sink.expect_stored(0)
        imposed = runner.repeat(0, faults)
        try:
            events = runner.run(source).events
        except VerificationError:
            raise
        except FlashcrashError as error:  # the failure that ended the session, if it had been reached by then
            if record.status != "failed":
                raise
            runner.sink.expect_nothing_left()
            events = source.consumed
            composition.warnings.append(f"the run failed again: {error}")
        runner.sink.expect_nothing_left()
        _compare_hashes(record, composition)
        rows = dict(runner.sink.compared)
    except VerificationError as error:
        for warning in changed_plugins(record, prepared):
            error.add_note(warning)
        raise
    finally:
        source.close()
    return {
        "schema": SCHEMA,
        "session": record.id,
        "status": record.status,
        "whole": record.status in _WHOLE,
        "equal": True,
        "decisions": composition.session.hash.count,
        "decision_hash": composition.session.hash.hex,
        "rows": rows,
        "faults_imposed": imposed,
        "events": events,
        "warnings": [
            *changed_plugins(record, prepared),
            *(w for w in composition.warnings if w.startswith("the run failed again")),
        ],
    }


def mismatch_document(error: VerificationError) -> dict[str, Any]:
    """What ``--json`` prints of a session that does not decide again as it did."""
    return {
        "schema": SCHEMA,
        "session": error.session if isinstance(error, Differs) else None,
        "equal": False,
        "difference": {"message": str(error), **(error.difference if isinstance(error, Differs) else {})},
        "warnings": list(getattr(error, "__notes__", ())),
    }


def _runner(prepared: Prepared, composition: Composition, store: Store, record: SessionRecord, request: RunRequest) -> Runner:
    run = prepared.config.settings.run
    options = RunOptions(
        duration_us=None if request.duration_s is None else round(request.duration_s * 1e6),
        snapshot_us=round(run.snapshot_s * 1e6),
        snapshot_awake_us=round(run.snapshot_awake_s * 1e6),
        verify_only=record.status not in _WHOLE,
    )
    recorded: Any = _Recorded(store)
    runner = Runner(composition.session, composition.executor, recorded, record.id, options)
    runner.sink.read_only = True
    return runner


def _compare_hashes(record: SessionRecord, composition: Composition) -> None:
    mine = composition.session.hash.hex
    if record.decision_hash and record.decision_hash != mine:
        raise Differs(
            f"verify: session {record.id} ended with decision hash {record.decision_hash}, deciding again gave {mine}, although "
            "every stored row is equal; the session row or the version of flashcrash was changed",
            {"record": "session", "field": "decision_hash", "stored": record.decision_hash, "now": mine},
        )
