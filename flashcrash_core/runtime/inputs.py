"""Opening a run's input: which feed reads which file, files of one symbol chained, symbols merged by receive time."""

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain, count
from pathlib import Path
from typing import Any, Final, TypeVar, get_args

from attrs import define, field, frozen

from flashcrash_core.detection.containment import MAX_FAULTS, dispose, explain, let_interrupt_pass, named
from flashcrash_core.errors import DataError, FlashcrashError, UsageError
from flashcrash_core.market.checksums import verify_checksum
from flashcrash_core.market.events import MarketEvent, Rejected
from flashcrash_core.market.feed import ColumnSource, DataTier, Feed, FeedRequest, FeedSource, InstrumentResolver, WatchedSource
from flashcrash_core.market.files import read_head
from flashcrash_core.market.instruments import Instrument, MarketKind
from flashcrash_core.market.live_source import LiveSource
from flashcrash_core.market.recordings import ChainedSource, RecordableSource, RecordingOptions, is_recording, recording_files
from flashcrash_core.market.tape.columns import TapeColumns
from flashcrash_core.market.tape.joining import first_receive_us, joined, overlap
from flashcrash_core.market.tape.manifest import read_manifest
from flashcrash_core.market.tape.reader import is_tape, tape_folder
from flashcrash_core.specs import FeedSpec

__all__ = ["Input", "SymbolInput", "asked", "fingerprint", "open_input", "recognise", "refuse_twice"]

_OVERLAP_US: Final = 250_000
"""Jitter of receive times at a join; as much as the event clock takes for not late."""

_EVENTS: Final = frozenset(get_args(MarketEvent))

T = TypeVar("T")

_MARKETS: Final = {MarketKind.SPOT: "spot", MarketKind.USDM: "USD-M futures"}


@frozen
class SymbolInput:
    """What is known about one symbol before the first event."""

    instrument: Instrument
    has_book: bool


