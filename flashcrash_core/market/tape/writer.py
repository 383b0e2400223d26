"""Writing tapes: events of one or several symbols in order of arrival, one tape per symbol and UTC day of event time.

The day is that of the event clock's watermark (:mod:`flashcrash_core.market.clock`): it never goes back, and one corrupt stamp does
not open another day. When a day begins while the book is synced, its tape starts with a snapshot of the book so far, so that it can
be read by itself; the snapshot is marked ``carried_snapshot``.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from attrs import define, field

from flashcrash_core.errors import DataError
from flashcrash_core.market.book_sync import BookSync, SyncState
from flashcrash_core.market.clock import FUTURE, LATE, EventClock
from flashcrash_core.market.events import BookDelta, BookSnapshot, FeedGap, MarketEvent, Rejected, Trade
from flashcrash_core.market.instruments import MarketKind
from flashcrash_core.market.tape.day_tape import DayTape, FinishedTape, TapeMarket, market_folder
from flashcrash_core.market.tape.days import day_name, day_of, require_plausible
from flashcrash_core.market.tape.manifest import TapeSourceFile
from flashcrash_core.market.tape.staging import Published, Staging

__all__ = ["FinishedTape", "TapeMarket", "TapeWriter", "market_folder", "write_tape"]

MAX_BACK_US: Final = 60_000_000
"""An event received so long before the newest one is no jitter: the file is not in order of arrival."""
_MAX_PENDING: Final = 10_000
"""Events held until the first one with an exchange time tells the day; then the receive time tells it."""


class TapeWriter:
    """Takes events, writes tapes into a :class:`Staging`. ``locate`` says which file and line the event taken last came from."""

    def __init__(
        self,
        staging: Staging,
        markets: Mapping[str, TapeMarket],
        *,
        sources: Sequence[TapeSourceFile] = (),
        warnings: Sequence[str] = (),
        locate: Callable[[], str] = str,
    ) -> None:
        self.finished: list[FinishedTape] = []
        self._symbols = {
            symbol: _Symbol(staging, market, list(sources), list(warnings), locate, self.finished)
            for symbol, market in markets.items()
        }
        self._locate = locate

    def take(self, event: MarketEvent) -> None:
        """Add an event. Raises DataError naming file and row for one that no tape may hold."""
        symbol = self._symbols.get(event.symbol)
        if symbol is None:
            raise DataError(
                f"{self._locate()}: an event of {event.symbol}, which its feed did not announce; report it to its author"
            )
        symbol.take(event)

    def note(self, symbol: str, what: str, detail: str, count: int = 1) -> None:
        """Mark the tape of the symbol's next event with what was found between the events."""
        self._symbols[symbol].note(what, detail, count)

    def finish(self) -> list[FinishedTape]:
        """The last tape of every symbol ends. All finished tapes, in order of symbol and day."""
        for symbol in self._symbols.values():
            symbol.finish()
        self.finished.sort(key=lambda tape: tape.relative)
        return self.finished


