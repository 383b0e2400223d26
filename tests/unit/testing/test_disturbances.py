"""Disturbed tapes differ from the tape in the way that is asked for, and in no other."""

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise

import msgspec
import pytest

from flashcrash_core.api import BestQuote, BookDelta, BookSnapshot, MarketEvent, Timer, Trade
from flashcrash_core.market.accumulator import FeatureAccumulator
from flashcrash_core.testing import Tape, tape
from flashcrash_core.testing.tapes import delayed, duplicated, reordered, same_timestamps
from flashcrash_core.testing.tapes.arrival import check_arrival

Disturbance = Callable[[Sequence[MarketEvent], int], tuple[MarketEvent, ...]]
ALL: tuple[Disturbance, ...] = (delayed, duplicated, reordered, same_timestamps)


@pytest.fixture(scope="module")
def crash() -> Tape:
    """A crash, long enough to have been calm before."""
    return tape("crash_and_bounce", seconds=150)


def counts(events: Sequence[MarketEvent], one: Tape) -> Counter[str]:
    """What the accumulator counted of these events: ``late``, ``trades``, and the book's ``sync.*``."""
    market = FeatureAccumulator(one.instrument, has_book=True, source_is_mid=True)
    for event in events:
        act_us = market.admit(event)
        if act_us < 0:
            market.apply_late(event)
            continue
        while 0 < market.next_row_us <= act_us:
            market.close_row()
        market.apply(event, act_us)
    return market.counts + Counter({f"sync.{name}": number for name, number in market.sync.counts.items()})


def bare(event: MarketEvent) -> MarketEvent:
    """The event without what a disturbance may change."""
    return msgspec.structs.replace(event, seq=0, receive_us=0)


@pytest.mark.parametrize("disturb", ALL)
def test_a_disturbance_is_a_function_of_events_and_seed(disturb: Disturbance, crash: Tape) -> None:
    """The same seed gives the same events, another seed others, and the input is not what comes out."""
    first = disturb(crash.events, 1)
    assert first == disturb(crash.events, 1)
    assert first != disturb(crash.events, 2)
    assert first != crash.events


@pytest.mark.parametrize("disturb", ALL)
@pytest.mark.parametrize("name", ["calm", "gap", "flat", "empty_book"])
def test_a_disturbed_tape_still_arrives_in_order(disturb: Disturbance, name: str) -> None:
    """``seq`` counts on, ``receive_us`` never goes back, the timer stays last, and the book keeps its own order."""
    events = tape(name, seconds=120).events
    disturbed = disturb(events, 3)
    check_arrival(disturbed)
    assert isinstance(disturbed[-1], Timer)
    book = [e.last_id for e in disturbed if isinstance(e, BookDelta)]
    assert book == sorted(book)
    assert sum(isinstance(e, BookSnapshot) for e in disturbed) == sum(isinstance(e, BookSnapshot) for e in events)


@pytest.mark.parametrize("disturb", [delayed, reordered])
def test_delay_and_another_order_lose_and_change_nothing(disturb: Disturbance, crash: Tape) -> None:
    """Every event arrives exactly once, with its own exchange time and content."""
    assert sorted(map(repr, map(bare, disturb(crash.events, 1)))) == sorted(map(repr, map(bare, crash.events)))


@pytest.mark.parametrize("disturb", [delayed, reordered])
def test_events_beyond_the_watermark_are_late_and_those_inside_are_not(
    disturb: Callable[..., tuple[MarketEvent, ...]], crash: Tape
) -> None:
    """With ``beyond_us`` some trades are too late for the indicators; without it none is, and no trade is lost."""
    whole = counts(crash.events, crash)["trades"]
    beyond = counts(disturb(crash.events, 1), crash)
    inside = counts(disturb(crash.events, 1, beyond_us=0), crash)
    assert beyond["late"] > 10
    assert beyond["trades"] == whole - beyond["late"]
    assert inside["late"] == 0
    assert inside["trades"] == whole


def test_delay_shows_in_the_receive_times_and_another_order_does_not(crash: Tape) -> None:
    """Delayed events bear later receive times; reordered ones take those of the events whose places they have."""
    times = [event.receive_us for event in crash.events]
    assert sum(event.receive_us for event in delayed(crash.events, 1)) > sum(times)
    assert [event.receive_us for event in reordered(crash.events, 1)] == times


def test_duplicates_follow_at_once_and_bear_the_same_ids(crash: Tape) -> None:
    """Each duplicate equals the event before it; the book notices those of deltas and stays whole."""
    events = duplicated(crash.events, 1)
    twice = [after for before, after in pairwise(events) if bare(before) == bare(after)]
    assert len(twice) == len(events) - len(crash.events)
    assert {type(event) for event in twice} == {Trade, BestQuote, BookDelta}
    seen = counts(events, crash)
    assert seen["sync.old_deltas"] == sum(isinstance(event, BookDelta) for event in twice)
    assert seen["sync.gaps"] == 0


def test_shared_timestamps_stay_inside_the_tolerance(crash: Tape) -> None:
    """Exchange times move back by less than 200 ms, never on, in many groups of many events; nothing becomes late."""
    events = same_timestamps(crash.events, 1)
    moved = [
        (was.exchange_us or 0) - (now.exchange_us or 0) for was, now in zip(crash.events, events, strict=True) if was.exchange_us
    ]
    assert min(moved) >= 0
    assert 0 < max(moved) < 200_000
    groups = Counter(event.exchange_us for event in events if event.exchange_us is not None)
    assert sum(number >= 3 for number in groups.values()) > 50
    assert counts(events, crash)["late"] == 0
