"""The event clock: watermark, lateness, leaps and latency."""

import random

import pytest

from flashcrash_core.market.clock import FUTURE, LATE, LATE_TOLERANCE_US, EventClock
from flashcrash_core.market.events import FeedGap

S = 1_000_000


def event(exchange_us: int | None, receive_us: int | None = None) -> FeedGap:
    """Any event with these times; received at its exchange time unless said otherwise."""
    return FeedGap("X", 1, exchange_us, (exchange_us or 0) if receive_us is None else receive_us, "test")


def test_an_event_acts_at_its_time_or_at_the_watermark() -> None:
    """A later event moves the clock; one up to 250 ms behind acts now; one without a time acts now."""
    clock = EventClock()
    assert clock.admit(event(10 * S)) == 10 * S
    assert clock.admit(event(10 * S - LATE_TOLERANCE_US)) == 10 * S
    assert clock.admit(event(None)) == 10 * S
    assert clock.admit(event(10 * S + 1)) == 10 * S + 1


def test_late_events_are_told_and_move_nothing() -> None:
    """More than 250 ms behind the watermark is late, and a clock jumping back never moves now back."""
    clock = EventClock()
    clock.admit(event(10 * S))
    assert clock.admit(event(10 * S - LATE_TOLERANCE_US - 1)) == LATE
    assert clock.admit(event(1 * S)) == LATE
    assert clock.now_us == 10 * S


def test_events_before_the_first_time_act_at_zero() -> None:
    """Before any exchange time is known there is no now."""
    clock = EventClock()
    assert clock.admit(event(None, 5)) == 0
    assert clock.now_us == 0


def test_absurd_stamp_is_refused_but_a_long_silence_is_not() -> None:
    """A leap of more than a minute that the receive time does not share is a corrupt stamp; a pause in both is a pause."""
    clock = EventClock()
    clock.admit(event(10 * S))
    assert clock.admit(event(10_000 * S, 11 * S)) == FUTURE
    assert clock.now_us == 10 * S
    assert clock.admit(event(10_000 * S, 10_000 * S)) == 10_000 * S


def test_latency_is_relative_to_the_smallest_difference() -> None:
    """Clocks differ: latency is receive minus exchange less the smallest such difference so far."""
    clock = EventClock()
    latencies = []
    for exchange_us, receive_us in ((10 * S, 9 * S), (11 * S, 10 * S + 300), (12 * S, 11 * S - 50), (13 * S, 12 * S)):
        clock.admit(event(exchange_us, receive_us))
        latencies.append(clock.latency_us)
    assert latencies == [0, 300, 0, 50]
    clock.admit(event(None))
    assert clock.latency_us == -1
    assert clock.timer_us(20 * S) == 21 * S + 50


@pytest.mark.parametrize("seed", range(10))
def test_now_never_goes_back(seed: int) -> None:
    """Whatever the order of times, the watermark is the largest admitted one, also across snapshot and restore."""
    rng = random.Random(seed)
    clock, largest = EventClock(), 0
    for _ in range(300):
        own = 1000 * S + rng.randrange(5 * S)
        act_us = clock.admit(event(own))
        assert (act_us == LATE) is (own < largest - LATE_TOLERANCE_US), f"seed {seed}"
        largest = max(largest, own)
        assert clock.now_us == largest, f"seed {seed}"
        twin = EventClock()
        twin.restore(clock.snapshot())
        clock = twin


def test_a_wrong_first_stamp_does_not_lock_the_clock() -> None:
    """After a first stamp years off, twenty stamps that agree with each other set the clock; nothing is lost for good."""
    clock = EventClock()
    clock.admit(event(1 * S, 1_000 * S))
    taken = [clock.admit(event(1_000 * S + i * S, 1_000 * S + i * S)) for i in range(25)]
    assert taken[:19] == [FUTURE] * 19
    assert taken[19:] == [1_000 * S + i * S for i in range(19, 25)]
    assert clock.steps == 1
    assert clock.latency_us == 0


def test_stray_stamps_never_add_up_to_a_step() -> None:
    """Corrupt stamps between good ones are refused one by one, however many there are."""
    clock = EventClock()
    clock.admit(event(10 * S))
    for i in range(1, 100):
        assert clock.admit(event(10 * S + i * 1000 + 60 * S, 10 * S + i * 1000)) == FUTURE
        assert clock.admit(event(10 * S + i * 1000)) == 10 * S + i * 1000
    assert clock.steps == 0


def test_a_stamp_some_seconds_ahead_is_refused() -> None:
    """Five seconds more than the receive time explains is the most that the watermark is ever dragged ahead."""
    clock = EventClock()
    clock.admit(event(10 * S))
    assert clock.admit(event(15 * S + 1, 10 * S)) == FUTURE
    assert clock.admit(event(15 * S, 10 * S)) == 15 * S
