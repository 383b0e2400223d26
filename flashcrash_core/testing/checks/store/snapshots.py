"""Snapshots: the newest is given, bytes unchanged, and the disk does not fill with the others."""

from pathlib import Path
from typing import Final

from flashcrash_core.runtime.records import SnapshotRecord
from flashcrash_core.specs import StoreSpec
from flashcrash_core.testing.battery import check
from flashcrash_core.testing.checks.store.places import database, opened, require
from flashcrash_core.testing.checks.store.samples import session
from flashcrash_core.testing.subject import Subject

__all__ = ["few_snapshots_are_kept", "newest_snapshot_wins"]

_SAVED: Final = 60
_BYTES: Final = 50_000


@check("store")
def newest_snapshot_wins(subject: Subject[StoreSpec]) -> None:
    """`latest_snapshot` gives the last one saved of that session, byte for byte and without a commit, and None before the first."""
    one, other = session("20251010-a"), session("20251010-b")
    with database() as location:
        with opened(subject, location) as store:
            store.begin_session(one)
            store.begin_session(other)
            require(store.latest_snapshot(one.id) is None, subject.label, "latest_snapshot gave one before any was saved")
            payloads = [b"", bytes(range(256)) * 40, b"second of one sequence"]
            for place, payload in enumerate(payloads):
                snapshot = SnapshotRecord(seq=2**53 + min(place, 1), t_us=2**53 + place, payload=payload)
                store.save_snapshot(one.id, snapshot)
                store.save_snapshot(other.id, SnapshotRecord(seq=2**60, t_us=1, payload=b"another session's"))
                found = store.latest_snapshot(one.id)
                require(found == snapshot, subject.label, f"latest_snapshot gave {found!r:.120}, saved was {snapshot!r:.120}")
        with opened(subject, location) as store:
            found = store.latest_snapshot(one.id)
    require(found == snapshot, subject.label, f"after reopening, latest_snapshot gave {found!r:.120}, saved was {snapshot!r:.120}")


@check("store")
def few_snapshots_are_kept(subject: Subject[StoreSpec]) -> None:
    """Only the newest few snapshots of a session stay on disk: a day has thousands."""
    one = session()
    with database() as location:
        with opened(subject, location) as store:
            store.begin_session(one)
            for number in range(1, _SAVED + 1):
                payload = number.to_bytes(2, "big") * (_BYTES // 2)
                store.save_snapshot(one.id, SnapshotRecord(seq=number, t_us=number, payload=payload))
        used = sum(path.stat().st_size for path in Path(location).parent.rglob("*") if path.is_file())
    require(
        used < _SAVED * _BYTES // 2,
        subject.label,
        f"{_SAVED} snapshots of {_BYTES} bytes use {used} bytes after closing; forget all but the newest few of a session",
    )
