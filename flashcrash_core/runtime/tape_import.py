"""``flashcrash tape import``: from files and their feeds to tapes. Either every tape is there at the end, or none is."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Any, Final

import attrs
from attrs import frozen
from msgspec import to_builtins

from flashcrash_core.config import did_you_mean
from flashcrash_core.config.instruments import InstrumentBook
from flashcrash_core.detection.containment import let_interrupt_pass
from flashcrash_core.errors import DataError, FlashcrashError, UsageError
from flashcrash_core.market.checksums import file_sha256, verify_checksum
from flashcrash_core.market.events import MarketEvent
from flashcrash_core.market.feed import Feed, FeedRequest, FeedSource
from flashcrash_core.market.recordings import is_recording, recording_bytes, recording_files, recordings_among
from flashcrash_core.market.tape.manifest import TapeSourceFile
from flashcrash_core.market.tape.reader import is_tape
from flashcrash_core.market.tape.staging import Published, Staging
from flashcrash_core.market.tape.writer import FinishedTape, TapeWriter
from flashcrash_core.runtime.composition import built
from flashcrash_core.runtime.inputs import asked, recognise, refuse_twice
from flashcrash_core.runtime.launch import prepare
from flashcrash_core.runtime.request import RunRequest
from flashcrash_core.runtime.tape_streams import OpenedFile, Stream, streams_of
from flashcrash_core.simulation.invented_book import BookInventor, invented_info
from flashcrash_core.specs import FeedSpec

__all__ = ["SCHEMA", "import_tapes"]

SCHEMA: Final = "flashcrash.tape_import/1"
_PROGRESS_EVERY: Final = 8192

Progress = Callable[[float | None, int], None]
Feeds = dict[str, tuple[FeedSpec, Feed]]


def import_tapes(
    request: RunRequest,
    out: Path,
    *,
    force: bool = False,
    invent_book: bool = False,
    on_progress: Progress | None = None,
) -> dict[str, Any]:
    """Import ``request.paths`` into ``out``; returns what was written, what was found, and from which files.

    ``invent_book`` adds a book made from the trades, and the tapes are graded synthetic (simulation/invented_book.py).
    Raises DataError, UsageError, ConfigError, PluginError; then ``out`` is as it was before.
    """
    if not request.paths:
        raise UsageError("tape import: no file given; name the files to import")
    refuse_twice(request.paths)
    request = attrs.evolve(request, paths=recordings_among(request.paths, request.symbols))
    for path in request.paths:
        if is_tape(path):
            raise UsageError(f"{path}: is a tape already; import takes the files that tapes are made of")
    prepared = prepare(request)
    settings = prepared.config.settings
    instruments = InstrumentBook({symbol: attrs.asdict(table) for symbol, table in settings.instruments.items()})
    plugins = prepared.plugins.feeds
    if request.feed is not None and request.feed not in plugins:
        raise UsageError(f'there is no feed "{request.feed}"; {did_you_mean(request.feed, plugins, what="loaded")}')
    feeds: Feeds = {name: (one.spec, built("feed", name, partial(one.spec.build, one.config))) for name, one in plugins.items()}
    opener = _Opener(feeds, request, instruments, settings.run.seed, BookInventor() if invent_book else None)
    try:
        files = opener.open_all()
        _refuse_unheld(settings.run.symbols, files)
        with Staging(out, force) as staging:
            finished: list[FinishedTape] = []
            watched = _Watched(files, on_progress)
            for stream in streams_of(files):
                finished += _write(stream, staging, watched)
            published = staging.publish({tape.relative: tape.manifest.hash for tape in finished})
        return _document(files, finished, published, staging.leftovers, instruments.warnings)
    finally:
        opener.close()


@frozen
class _Opener:
    """Opens the files, and closes what it opened."""

    feeds: Feeds
    request: RunRequest
    instruments: InstrumentBook
    seed: int
    inventor: BookInventor | None
    _opened: list[tuple[str, FeedSource]] = attrs.field(init=False, factory=list)

    def open_all(self) -> list[OpenedFile]:
        seen: dict[str, Path] = {}
        files = []
        for path in self.request.paths:
            name = recognise(self.feeds, self.request.feed, path)
            record = _record(path, name)
            if (twin := seen.setdefault(record.sha256, path)) is not path:
                raise DataError(f"{path}: has the same content as {twin}; its events would count twice. Leave one out")
            files.append(self._open(path, name, record))
        return files

    def _open(self, path: Path, name: str, record: TapeSourceFile) -> OpenedFile:
        next_seq = count(1).__next__
        request = FeedRequest(self.instruments, next_seq, path, tuple(s.upper() for s in self.request.symbols), self.seed)
        source = asked(name, "on opening its source", lambda: self.feeds[name][1].open(request))
        self._opened.append((name, source))
        info = asked(name, "to describe its source", lambda: source.info)
        events = asked(name, "before its first event", source.events)
        if self.inventor is not None:
            info, events = invented_info(info), self.inventor.around(events, next_seq)
        first = asked(name, "before its first event", partial(next, events, None))
        if first is None:
            raise DataError(f"{path}: holds no events; nothing to import")
        return OpenedFile(path, record, source, info, events, first)

    def close(self) -> None:
        for name, source in self._opened:
            asked(name, "on closing", source.close)


def _record(path: Path, feed: str) -> TapeSourceFile:
    if is_recording(path):
        return _record_of_recording(path, feed)
    verified = verify_checksum(path)
    return TapeSourceFile(
        name=path.name,
        bytes=path.stat().st_size,
        sha256=verified or file_sha256(path),
        checksum="verified" if verified else "none",
        feed=feed,
    )


def _record_of_recording(path: Path, feed: str) -> TapeSourceFile:
    """A recording's folder as one source: the digest is that of its files' digests, in order."""
    digests = "".join(file_sha256(file) for file in recording_files(path))
    return TapeSourceFile(
        name=path.name, bytes=recording_bytes(path), sha256=sha256(digests.encode()).hexdigest(), checksum="none", feed=feed
    )


def _refuse_unheld(wanted: Sequence[str], files: list[OpenedFile]) -> None:
    held = list(dict.fromkeys(symbol for file in files for symbol in file.info.symbols))
    if missing := [symbol for symbol in wanted if symbol not in held]:
        raise UsageError(f"--symbols {','.join(missing)}: not in the input, which holds {', '.join(held)}")


class _Watched:
    """Tells how far all files are read."""

    def __init__(self, files: list[OpenedFile], on_progress: Progress | None) -> None:
        self._files = files
        self._sizes = sum(file.record.bytes for file in files) or 1
        self._on_progress = on_progress
        self._events = 0
        self._done: set[int] = set()

    def taken(self, events: int) -> None:
        self._events += events
        if self._on_progress is not None:
            read = sum((file.source.progress() or 0.0) * file.record.bytes for file in self._files)
            self._on_progress(min(read / self._sizes, 1.0), self._events)


def _write(stream: Stream, staging: Staging, watched: _Watched) -> list[FinishedTape]:
    """One stream into the tapes of its markets."""
    writer = TapeWriter(
        staging,
        stream.markets,
        sources=[file.record for file in stream.files],
        warnings=[warning for file in stream.files for warning in file.info.warnings],
        locate=stream.where,
    )
    take, notes, taken = writer.take, stream.notes, 0
    for event in _contained(stream):
        if notes:
            for symbol, what, detail in notes:
                writer.note(symbol, what, detail)
            notes.clear()
        take(event)
        taken += 1
        if taken >= _PROGRESS_EVERY:
            watched.taken(taken)
            taken = 0
    watched.taken(taken)
    finished = writer.finish()
    for symbol in stream.markets:
        if not any(tape.manifest.symbol == symbol for tape in finished):
            raise DataError(f"{stream.where()}: no event of {symbol}, which its feed announced; leave it out with --symbols")
    return finished


def _contained(stream: Stream) -> Iterator[MarketEvent]:
    """The events of a stream. Raises DataError naming file and feed for whatever a feed raises that is not the product's own."""
    events = stream.events()
    while True:
        try:
            event: MarketEvent | None = next(events, None)
        except FlashcrashError:
            raise
        except BaseException as error:
            let_interrupt_pass(error)
            feed = stream.files[0].record.feed
            raise DataError(
                f"{stream.where()}: feed {feed} failed with {type(error).__name__}: {error}; report it to the plugin's author"
            ) from error
        if event is None:
            return
        yield event


