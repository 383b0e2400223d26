"""The live source against a served exchange under seeded schedules of faults, over real sockets and in real time."""

import os
from collections import Counter
from typing import Final

import pytest
from fault_schedules import Schedule
from socket_schedules import run_many, run_over_sockets

from flashcrash_binance.market_feed.book_keeper import BookKeeper
from flashcrash_core.api import MarketKind

SCHEDULES: Final = int(os.environ.get("FLASHCRASH_SOCKET_SCHEDULES", "20"))


@pytest.mark.slow
def test_no_schedule_of_faults_makes_the_live_feed_tell_a_wrong_book() -> None:
    """Every told book equals the exchange's at its id, every hole is told, all is whole again within 3 s, queues stay short."""
    injected: Counter[str] = Counter()
    for seed, outcome in enumerate(run_many(range(SCHEDULES))):
        assert not outcome.broken, (
            f"{outcome.schedule}\n" + "\n".join(outcome.broken[:8]) + f"\npython tests/socket_schedules.py {seed}"
        )
        assert outcome.compared, f"{outcome.schedule}: no book was compared"
        injected += outcome.injected
    assert len(injected) >= min(SCHEDULES, 8), f"few kinds of faults happened: {injected}"


@pytest.mark.slow
def test_a_live_feed_that_takes_any_diff_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: continuity is not looked at. So the test above can fail."""
    monkeypatch.setattr(BookKeeper, "_chains", lambda *_: True)
    assert run_over_sockets(Schedule(1, "lose=20%:depth:all@2s-4s", 1, MarketKind.SPOT, 1, 0)).broken
