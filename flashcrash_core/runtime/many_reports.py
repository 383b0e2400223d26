"""The reports of finished tapes in ``--out``: written whole or not at all, taken again only when they are of the same run."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from flashcrash_core.errors import StorageError, UsageError
from flashcrash_core.runtime.many_plan import TapeJob

__all__ = ["SUMMARY_NAME", "decoded", "finished_report", "held", "place_of", "write_whole"]

SUMMARY_NAME: Final = "summary.json"


def place_of(out: Path, job: TapeJob) -> Path:
    """``OUT/SYMBOL/YYYY-MM-DD.json``."""
    return out / job.market / f"{job.day}.json"


def decoded(document: bytes) -> dict[str, Any]:
    """A report with exact decimals, however it came here: sums must not depend on whether it was read or just made."""
    report = json.loads(document, parse_float=Decimal)
    if not isinstance(report, dict):
        raise ValueError("is no JSON object")
    return report


def finished_report(place: Path, fingerprint: str) -> dict[str, Any] | None:
    """The report at ``place`` if it is of this tape, settings and version; None if it is not there, of another run or damaged."""
    try:
        report = decoded(place.read_bytes())
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    except OSError as error:
        raise StorageError(f"{place}: cannot be read: {error.strerror or error}; name another directory with --out") from None
    return report if report.get("fingerprint") == fingerprint else None


def write_whole(place: Path, document: bytes) -> None:
    """Write a file that is either all there or not. Raises StorageError.

    What a killed process leaves has a fixed name, and the next one writes over it.
    """
    temporary = place.with_name(f".{place.name}.tmp")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(document)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(place)
    except OSError as error:
        raise StorageError(
            f"cannot write {place}: {error.strerror or error}; "
            "name a directory with --out that you may write and that has free space"
        ) from error


@contextmanager
def held(out: Path | None) -> Iterator[None]:
    """Hold the directory for one call. Raises UsageError while another one writes into it; a killed one holds nothing."""
    if out is None:
        yield
        return
    try:
        out.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(out, os.O_RDONLY)
    except OSError as error:
        raise UsageError(f"--out {out}: cannot be made: {error.strerror}; name a directory that you may write") from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(
                f"--out {out}: another flashcrash is writing into it; wait for it, or name another directory"
            ) from None
        yield
    finally:
        os.close(descriptor)