@define
class Input:
    """An opened input: all events of a run in arrival order, and what they stand on."""

    symbols: dict[str, SymbolInput]
    data_tier: DataTier
    synthetic_book: bool
    description: str
    warnings: list[str]
    _sources: list[FeedSource]
    _events: Iterator[MarketEvent]
    feed: str = "feed"
    """The feed plugin's name, or those of several."""
    from_files: bool = False
    """Whether the events were read from files; what a feed without one gives, it makes itself or hears."""
    live: bool = False
    """Whether the events come from a running market: they come once, and time passes while nothing does."""
    consumed: int = field(default=0, init=False)
    on_fault: Callable[[str, str, str], None] | None = field(default=None, init=False)
    """Told of ``(call, kind, message)`` of a fault that the run survives."""
    _strange: int = field(default=0, init=False)
    _progress_failed: bool = field(default=False, init=False)

    def events(self) -> Iterator[MarketEvent]:
        """All events; ``consumed`` counts them. An item that is no event becomes a Rejected, at the third a DataError."""
        kinds = _EVENTS
        try:
            for event in self._events:
                self.consumed += 1
                yield event if type(event) in kinds else self._rejected(event)
        except (FlashcrashError, GeneratorExit):  # the last one closes this generator; see failed()
            raise
        except BaseException as error:
            let_interrupt_pass(error)
            raise self.failed(error) from error

    def failed(self, error: BaseException) -> DataError:
        """What ends a run when the feed raised ``error``, which for a GeneratorExit only the one who iterates can tell."""
        return _feed_failed(self.feed, f"after {self.consumed} events", error)

    def _rejected(self, item: object) -> Rejected:
        dispose(item)
        self._strange += 1
        message = f"yielded {named(item)} instead of an event"
        if self.on_fault is not None:
            self.on_fault("events", "not_an_event", message)
        if self._strange >= MAX_FAULTS:
            raise DataError(
                f"feed {self.feed}: {message} as item {self.consumed}, the third time; what it says is not to be trusted. "
                "Report it to the plugin's author, or read the data with another feed"
            )
        symbol = next(iter(self.symbols))
        return Rejected(symbol, 0, None, 0, "not_an_event", message)

    def columns(self) -> dict[str, TapeColumns] | None:
        """All events as columns, by symbol, where every source has them; the order of events is that of :meth:`events`."""
        groups: dict[str, list[TapeColumns]] = {}
        for source in self._sources:
            if not isinstance(source, ColumnSource) or len(source.info.symbols) != 1:
                return None
            groups.setdefault(source.info.symbols[0], []).append(source.columns)
        ordered = {symbol: sorted(parts, key=first_receive_us) for symbol, parts in groups.items()}
        if any(overlap(parts, _OVERLAP_US) for parts in ordered.values()):
            return None  # read in turn they are refused, with the place
        return {symbol: joined(ordered[symbol]) for symbol in self.symbols}

    def progress(self) -> float | None:
        """Fraction read over all sources, or None. A source that cannot say is not asked again."""
        if self._progress_failed:
            return None
        try:
            parts = [source.progress() for source in self._sources]
            known = [float(p) for p in parts if p is not None]
        except BaseException as error:
            let_interrupt_pass(error)
            self._progress_failed = True
            if self.on_fault is not None:
                self.on_fault("progress", *explain(error))
            return None
        return sum(known) / len(parts) if len(known) == len(parts) and parts else None

    def while_wanted(self, wanted: Callable[[], bool]) -> None:
        """Let a live feed end its events once ``wanted`` says no, also while nothing arrives."""
        for source in self._sources:
            if isinstance(source, LiveSource):
                source.wanted = wanted

    def tell_exposure(self, is_open: bool) -> None:
        """Tell a live feed whether a position or an order is open."""
        for source in self._sources:
            if isinstance(source, WatchedSource):
                source.position_open = is_open

    def health(self) -> dict[str, Any] | None:
        """How a live feed is doing, for the report; None where there is none. What it raises stands in its place."""
        told: dict[str, Any] | None = None
        for source in self._sources:
            if isinstance(source, WatchedSource):
                try:
                    told = (told or {}) | dict(source.health())
                except BaseException as error:
                    let_interrupt_pass(error)
                    told = (told or {}) | {"error": f"feed {self.feed} could not tell its health: {explain(error)[1]}"}
        return told

    def end_recording(self) -> None:
        """Complete a recording: the report is to say how it ended. What that raises becomes a warning; the run is over."""
        for source in self._sources:
            if isinstance(source, RecordableSource):
                try:
                    source.end_recording()
                except BaseException as error:
                    let_interrupt_pass(error)
                    self.warnings.append(f"feed {self.feed} could not complete its recording: {explain(error)[1]}")

    def recording(self) -> dict[str, Any] | None:
        """How the recording of a running market is doing, also after :meth:`close`; None where there is none."""
        for source in self._sources:
            if isinstance(source, RecordableSource) and (told := source.recording()) is not None:
                return dict(told)
        return None

    def close(self) -> None:
        """Close every source. Raises DataError for one that fails, after all had their turn."""
        failures = []
        for source in self._sources:
            try:
                source.close()
            except BaseException as error:
                let_interrupt_pass(error)
                failures.append(_feed_failed(self.feed, "on closing", error))
        if failures:
            raise failures[0]


def _feed_failed(name: str, when: str, error: BaseException) -> DataError:
    return DataError(
        f"feed {name} failed {when}: {explain(error)[1]}; what was recorded so far is kept. "
        "Report it to the plugin's author, or read the data with another feed"
    )


def asked(name: str, when: str, work: Callable[[], T]) -> T:
    """Ask a feed for something. Raises DataError naming it for anything but the product's own errors."""
    try:
        return work()
    except FlashcrashError:
        raise
    except BaseException as error:
        let_interrupt_pass(error)
        raise _feed_failed(name, when, error) from error


