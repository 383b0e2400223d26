"""The base of live sources: a loop that runs while the runner waits, in the runner's own thread."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count, islice

import pytest

from flashcrash_core.api import BookSnapshot, DataTier, LiveSource, MarketEvent, SourceInfo, Timer, Trade, VenueError
from flashcrash_core.market.events import Side

INFO = SourceInfo(("TESTUSDT",), False, DataTier.TRADES, (), "a test")


def trade(number: int) -> Trade:
    """A trade with that number."""
    return Trade("TESTUSDT", number, number, number, number, 100, 1, Side.BUY)


class Numbers(LiveSource):
    """Says a trade every turn of the loop, ``limit`` of them; a Timer each 10 ms after that."""

    def __init__(self, limit: int = 1_000_000, *, first_event_s: float = 5.0) -> None:
        super().__init__(first_event_s=first_event_s)
        self.limit = limit
        self.numbers = count(1)
        self.ended = 0
        self.threads: set[threading.Thread] = set()

    @property
    def info(self) -> SourceInfo:
        return INFO

    def begin(self) -> None:
        self.loop.call_soon(self.speak)

    def speak(self) -> None:
        self.threads.add(threading.current_thread())
        number = next(self.numbers)
        spoken = number <= self.limit
        self.arrived.append(trade(number) if spoken else Timer("TESTUSDT", number, number, number))
        self.wake()
        self.loop.call_later(0 if spoken else 0.01, self.speak)

    async def end(self) -> None:
        self.ended += 1

    def silence(self) -> str:
        return "nobody spoke; wait"


@contextmanager
def closing(source: Numbers) -> Iterator[Numbers]:
    """Closed at the end of the block."""
    try:
        yield source
    finally:
        source.close()


def test_events_come_in_order_from_a_loop_in_the_callers_thread() -> None:
    """What the loop puts out is handed out in order, and everything happens in the thread that asks."""
    with closing(Numbers()) as source:
        got = list(islice(source.events(), 500))
        assert [event.seq for event in got] == list(range(1, 501))
        assert source.threads == {threading.current_thread()}


def test_the_loop_rests_while_events_are_waiting() -> None:
    """Nothing is read ahead: the loop turns only when all that had arrived was handed out."""
    with closing(Numbers()) as source:
        events = source.events()
        for taken in range(1, 50):
            next(events)
            assert next(source.numbers) <= taken + 3
            source.numbers = count(taken + 1)


def test_a_silent_market_is_an_error_that_says_why() -> None:
    """No word of the market within the time limit raises VenueError with the source's own reason; Timers are no word."""
    with (
        closing(Numbers(0, first_event_s=0.1)) as source,
        pytest.raises(VenueError, match=r"no event within 0\.1 s; nobody spoke; wait"),
    ):
        next(source.events())


def test_what_time_said_before_the_market_is_not_lost() -> None:
    """A Timer that came before the first trade is handed out before it."""
    with closing(Numbers()) as source:
        source.arrived.append(Timer("TESTUSDT", 0, 0, 0))
        assert [event.seq for event in islice(source.events(), 2)] == [0, 1]


def test_a_source_that_is_not_wanted_ends_in_a_silent_market() -> None:
    """Whoever waits may give up while nothing arrives: the events end without an error."""

    class Mute(Numbers):
        def speak(self) -> None:
            self.arrived.append(trade(1))
            self.wake()

    with closing(Mute()) as source:
        events = source.events()
        assert next(events) == trade(1)
        answers = iter([True, True, False])
        source.wanted = lambda: next(answers)
        assert list(events) == []
        assert next(answers, None) is None


def test_a_snapshot_is_no_word_of_the_streams() -> None:
    """An answer to a question does not count as hearing the market."""
    with closing(Numbers(0, first_event_s=0.1)) as source:
        source.arrived.append(BookSnapshot("TESTUSDT", 1, None, 1, 1, [], []))
        events = source.events()
        with pytest.raises(VenueError):
            next(events)


def test_a_failure_ends_the_events_after_what_had_arrived() -> None:
    """fail() raises its error once the events before it were handed out."""
    with closing(Numbers()) as source:
        events = source.events()
        first = next(events)
        source.arrived.extend([trade(first.seq + 1), trade(first.seq + 2)])
        source.fail(VenueError("the market is gone"))
        got: list[MarketEvent] = []
        with pytest.raises(VenueError, match="the market is gone"):
            got.extend(iter(lambda: next(events), None))
        assert next(events, None) is None


def test_what_a_callback_or_a_task_raises_ends_the_events() -> None:
    """A defect in a callback is not swallowed by the loop."""

    def broken() -> None:
        raise ZeroDivisionError("a defect")

    with closing(Numbers(1)) as source:
        events = source.events()
        next(events)
        source.loop.call_soon(broken)
        with pytest.raises(ZeroDivisionError):
            list(events)


def test_close_ends_the_events_from_another_thread() -> None:
    """A source that is waiting for an event notices that another thread closes it, and leaves nothing running."""
    source = Numbers(1)
    events = source.events()
    next(events)
    got: list[MarketEvent] = []
    waiting = threading.Thread(target=lambda: got.extend(events))
    waiting.start()
    source.close()
    waiting.join(10)
    assert not waiting.is_alive()
    assert source.loop.is_closed()
    assert source.ended == 1
    source.close()
    assert source.ended == 1
    assert list(source.events()) == []


def test_close_cancels_what_still_runs() -> None:
    """Tasks of the subclass are cancelled and awaited before the loop closes, whatever end() forgot."""
    done: list[str] = []

    async def forever() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            done.append("cancelled")
            raise

    with closing(Numbers()) as source:
        next(source.events())
        task = source.loop.create_task(forever())
        source.run(asyncio.sleep(0))
    assert task.cancelled()
    assert done == ["cancelled"]
