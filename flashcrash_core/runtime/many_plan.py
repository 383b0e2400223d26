"""Which tapes a backtest over folders runs, in which order, and what identifies the result of each.

A folder stands for every tape below it. Hidden folders are left out: an import that is under way fills one.
"""

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
from attrs import field, frozen

from flashcrash_core import __version__
from flashcrash_core.errors import DataError, UsageError
from flashcrash_core.market.feed import DataTier
from flashcrash_core.market.instruments import MarketKind
from flashcrash_core.market.recordings import is_recording
from flashcrash_core.market.tape.manifest import MANIFEST_NAME, TapeManifest, content_hash, read_manifest
from flashcrash_core.market.tape.reader import is_tape, tape_folder
from flashcrash_core.runtime.launch import Prepared

__all__ = ["BrokenTape", "Plan", "TapeJob", "fingerprint", "is_folder_of_tapes", "plan_tapes", "settings_identity"]


@frozen
class TapeJob:
    """One tape to run by itself."""

    path: Path
    symbol: str
    market: str
    """Name of its folder in ``--out``: the symbol, of USD-M futures with ``.usdm``."""
    day: str
    hash: str
    data_tier: DataTier
    has_book: bool
    quote_asset: str
    events: int
    """Rows of its table of events: how much work it is."""


@frozen
class BrokenTape:
    """A tape that cannot even be planned. Symbol and day are in its manifest, so they are not known."""

    path: Path
    error: str


@frozen
class Plan:
    """All tapes, the largest first, so that the last ones to finish are small."""

    jobs: tuple[TapeJob, ...]
    broken: tuple[BrokenTape, ...] = field(default=())
    left_out: int = field(default=0)
    """Tapes of symbols that were not asked for."""


def is_folder_of_tapes(path: Path) -> bool:
    """Whether ``path`` is a folder and neither a tape nor a recording, so that it stands for what is in it."""
    return path.is_dir() and not is_tape(path) and not is_recording(path)


def plan_tapes(paths: Sequence[Path], symbols: Sequence[str] = ()) -> Plan:
    """Every tape named by ``paths`` or lying below one of them; of ``symbols`` only, where any are given.

    Raises DataError for a folder without a tape, UsageError for a file that is none and for a market's day that is there twice.
    """
    jobs: list[TapeJob] = []
    broken: list[BrokenTape] = []
    left_out = 0
    for folder in _all_tapes(paths):
        try:
            job = _job(folder)
        except DataError as error:
            broken.append(BrokenTape(folder, str(error)))
            continue
        if symbols and job.symbol not in symbols:
            left_out += 1
        else:
            jobs.append(job)
    _refuse_twice(jobs)
    if missing := [symbol for symbol in symbols if not any(job.symbol == symbol for job in jobs)]:
        raise UsageError(f"--symbols {','.join(missing)}: no tape of it in {', '.join(map(str, paths))}")
    jobs.sort(key=lambda job: (-job.events, job.market, job.day))
    return Plan(tuple(jobs), tuple(broken), left_out)


def _all_tapes(paths: Sequence[Path]) -> Iterator[Path]:
    seen: set[Path] = set()
    for path in paths:
        if is_tape(path):
            found = [tape_folder(path)]
        elif path.is_dir():
            found = list(_tapes_below(path))
            if not found:
                raise DataError(
                    f"{path}: {_what_is_there(path)}; make tapes first with `flashcrash tape import FILES --out FOLDER`"
                )
        elif path.exists():
            raise UsageError(
                f"{path}: is no tape, and beside a folder every tape is a run of its own; import it first with "
                "`flashcrash tape import`, or name files without a folder"
            )
        else:
            raise DataError(f"{path}: no such file or folder; check the path (relative paths start at {Path.cwd()})")
        for tape in found:
            if (real := tape.resolve()) not in seen:  # a folder and a tape in it name that tape once
                seen.add(real)
                yield tape


def _tapes_below(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        if MANIFEST_NAME in files:
            folders.clear()
            yield Path(place)
        else:
            folders[:] = sorted(name for name in folders if not name.startswith("."))


def _what_is_there(folder: Path) -> str:
    names = sorted(name for _, _, files in os.walk(folder) for name in files)
    if not names:
        return "the folder is empty"
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return f"there is no tape in this folder, only {shown}"


def _job(folder: Path) -> TapeJob:
    manifest: TapeManifest = read_manifest(folder)
    if content_hash(manifest) != manifest.hash:
        raise DataError(
            f"{folder / MANIFEST_NAME}: its hash is not that of what it says; it was changed after the import. "
            "Import the source files again"
        )
    kind = manifest.instrument.kind
    return TapeJob(
        path=folder,
        symbol=manifest.symbol,
        market=manifest.symbol if kind is MarketKind.SPOT else f"{manifest.symbol}.{kind}",
        day=manifest.day,
        hash=manifest.hash,
        data_tier=manifest.data_tier,
        has_book=manifest.has_book,
        quote_asset=manifest.instrument.quote_asset,
        events=manifest.rows["events"],
    )


def _refuse_twice(jobs: Sequence[TapeJob]) -> None:
    seen: dict[tuple[str, str], TapeJob] = {}
    for job in jobs:
        if (other := seen.setdefault((job.market, job.day), job)) is not job:
            raise UsageError(
                f"{job.market} {job.day} is there twice, in {other.path} and {job.path}; its events would count twice. Leave one "
                "out, or name both without a folder to run them as one session"
            )


def settings_identity(prepared: Prepared, kind: str) -> dict[str, Any]:
    """Everything but the tape that a report depends on. Neither database nor engine is part of it: no decision depends on them."""
    config = prepared.config.as_plain()
    run = {key: value for key, value in config.get("run", {}).items() if key not in ("db", "symbols")}
    return {
        "kind": kind,
        "version": __version__,
        "config": config | {"run": run},
        "plugins": prepared.registry.versions(),
        "plugin_contents": prepared.registry.contents(),
        "indicators": list(prepared.plugins.indicators),
    }


def fingerprint(job: TapeJob, settings: dict[str, Any]) -> str:
    """Identity of a tape's report: the same fingerprint, the same decisions."""
    content = {"tape": job.hash, "symbol": job.symbol, **settings}
    return hashlib.sha256(msgspec.json.encode(content, order="sorted")).hexdigest()[:32]