@define(slots=True)
class _Symbol:
    """One symbol's way through its days."""

    staging: Staging
    market: TapeMarket
    sources: list[TapeSourceFile]
    warnings: list[str]
    locate: Callable[[], str]
    finished: list[FinishedTape]
    clock: EventClock = field(init=False, factory=EventClock)
    sync: BookSync = field(init=False, factory=BookSync)
    day: int = field(init=False, default=-1)
    tape: DayTape | None = field(init=False, default=None)
    last_trade_id: int = field(init=False, default=-1)
    rounded: int = field(init=False, default=0)
    """Quantities rounded until the end of the last tape."""
    newest_receive_us: int = field(init=False, default=0)
    pending: list[MarketEvent] = field(init=False, factory=list)
    notes: list[tuple[str, str, int]] = field(init=False, factory=list)

    def note(self, what: str, detail: str, count: int) -> None:
        self.notes.append((what, detail, count))

    def take(self, event: MarketEvent) -> None:
        own_us = event.exchange_us
        if own_us is not None and self.day < 0:
            require_plausible(own_us, self.locate())
        act_us = self.clock.admit(event)
        if self.day < 0:
            if not self.clock.now_us and len(self.pending) < _MAX_PENDING:
                self.pending.append(event)
                return
            self._begin(day_of(self.clock.now_us or self._pending_us()), event)
            held, self.pending = self.pending, []
            for one in held:
                self._add(one, 0)
        elif self.clock.now_us >= self._tape().end_us:
            self._roll(day_of(self.clock.now_us), event)
        self._add(event, act_us)

    def _pending_us(self) -> int:
        """The day of events without any exchange time is that of their receive time."""
        received_us = next((event.receive_us for event in self.pending if event.receive_us), 0)
        if not received_us:
            raise DataError(f"{self.locate()}: no event has a time so far; there is no day to put them into")
        require_plausible(received_us, self.locate())
        return received_us

    def _tape(self) -> DayTape:
        assert self.tape is not None
        return self.tape

    def _begin(self, day: int, event: MarketEvent) -> None:
        self.day = day
        self.tape = DayTape(self.staging, self.market, day, self.locate)
        if self.sync.state is SyncState.SYNCED and self.market.has_book:
            book = self.sync.book
            carried = BookSnapshot(event.symbol, 0, None, event.receive_us, self.sync.update_id, tuple(book.bids), tuple(book.asks))
            self.tape.take(carried)
            self.tape.marks.note("carried_snapshot", 0, detail=f"update id {carried.update_id}")
            self._note_crossed(self.tape, 0)

    def _roll(self, day: int, event: MarketEvent) -> None:
        before = self.day
        self._end()
        if day > before + 1:
            missing = [day_name(one) for one in range(before + 1, min(day, before + 11))]
            more = "" if day - before <= 11 else " ..."
            self.notes.append(("missing_days", f"nothing from {', '.join(missing)}{more}", day - before - 1))
        self._begin(day, event)

    def _add(self, event: MarketEvent, act_us: int) -> None:
        tape = self._tape()
        row = tape.length
        if self.notes:  # they belong to the tape of the event that follows
            for what, detail, count in self.notes:
                tape.marks.note(what, row, self.clock.now_us, detail, count)
            self.notes.clear()
        kind = type(event)
        received_us = event.receive_us
        now_us = self.clock.now_us
        if received_us < self.newest_receive_us:
            if received_us or kind is not Rejected:
                back_us = self.newest_receive_us - received_us
                if back_us > MAX_BACK_US:
                    raise DataError(
                        f"{self.locate()}: event {row} of {event.symbol} was received {back_us / 1e6:.1f} s before one ahead of "
                        "it: the input is not in order of arrival. Sort the file by time, or import its parts one by one"
                    )
                tape.marks.note("out_of_order", row, now_us, f"received {back_us} us before one ahead of it")
        else:
            self.newest_receive_us = received_us
        if act_us == LATE:
            tape.marks.note("late", row, now_us)
        elif act_us == FUTURE:
            tape.marks.note("time_leap", row, now_us, f"exchange time {event.exchange_us}")
        if kind is Trade:
            trade_id: int = event.trade_id  # type: ignore[union-attr]
            last_id = self.last_trade_id
            if trade_id != last_id + 1 and last_id >= 0:
                self._note_trade_id(tape, row, trade_id, last_id)
            if trade_id > last_id:
                self.last_trade_id = trade_id
        elif isinstance(event, BookDelta):
            if not self.sync.on_delta(event):
                tape.marks.note("book_gap", row, now_us, f"update {event.first_id} to {event.last_id} does not continue the book")
            elif self.sync.state is not SyncState.SYNCED:
                tape.marks.note("book_unsynced", row, now_us, "updates before a snapshot that fits")
            else:
                self._note_crossed(tape, row)
        elif isinstance(event, BookSnapshot):
            self.sync.on_snapshot(event)
            self._note_crossed(tape, row)
        elif isinstance(event, FeedGap):
            tape.marks.note(f"feed_gap.{event.reason}", row, now_us)
            if act_us >= 0 and self.market.has_book and self.sync.state is SyncState.SYNCED:
                self.sync.lose("feed_gap")
        elif isinstance(event, Rejected):
            tape.marks.note(f"rejected.{event.reason}", row, now_us, event.detail)
        tape.take(event)

    def _note_crossed(self, tape: DayTape, row: int) -> None:
        book = self.sync.book
        if self.sync.state is SyncState.SYNCED and book.crossed():
            tape.marks.note(
                "book_crossed", row, self.clock.now_us, f"best bid {book.bids.best()}, best ask {book.asks.best()} ticks"
            )

    def _note_trade_id(self, tape: DayTape, row: int, trade_id: int, last_id: int) -> None:
        if trade_id <= last_id:
            tape.marks.note("trade_id_back", row, self.clock.now_us, f"trade id {trade_id} after {last_id}")
        elif self.market.instrument.kind is MarketKind.SPOT:  # in futures, ids skip the prints that are not of the market
            tape.marks.note("trade_id_gap", row, self.clock.now_us, f"trade id {trade_id} after {last_id}")

    def _end(self) -> None:
        tape, self.tape = self._tape(), None
        rounded = self.market.instrument.rounded_quantities
        done = tape.finish(self.sources, self.warnings, rounded=rounded - self.rounded, ever_synced=self.sync.ever_synced)
        self.rounded = rounded
        self.finished.append(done)

    def finish(self) -> None:
        """The end of the input."""
        if self.day < 0 and self.pending:
            last = self.pending[-1]
            self._begin(day_of(self._pending_us()), last)
            held, self.pending = self.pending, []
            for event in held:
                self._add(event, 0)
        if self.tape is not None:
            self._end()


def write_tape(
    out: Path,
    events: Iterable[MarketEvent],
    markets: Mapping[str, TapeMarket],
    *,
    sources: Sequence[TapeSourceFile] = (),
    warnings: Sequence[str] = (),
    force: bool = False,
) -> list[Published]:
    """Write all events as tapes below ``out`` and say where they are. Raises DataError, UsageError; leaves no half tape."""
    with Staging(out, force) as staging:
        writer = TapeWriter(staging, markets, sources=sources, warnings=warnings)
        for event in events:
            writer.take(event)
        return staging.publish({tape.relative: tape.manifest.hash for tape in writer.finish()})