def _document(
    files: list[OpenedFile], finished: list[FinishedTape], published: list[Published], leftovers: int, inferred: list[str]
) -> dict[str, Any]:
    """What ``tape import --json`` prints."""
    tapes = []
    warnings = [*inferred, *(warning for file in files for warning in file.info.warnings)]
    for tape, place in zip(finished, published, strict=True):
        manifest = tape.manifest
        tapes.append(
            {
                "path": str(place.path),
                "outcome": place.outcome,
                "symbol": manifest.symbol,
                "day": manifest.day,
                "kind": str(manifest.instrument.kind),
                "data_tier": str(manifest.data_tier),
                "hash": manifest.hash,
                "rows": manifest.rows,
                "marks": [to_builtins(mark) for mark in manifest.marks],
            }
        )
        for mark in manifest.marks:
            if mark.what != "carried_snapshot":
                times = "" if mark.count == 1 else f", {mark.count:,} times"
                warnings.append(
                    f"{manifest.symbol} {manifest.day}: {mark.what}{times}" + (f": {mark.detail}" if mark.detail else "")
                )
    if leftovers:
        warnings.append(f"{leftovers} unfinished folder{'s' if leftovers > 1 else ''} of killed imports removed")
    return {
        "schema": SCHEMA,
        "tapes": tapes,
        "sources": [to_builtins(file.record) for file in files],
        "events": sum(tape.manifest.rows["events"] for tape in finished),
        "warnings": warnings,
    }
