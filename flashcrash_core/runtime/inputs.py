"""Opening a run's input: which feed reads which file, files of one symbol chained, symbols merged by receive time."""

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, count
from pathlib import Path
from typing import Any, Final

from attrs import define, field, frozen

from flashcrash_core.errors import DataError, UsageError
from flashcrash_core.market.events import MarketEvent
from flashcrash_core.market.feed import DataTier, Feed, FeedRequest, FeedSource, InstrumentResolver
from flashcrash_core.market.files import read_head
from flashcrash_core.market.instruments import Instrument, MarketKind
from flashcrash_core.specs import FeedSpec

__all__ = ["Input", "SymbolInput", "fingerprint", "open_input"]

_OVERLAP_US: Final = 250_000
"""Jitter of receive times at a join; as much as the event clock takes for not late."""

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
    consumed: int = field(default=0, init=False)

    def events(self) -> Iterator[MarketEvent]:
        """All events; ``consumed`` counts them."""
        for event in self._events:
            self.consumed += 1
            yield event

    def progress(self) -> float | None:
        """Fraction read over all sources, or None."""
        parts = [source.progress() for source in self._sources]
        known = [p for p in parts if p is not None]
        return sum(known) / len(parts) if len(known) == len(parts) and parts else None

    def close(self) -> None:
        """Close every source."""
        for source in self._sources:
            source.close()


def open_input(
    feeds: Mapping[str, tuple[FeedSpec, Feed]],
    *,
    feed: str | None,
    paths: Sequence[Path],
    symbols: Sequence[str],
    instruments: InstrumentResolver,
    seed: int,
) -> Input:
    """Open files with the feeds that recognise them, or the named feed without a file.

    ``feed`` None lets each file choose its own. Raises :class:`DataError` for unreadable files, :class:`UsageError` for a feed that
    cannot read them.
    """
    next_seq = count(1).__next__
    wanted = tuple(s.upper() for s in symbols)
    sources: list[FeedSource] = []
    try:
        if not paths:
            name = feed or "simulated"
            if feeds[name][0].opens is not None:
                raise UsageError(f"feed {name} reads files: name one with --tape PATH")
            sources.append(feeds[name][1].open(FeedRequest(instruments, next_seq, None, wanted, seed)))
        _refuse_twice(paths)
        for path in paths:
            name = _recognise(feeds, feed, path)
            sources.append(feeds[name][1].open(FeedRequest(instruments, next_seq, path, wanted, seed)))
        opened = _combine(sources)
        if missing := [symbol for symbol in wanted if symbol not in opened.symbols]:
            held = ", ".join(opened.symbols) or "no symbol"
            raise UsageError(f"--symbols {','.join(missing)}: not in the input, which holds {held}")
        return opened
    except BaseException:
        for source in sources:
            source.close()
        raise


def fingerprint(path: Path) -> dict[str, Any]:
    """Enough of a file's identity to notice that it changed before a resume: size and a digest of its head and tail."""
    from hashlib import blake2b

    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(65_536)
        file.seek(max(size - 65_536, 0))
        tail = file.read(65_536)
    return {"path": str(path.resolve()), "bytes": size, "digest": blake2b(head + tail, digest_size=16).hexdigest()}


def _refuse_twice(paths: Sequence[Path]) -> None:
    seen: set[Path] = set()
    for path in paths:
        if (real := path.resolve()) in seen:
            raise UsageError(f"{path}: is named twice; name each tape once")
        seen.add(real)


def _recognise(feeds: Mapping[str, tuple[FeedSpec, Feed]], feed: str | None, path: Path) -> str:
    head = read_head(path)
    if not head:
        raise DataError(f"{path}: the file is empty; nothing to replay")
    fitting = [name for name, (spec, _) in feeds.items() if spec.opens is not None and spec.opens(path, head)]
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
            f"{path}: no feed recognises this format (it starts with {start!r}). Known: raw captures, Tardis-style trades, "
            "Binance bulk trades and aggTrades; a plugin can add more (docs/architecture.md)"
        )
    return fitting[0]


def _combine(sources: list[FeedSource]) -> Input:
    symbols: dict[str, SymbolInput] = {}
    warnings: list[str] = []
    groups: dict[tuple[str, ...], list[_Member]] = {}
    for source in sources:
        info = source.info
        warnings.extend(info.warnings)
        for instrument in info.instruments:
            known = symbols.get(instrument.symbol)
            if known is not None and (difference := _difference(known, instrument, info.has_book)):
                raise UsageError(f"{info.description}: {instrument.symbol} {difference}; replay them in separate runs")
            symbols[instrument.symbol] = SymbolInput(instrument, info.has_book)
        events = source.events()
        first = next(events, None)
        if first is None:
            raise DataError(f"{info.description}: holds no events; nothing to replay")
        groups.setdefault(info.symbols, []).append(_Member(info.description, first, events))
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
    first: MarketEvent
    rest: Iterator[MarketEvent]


def _in_turn(members: list[_Member]) -> Iterator[MarketEvent]:
    members.sort(key=lambda member: member.first.receive_us)
    if len(members) == 1:
        return chain((members[0].first,), members[0].rest)
    return _joined(members)


def _joined(members: list[_Member]) -> Iterator[MarketEvent]:
    """One tape after the other. Raises DataError where one begins before the last one ended: its events would count twice."""
    before = ""
    last: MarketEvent | None = None
    for member in members:
        if last is not None and member.first.receive_us < last.receive_us - _OVERLAP_US:
            raise DataError(
                f"{member.description}: begins {(last.receive_us - member.first.receive_us) / 1e6:.1f} s before {before} ends; "
                "tapes of the same symbols must follow one another. Leave one out, or replay them in separate runs"
            )
        before, last = member.description, member.first
        yield last
        for last in member.rest:
            yield last


def _merge(streams: Iterable[Iterator[MarketEvent]]) -> Iterator[MarketEvent]:
    # A stable merge: equal receive times keep the order in which the tapes were named.
    return heapq.merge(*streams, key=lambda event: event.receive_us)
