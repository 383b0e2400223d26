"""What a source yields on sound data: legal records, as announced, numbered by the run, in order of arrival, each trade once."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Final

from flashcrash_core.market.events import (
    BestQuote,
    BookDelta,
    BookSnapshot,
    Continuity,
    Event,
    FeedGap,
    MarketEvent,
    Rejected,
    Side,
    Timer,
    Trade,
)
from flashcrash_core.testing.battery import check
from flashcrash_core.testing.checks.feed.sources import (
    FeedSubject,
    Numbers,
    first_events,
    from_recordings,
    require,
    sample,
    shown,
    source_of,
)

__all__ = ["events_are_as_announced", "events_are_in_order", "events_are_legal", "events_bear_given_numbers", "trades_come_once"]

LEGAL: Final = (Trade, BookSnapshot, BookDelta, BestQuote, FeedGap, Timer, Rejected)
_POSITIVE: Final = {
    Trade: ("price_ticks", "qty_lots"),
    BestQuote: ("bid_ticks", "bid_lots", "ask_ticks", "ask_lots"),
}
_WHOLE_NUMBERS: Final = {
    Trade: ("trade_id",),
    BestQuote: ("update_id",),
    BookSnapshot: ("update_id",),
    BookDelta: ("first_id", "last_id"),
}
_TEXTS: Final = {FeedGap: ("reason",), Rejected: ("reason", "detail")}


@check("feed", applies=from_recordings)
def events_are_legal(subject: FeedSubject) -> None:
    """Every event is one of the kernel's records with fields of the declared types: exact integers, positive prices and sizes."""
    for index, event in _read(subject):
        require(type(event) in LEGAL, subject, f"{shown(event, index)} is no event that a feed may deliver")
        fault = _fault_of(event)
        require(not fault, subject, f"{shown(event, index)}: {fault}")


@check("feed", applies=from_recordings)
def events_are_as_announced(subject: FeedSubject) -> None:
    """`info` keeps its word: each event is of an announced symbol, and a book comes if and only if has_book says so."""
    seen: set[type] = set()
    with sample(subject) as path, source_of(subject, path) as source:
        told = source.info
        for index, event in enumerate(first_events(subject, source)):
            seen.add(type(event))
            require(event.symbol in told.symbols, subject, f"{shown(event, index)} is of none of info.symbols {told.symbols}")
            is_book = isinstance(event, BookSnapshot | BookDelta)
            require(told.has_book or not is_book, subject, f"{shown(event, index)} is of a book, but info.has_book is False")
    if subject.spec.live:
        return
    require(bool(seen), subject, "sound data gave no event at all")
    has_book = bool(seen & {BookSnapshot, BookDelta})
    require(has_book or not told.has_book, subject, "info.has_book is True, but sound data gave no snapshot and no delta")


@check("feed", applies=from_recordings)
def events_bear_given_numbers(subject: FeedSubject) -> None:
    """Each event's seq is a number that `next_seq` gave, in rising order: one counter serves all feeds of a run."""
    numbers = Numbers()
    with sample(subject) as path, source_of(subject, path, next_seq=numbers) as source:
        last = 0
        for index, event in enumerate(first_events(subject, source)):
            require(event.seq in numbers, subject, f"{shown(event, index)} has a seq that request.next_seq() never gave")
            require(event.seq > last, subject, f"{shown(event, index)} comes after seq {last}; number in order of yield")
            last = event.seq


@check("feed", applies=from_recordings)
def events_are_in_order(subject: FeedSubject) -> None:
    """Events come in order of arrival: receive_us never goes back on sound data (0 in a Rejected means that it is not known)."""
    last_us = 0
    for index, event in _read(subject):
        if isinstance(event, Rejected) and not event.receive_us:
            continue
        back_us = last_us - event.receive_us
        require(back_us <= 0, subject, f"{shown(event, index)} was received {back_us} us before the event ahead of it")
        last_us = event.receive_us


@check("feed", applies=from_recordings)
def trades_come_once(subject: FeedSubject) -> None:
    """No trade of a symbol comes twice: sound data bears each trade_id once."""
    seen: dict[str, set[int]] = defaultdict(set)
    for index, event in _read(subject):
        if isinstance(event, Trade):
            known = seen[event.symbol]
            require(event.trade_id not in known, subject, f"{shown(event, index)}: trade_id {event.trade_id} came before")
            known.add(event.trade_id)


def _read(subject: FeedSubject) -> Iterator[tuple[int, MarketEvent]]:
    with sample(subject) as path, source_of(subject, path) as source:
        yield from enumerate(first_events(subject, source))


# -- fields --------------------------------------------------------------------------------------------------------------


def _fault_of(event: Event) -> str:
    """What is wrong with the fields of a legal event, "" if nothing. Bool and numpy integers are no integers here."""
    kind: Any = type(event)
    if type(event.symbol) is not str:
        return f"symbol is {event.symbol!r}"
    if type(event.seq) is not int:
        return f"seq is {event.seq!r}, not an int"
    if not (event.exchange_us is None or (type(event.exchange_us) is int and event.exchange_us > 0)):
        return f"exchange_us is {event.exchange_us!r}; give a positive int, or None where the venue sends no time"
    if not (type(event.receive_us) is int and event.receive_us >= 0):
        return f"receive_us is {event.receive_us!r}, not an int of microseconds"
    for name in _POSITIVE.get(kind, ()):
        value = getattr(event, name)
        if not (type(value) is int and value > 0):
            return f"{name} is {value!r}; prices are whole ticks, sizes whole lots, both positive"
    for name in _WHOLE_NUMBERS.get(kind, ()):
        if type(getattr(event, name)) is not int:
            return f"{name} is {getattr(event, name)!r}, not an int"
    for name in _TEXTS.get(kind, ()):
        text = getattr(event, name)
        if not (isinstance(text, str) and text.strip()):
            return f"{name} is {text!r}; say in words what happened"
    if isinstance(event, Trade) and type(event.aggressor) is not Side:
        return f"aggressor is {event.aggressor!r}, not a Side"
    if isinstance(event, BookSnapshot | BookDelta):
        return _fault_of_levels(event)
    return ""


def _fault_of_levels(event: BookSnapshot | BookDelta) -> str:
    lowest = 1 if isinstance(event, BookSnapshot) else 0
    for name, levels in (("bids", event.bids), ("asks", event.asks)):
        for level in levels:
            if not (isinstance(level, tuple) and len(level) == 2 and all(type(part) is int for part in level)):
                return f"{name} has {level!r}; a level is a tuple (price_ticks, qty_lots) of ints"
            if level[0] <= 0 or level[1] < lowest:
                return f"{name} has {level!r}; prices are positive, and only a delta may remove a level with 0 lots"
    if isinstance(event, BookSnapshot):
        bids, asks = [price for price, _ in event.bids], [price for price, _ in event.asks]
        if bids != sorted(bids, reverse=True) or asks != sorted(asks):
            return "a snapshot's levels come best first"
        return ""
    if event.first_id > event.last_id + 1:
        return f"runs from update id {event.first_id} back to {event.last_id}"
    if not (event.prev_id is None or type(event.prev_id) is int) or type(event.continuity) is not Continuity:
        return f"prev_id {event.prev_id!r} or continuity {event.continuity!r} is of the wrong type"
    return ""
