"""The feed against the exchange under seeded schedules of faults, in simulated time: the book that is told is always true."""

import os
from typing import Final

import pytest
from fault_schedules import Outcome, Schedule, run_schedule, schedule_of

from flashcrash_binance.market_feed.book_keeper import BookKeeper
from flashcrash_binance.market_feed.core import FeedCore
from flashcrash_binance.market_feed.merging import RecentPayloads, TradeMerge
from flashcrash_binance.market_feed.venue_requests import VenueRequests
from flashcrash_core.api import MarketKind

SCHEDULES: Final = int(os.environ.get("FLASHCRASH_SCHEDULES", "500"))
_BATCH: Final = 20
DIRECTED: Final = (
    ("lose=20%:depth:all@2s-4s", 1),
    ("gap=1:all@2s-2.5s", 2),
    ("drop=1:all@3s", 2),
    ("stale_snapshot@1s-5s,drop=1:all@2s", 1),
    ("corrupt=15%:depth:all@2s-4s", 1),
)
"""Faults and connections of the schedules by which planted bugs must be found."""


@pytest.mark.parametrize("first", range(0, SCHEDULES, _BATCH))
def test_no_schedule_of_faults_makes_the_feed_tell_a_wrong_book(first: int) -> None:
    """Every told book equals the exchange's at its id, every hole is told, all is whole again within 3 s, queues stay short."""
    for seed in range(first, min(first + _BATCH, SCHEDULES)):
        outcome = run_schedule(schedule_of(seed))
        assert not outcome.broken, (
            f"{outcome.schedule}\n" + "\n".join(outcome.broken[:8]) + f"\npython tests/fault_schedules.py {seed}"
        )
        assert outcome.compared, f"{outcome.schedule}: no book was compared"


def _first_found() -> Outcome | None:
    """The first directed schedule that breaks something."""
    schedules = (
        Schedule(seed, spec, 1, kind, connections, 0)
        for seed, (spec, connections) in enumerate(DIRECTED)
        for kind in (MarketKind.SPOT, MarketKind.USDM)
    )
    return next((outcome for outcome in map(run_schedule, schedules) if outcome.broken), None)


def test_the_directed_schedules_break_nothing_by_themselves() -> None:
    """What the planted bugs are found by does not cry wolf."""
    assert _first_found() is None


def test_a_feed_that_takes_any_diff_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: continuity is not looked at."""
    monkeypatch.setattr(BookKeeper, "_chains", lambda *_: True)
    assert _first_found() is not None


def test_a_feed_that_tells_no_hole_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: the book is lost silently."""
    monkeypatch.setattr(FeedCore, "_tell_gap", lambda *_: None)
    assert _first_found() is not None


def test_a_feed_that_gives_up_after_one_snapshot_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: a book that was lost is never asked for again."""
    sound = VenueRequests.resync
    monkeypatch.setattr(VenueRequests, "resync", lambda self, one, at_us: sound(self, one, at_us + 60_000_000))
    assert _first_found() is not None


def test_a_feed_that_tells_trades_twice_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: both connections' trades are told."""
    monkeypatch.setattr(RecentPayloads, "is_new", lambda *_: True)
    monkeypatch.setattr(TradeMerge, "accept", lambda *_: True)
    assert _first_found() is not None
