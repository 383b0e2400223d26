"""Records: what is written comes back, in order, of its own session, and in whole batches."""

import copy
import random
from itertools import count
from typing import Any

from flashcrash_core.runtime.records import AuditRecord, IntentRecord, TransitionRecord
from flashcrash_core.specs import StoreSpec
from flashcrash_core.testing.battery import CheckFailure, check
from flashcrash_core.testing.checks.store.places import database, has_a_place, opened, refused, require
from flashcrash_core.testing.checks.store.samples import BATCH, RECORD_KINDS, batch, difference, extremes, same, session
from flashcrash_core.testing.subject import Subject

__all__ = [
    "inputs_not_mutated",
    "records_come_back_as_written",
    "records_come_in_order_of_seq",
    "refused_batch_leaves_nothing",
    "sessions_do_not_mix",
]


@check("store", applies=has_a_place)
def records_come_back_as_written(subject: Subject[StoreSpec]) -> None:
    """Every kind of record comes back equal from a closed database: integers beyond 2**53, NaN, empty and foreign text, nests."""
    one = session()
    numbers = count(1)
    written = {kind: extremes(kind, numbers) for kind in RECORD_KINDS}
    with database(subject) as location:
        with opened(subject, location) as store:
            store.begin_session(one)
            for records in written.values():
                store.write(one.id, records)
            store.commit()
        with opened(subject, location) as store:
            for kind, wanted in written.items():
                where = f"{subject.label}: {kind.__name__}"
                found = store.read(one.id, kind)
                require(len(found) == len(wanted), where, f"{len(wanted)} were written and {len(found)} came back")
                for now, was in zip(found, wanted, strict=True):
                    if not same(now, was):
                        raise CheckFailure(f"{where} of seq {was.seq}: {difference(now, was)}; store it exactly")


@check("store", applies=has_a_place)
def records_come_in_order_of_seq(subject: Subject[StoreSpec]) -> None:
    """`read` gives the records by their arrival sequence, and those of one sequence in the order in which they were written."""
    one = session()
    seqs = [5, 1, 3, 3, 9, 3, 2**53 + 1, 2**53, 10, 100]
    with database(subject) as location, opened(subject, location) as store:
        store.begin_session(one)
        for place, seq in enumerate(seqs):
            store.write(one.id, [AuditRecord(seq=seq, t_us=1, symbol="", kind="note", message=str(place))])
        store.commit()
        found = [(record.seq, int(record.message)) for record in store.read(one.id, AuditRecord)]
    wanted = sorted(((seq, place) for place, seq in enumerate(seqs)), key=lambda pair: pair[0])
    require(found == wanted, subject.label, f"read gave (seq, place of writing) {found}, expected {wanted}")


@check("store", applies=has_a_place)
def sessions_do_not_mix(subject: Subject[StoreSpec]) -> None:
    """Sessions written in turns keep their records and snapshots apart, also when one id begins like another."""
    ids = ("20251010-a", "20251010-a1", "20251010-b")
    with database(subject) as location, opened(subject, location) as store:
        for session_id in ids:
            store.begin_session(session(session_id))
        for number in range(1, 10):
            store.write(ids[number % 3], batch(number))
            store.commit()
        for place, session_id in enumerate(ids):
            wanted = [number for number in range(1, 10) if number % 3 == place]
            for kind in BATCH:
                found = [record.seq for record in store.read(session_id, kind)]
                where = f"{subject.label}: {kind.__name__} of {session_id}"
                require(found == wanted, where, f"read gave {found}, written were {wanted}")


@check("store", applies=has_a_place)
def refused_batch_leaves_nothing(subject: Subject[StoreSpec]) -> None:
    """A batch with a record that cannot be stored is refused as a whole; what was committed before is kept, and writing goes on."""
    one = session()
    bad = TransitionRecord(seq=2, t_us=2, symbol="", source="SLEEP", target="ALERT", reason="", evidence={"a program": object()})
    with database(subject) as location, opened(subject, location) as store:
        store.begin_session(one)
        store.write(one.id, batch(1))
        store.commit()
        where = subject.label

        def write_bad() -> None:
            store.write(one.id, [*batch(2), bad])
            store.commit()

        refused(where, "a record with an object that is not plain data", write_bad)
        store.commit()
        store.write(one.id, batch(3))
        store.commit()
        for kind in BATCH:
            found = [record.seq for record in store.read(one.id, kind)]
            require(
                found == [1, 3], where, f"after a refused batch of seq 2 the {kind.__name__} are of seq {found}, expected [1, 3]"
            )


@check("store", applies=has_a_place)
def inputs_not_mutated(subject: Subject[StoreSpec]) -> None:
    """Sessions, records and summaries that were handed over are as they were: the session goes on using them."""
    one = session(config={"api": {"key": "k"}, "list": [1, 2]}, summary={"a": {"b": 1}})
    records = [record for number in range(1, 4) for record in batch(number)]
    summary: dict[str, Any] = {"pnl": {"net": 1.5}, "list": [3, 1, 2]}
    before = copy.deepcopy((one, records, summary))
    random.Random(1).shuffle(records)
    order = list(map(id, records))
    with database(subject) as location, opened(subject, location) as store:
        store.begin_session(one)
        store.write(one.id, records)
        store.commit()
        store.end_session(one.id, status="done", wall_ended="2025-10-10T22:00:00Z", decision_hash="h", summary=summary)
    kept = order == list(map(id, records)) and sorted(records, key=_key) == sorted(before[1], key=_key)
    require(kept, subject.label, "the list of records or a record in it was changed by write; copy what you change")
    require(one == before[0], subject.label, "the SessionRecord was changed by begin_session; copy what you change")
    require(summary == before[2], subject.label, "the summary was changed by end_session; copy what you change")


def _key(record: AuditRecord | IntentRecord | Any) -> tuple[int, str]:
    return record.seq, type(record).__name__