def open_input(
    feeds: Mapping[str, tuple[FeedSpec, Feed]],
    *,
    feed: str | None,
    paths: Sequence[Path],
    symbols: Sequence[str],
    instruments: InstrumentResolver,
    seed: int,
    record: RecordingOptions | None = None,
) -> Input:
    """Open files with the feeds that recognise them, or the named feed without a file.

    ``feed`` None lets each file choose its own. ``record`` keeps what a running market says. A file with a ``.CHECKSUM`` beside it
    must match it. Raises :class:`DataError` for unreadable files, :class:`UsageError` for a feed that cannot read them, or cannot
    record.
    """
    next_seq = count(1).__next__
    wanted = tuple(s.upper() for s in symbols)
    sources: list[FeedSource] = []
    names: list[str] = []

    def open_one(name: str, path: Path | None) -> None:
        request = FeedRequest(instruments, next_seq, path, wanted, seed)
        source = asked(name, "on opening its source", lambda: feeds[name][1].open(request))
        sources.append(source)
        names.append(name)
        if record is None:
            return
        if not isinstance(source, RecordableSource):
            raise UsageError(f"feed {name} cannot be recorded: only a running market is; name one, as in --feed binance")
        asked(name, "on recording its source", partial(source.record_to, record))

    try:
        if not paths:
            name = feed or "simulated"
            if feeds[name][0].opens is not None:
                raise UsageError(f"feed {name} reads files: name one with --tape PATH")
            open_one(name, None)
        refuse_twice(paths)
        for path in paths:
            name = recognise(feeds, feed, path)
            verify_checksum(path)  # here for all feeds: one reads nothing but its own file
            open_one(name, path)
        opened = _combine(sources, names)
        opened.from_files = bool(paths)
        opened.live = any(feeds[name][0].live for name in names)
        if missing := [symbol for symbol in wanted if symbol not in opened.symbols]:
            held = ", ".join(opened.symbols) or "no symbol"
            raise UsageError(f"--symbols {','.join(missing)}: not in the input, which holds {held}")
        return opened
    except BaseException as error:
        for name, source in zip(names, sources, strict=True):
            try:
                asked(name, "on closing", source.close)
            except DataError as second:
                error.add_note(str(second))
        raise


def fingerprint(path: Path) -> dict[str, Any]:
    """Enough of a file's identity to notice that it changed before a resume: size and a digest of its ends, or a tape's hash."""
    from hashlib import blake2b

    if is_tape(path):
        folder = tape_folder(path).resolve()
        size = sum(file.stat().st_size for file in folder.glob("*.npy"))
        return {"path": str(folder), "bytes": size, "digest": read_manifest(folder).hash[:32]}
    total = 0
    digest = blake2b(digest_size=16)
    for part in recording_files(path) if is_recording(path) else [path]:
        size = part.stat().st_size
        with part.open("rb") as file:
            digest.update(file.read(65_536))
            file.seek(max(size - 65_536, 0))
            digest.update(file.read(65_536))
        total += size
    return {"path": str(path.resolve()), "bytes": total, "digest": digest.hexdigest()}


def refuse_twice(paths: Sequence[Path]) -> None:
    """Raise UsageError for a file that is named twice."""
    seen: set[Path] = set()
    for path in paths:
        if (real := tape_folder(path.resolve())) in seen:
            raise UsageError(f"{path}: is named twice; name each tape once")
        seen.add(real)


def recognise(feeds: Mapping[str, tuple[FeedSpec, Feed]], feed: str | None, path: Path) -> str:
    """The feed that reads ``path``: ``feed`` if it does, else the first that recognises it. Raises DataError, UsageError."""
    head = read_head(path)
    if not head:
        raise DataError(f"{path}: the file is empty; nothing to replay")
    openers = {name: spec.opens for name, (spec, _) in feeds.items() if spec.opens is not None}
    fitting = [
        name for name, opens in openers.items() if asked(name, f"to say whether it reads {path}", partial(opens, path, head))
    ]
    if feed is not None:
        if feeds[feed][0].opens is None:
            raise UsageError(f"feed {feed} reads no files; drop --feed, or name one of: {', '.join(fitting) or 'none fits'}")
        if feed not in fitting:
            hint = f"feed {' or '.join(fitting)} reads it" if fitting else "no loaded feed reads it"
            raise UsageError(f"{path}: not a file that feed {feed} reads; {hint}")
        return feed
    if not fitting:
        start = head[:60].decode("utf-8", "replace").splitlines()[0]
        raise DataError(
            f"{path}: no feed recognises this format (it starts with {start!r}). Known: tapes, raw captures, Tardis-style trades "
            "and books, Binance bulk trades, aggTrades and 1s klines; a plugin can add more (docs/plugins/guide.md)"
        )
    return fitting[0]


