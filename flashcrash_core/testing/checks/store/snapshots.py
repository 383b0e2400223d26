"""Snapshots: the newest is given, bytes unchanged, and the disk does not fill with the others."""

from pathlib import Path
from typing import Final

from flashcrash_core.runtime.records import SnapshotRecord
from flashcrash_core.specs import StoreSpec
from flashcrash_core.testing.battery import check
from flashcrash_core.testing.checks.store.places import database, has_a_place, in_files, opened, require
from flashcrash_core.testing.checks.store.samples import session
from flashcrash_core.testing.subject import Subject

__all__ = ["few_snapshots_are_kept", "newest_snapshot_wins"]

_SAVED: Final = 60
_BYTES: Final = 50_000
_BLOCK_BYTES: Final = 512
"""Unit of ``st_blocks``."""


@check("store", applies=has_a_place)
def newest_snapshot_wins(subject: Subject[StoreSpec]) -> None:
    """`latest_snapshot` gives the last one saved of that session, byte for byte and without a commit, and None before the first."""
    one, other = session("20251010-a"), session("20251010-b")
    with database(subject) as location:
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


@check("store", applies=in_files)
def few_snapshots_are_kept(subject: Subject[StoreSpec]) -> None:
    """Only the newest few snapshots of a session stay on disk: a day has thousands."""
    one = session()
    with database(subject) as location:
        with opened(subject, location) as store:
            store.begin_session(one)
            for number in range(1, _SAVED + 1):
                payload = number.to_bytes(2, "big") * (_BYTES // 2)
                store.save_snapshot(one.id, SnapshotRecord(seq=number, t_us=number, payload=payload))
        used = sum(map(_bytes_on_disk, Path(location).parent.rglob("*")))
    require(
        used < _SAVED * _BYTES // 2,
        subject.label,
        f"{_SAVED} snapshots of {_BYTES} bytes use {used} bytes after closing; forget all but the newest few of a session",
    )


def _bytes_on_disk(path: Path) -> int:
    """What a file takes of the disk: a sparse one less than its size. Its size where the system does not tell."""
    status = path.stat()
    if not path.is_file():
        return 0
    return getattr(status, "st_blocks", -(-status.st_size // _BLOCK_BYTES)) * _BLOCK_BYTES
