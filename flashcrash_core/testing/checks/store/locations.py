"""Places that are no database of this store: refused without a change; and databases of its other versions."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from flashcrash_core.runtime.records import IntentRecord, Record
from flashcrash_core.specs import StoreSpec
from flashcrash_core.testing.battery import CheckFailure, check
from flashcrash_core.testing.checks.store.places import build, database, has_a_place, in_files, opened, refused, require
from flashcrash_core.testing.checks.store.samples import BATCH, RECORD_KINDS, batch, extremes, same, session
from flashcrash_core.testing.subject import Subject

__all__ = ["newer_version_is_refused", "old_versions_are_read", "unusable_location_is_refused"]

_FOREIGN: Final = {
    "a text file": b"shopping list\n- milk\n" * 40,
    "an image": b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8,
    "a compressed archive": b"\x1f\x8b\x08\x00" + bytes(range(255, -1, -1)) * 8,
}


@check("store", applies=in_files)
def unusable_location_is_refused(subject: Subject[StoreSpec]) -> None:
    """Files of other programs and a folder full of them are refused when opened as a database, and not a byte of them is changed.

    An empty folder is nobody's: a store may make its database of it.
    """
    where = subject.label
    with database(subject) as location:
        folder = Path(location).parent / "foreign"
        folder.mkdir()
        held: dict[Path, bytes] = {}
        for number, content in enumerate(_FOREIGN.values()):
            held[folder / f"foreign-{number}"] = content
            (folder / f"foreign-{number}").write_bytes(content)

        def open_and_use(path: Path) -> None:
            with opened(subject, str(path)) as store:
                store.sessions()

        for path, what in zip((folder, *held), ("a folder with files of other programs", *_FOREIGN), strict=True):
            refused(where, f"{what} as location", partial(open_and_use, path))
            left = {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}
            require(left == held, where, f"{what} was changed by being refused; look before you write")


def _versioned(subject: Subject[StoreSpec]) -> str:
    if subject.spec.history is None:
        return "declares no history (StoreSpec.history): it has had only one version"
    return has_a_place(subject)


def _older(subject: Subject[StoreSpec]) -> str:
    history = subject.spec.history
    return _versioned(subject) or ("" if history is not None and history.newest > 1 else "its database has had only one version")


@check("store", applies=_older)
def old_versions_are_read(subject: Subject[StoreSpec]) -> None:
    """A database of every older version opens with its sessions and records, takes new ones, and opens so again.

    What the version did not know, whole kinds and fields that came later, is left out: such a field has its default.
    """
    history = subject.spec.history
    assert history is not None
    one = session(status="done", wall_ended="2025-10-10T23:00:00Z", decision_hash="h", summary={"net": 1})
    records = [*batch(1), *batch(2), *(record for kind in RECORD_KINDS if kind not in BATCH for record in extremes(kind)[:2])]
    for version in range(1, history.newest):
        where = f"{subject.label}: database of version {version}"
        with database(subject) as location:
            history.write(location, version, one, records)
            for opening in ("first", "second"):
                with opened(subject, location) as store:
                    found = store.session(one.id)
                    require(same(found, one), where, f"the {opening} opening gave session {found}, expected {one}")
                    for kind in RECORD_KINDS:
                        wanted = [record for record in records if type(record) is kind]
                        got = store.read(one.id, kind)
                        unknown_then = not got and kind is not IntentRecord
                        kept = len(got) == len(wanted) and all(
                            same(a, _as_far_as_told(b, a)) for a, b in zip(got, wanted, strict=True)
                        )
                        require(kept or unknown_then, where, f"the {opening} opening gave {kind.__name__} {got}, expected {wanted}")
                    if opening == "first":
                        new = session("20260101-new")
                        store.begin_session(new)
                        for kind in RECORD_KINDS:
                            store.write(new.id, extremes(kind))
                        store.commit()
                    else:
                        counts = {kind.__name__: len(store.read("20260101-new", kind)) for kind in RECORD_KINDS}
                        require(0 not in counts.values(), where, f"records written after the upgrade are gone: {counts}")


def _as_far_as_told(wanted: Record, got: Record) -> Record:
    """``wanted`` with the defaults of those fields in which ``got`` has them too."""
    defaults = {field.name: field.default for field in msgspec.structs.fields(wanted) if field.default is not msgspec.NODEFAULT}
    later = {name: default for name, default in defaults.items() if getattr(got, name) == default}
    return msgspec.structs.replace(wanted, **later)


@check("store", applies=_versioned)
def newer_version_is_refused(subject: Subject[StoreSpec]) -> None:
    """A database of a later version than the plugin knows is refused, naming both versions, and no byte of its files is changed."""
    history = subject.spec.history
    assert history is not None
    newer = history.newest + 1
    with database(subject) as location:
        history.write(location, newer, session(status="done"), batch(1))
        before = {} if in_files(subject) else {path: path.read_bytes() for path in _files_beside(location)}
        if not before and not in_files(subject):
            raise CheckFailure(f"{subject.label}: history.write made no file for version {newer}")
        error = refused(subject.label, f"a database of version {newer}", lambda: build(subject, location))
        changed = [path.name for path, content in before.items() if not path.exists() or path.read_bytes() != content]
    require(not changed, subject.label, f"refusing a database of version {newer} changed {', '.join(changed)}")
    require(
        str(newer) in str(error) and str(history.newest) in str(error),
        subject.label,
        f"the refusal names not both versions ({newer} and {history.newest}): {error}",
    )


def _files_beside(location: str) -> Iterator[Path]:
    return (path for path in Path(location).parent.rglob("*") if path.is_file())