def _combine(sources: list[FeedSource], names: Sequence[str]) -> Input:
    symbols: dict[str, SymbolInput] = {}
    warnings: list[str] = []
    groups: dict[tuple[str, ...], list[_Member]] = {}
    for name, source in zip(names, sources, strict=True):
        info = asked(name, "to describe its source", partial(getattr, source, "info"))
        warnings.extend(info.warnings)
        for instrument in info.instruments:
            known = symbols.get(instrument.symbol)
            if known is not None and (difference := _difference(known, instrument, info.has_book)):
                raise UsageError(f"{info.description}: {instrument.symbol} {difference}; replay them in separate runs")
            symbols[instrument.symbol] = SymbolInput(instrument, info.has_book)
        events = asked(name, "before its first event", source.events)
        first = asked(name, "before its first event", partial(next, events, None))
        if first is not None and type(first) not in _EVENTS:
            dispose(first)
            raise DataError(f"feed {name}: its first item is {named(first)}, no event; report it to the plugin's author")
        if first is None:
            raise DataError(f"{info.description}: holds no events; nothing to replay")
        groups.setdefault(info.symbols, []).append(_Member(info.description, source, first, events))
    streams = [_in_turn(members) for members in groups.values()]
    tiers = {source.info.data_tier for source in sources}
    tier = DataTier.SYNTHETIC if DataTier.SYNTHETIC in tiers else DataTier.TRADES if DataTier.TRADES in tiers else DataTier.L2
    return Input(
        symbols=symbols,
        data_tier=tier,
        synthetic_book=any(source.info.synthetic_book for source in sources),
        description="; ".join(source.info.description for source in sources),
        warnings=warnings,
        sources=sources,
        feed=" + ".join(dict.fromkeys(names)),
        events=streams[0] if len(streams) == 1 else _merge(streams),
    )


def _difference(known: SymbolInput, instrument: Instrument, has_book: bool) -> str:
    """Why one symbol of two tapes is not one market; empty if it is."""
    before = known.instrument
    if instrument.kind is not before.kind:
        return f"is of {_MARKETS[instrument.kind]} here and of {_MARKETS[before.kind]} in an earlier tape; these are two markets"
    if has_book != known.has_book:
        return "has a book here and none in an earlier tape" if has_book else "has no book here, but one in an earlier tape"
    if instrument != before:
        grids = [f"tick {one.tick_size}, lot {one.lot_size}" for one in (instrument, before)]
        return f"has another grid here ({grids[0]}) than in an earlier tape ({grids[1]})"
    return ""


@frozen
class _Member:
    """An opened tape among those of the same symbols."""

    description: str
    source: FeedSource
    first: MarketEvent
    rest: Iterator[MarketEvent]


def _in_turn(members: list[_Member]) -> Iterator[MarketEvent]:
    members.sort(key=lambda member: member.first.receive_us)
    if len(members) == 1:
        return chain((members[0].first,), members[0].rest)
    return _joined(members)


def _joined(members: list[_Member]) -> Iterator[MarketEvent]:
    """One tape after the other. Raises DataError where one begins before the last one ended: its events would count twice."""
    before: _Member | None = None
    last: MarketEvent | None = None
    for member in members:
        if before is not None and last is not None and member.first.receive_us < last.receive_us - _OVERLAP_US:
            raise DataError(
                f"{member.description}: begins {(last.receive_us - member.first.receive_us) / 1e6:.1f} s before "
                f"{before.description} ends; tapes of the same symbols must follow one another. Leave one out, or replay them in "
                "separate runs"
            )
        repeated = before is not None and isinstance(member.source, ChainedSource) and member.source.follows(before.source)
        before, last = member, member.first
        if not repeated:
            yield last
        for last in member.rest:
            yield last


def _merge(streams: Iterable[Iterator[MarketEvent]]) -> Iterator[MarketEvent]:
    # A stable merge: equal receive times keep the order in which the tapes were named.
    return heapq.merge(*streams, key=lambda event: event.receive_us)
