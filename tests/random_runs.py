"""Random runs for two engines to agree on: random settings over simulated markets in which random things go wrong.

    python tests/random_runs.py [--first 0] [--runs 100] [--minutes 8]

compares both engines over them; a seed that differs is printed and can be run again by itself.
"""

import argparse
import heapq
import random
import time
from collections.abc import Callable
from operator import attrgetter
from typing import Any

from attrs import evolve
from engine_pair import Market, batched, differences, market_of, request, streamed
from msgspec.structs import replace

from flashcrash_core.batch import lane_columns
from flashcrash_core.market.events import BestQuote, BookDelta, BookSnapshot, FeedGap, MarketEvent, Rejected, Timer
from flashcrash_core.runtime.batching import BatchRefused
from flashcrash_core.runtime.launch import RunRequest

__all__ = ["random_run"]

INDICATORS = ("acceleration", "imbalance", "spread", "volume_delta", "message_velocity", "candle_patterns", "depth")
SYMBOLS = ("AAAUSDT", "BBBUSDT", "CCCUSDT")
EAGER = (
    "strategy.score_threshold=0", "strategy.volume_ratio=0", "strategy.min_range_pct=0", "strategy.min_edge_bp=0",
    "strategy.cooldown_fill_s=0", "detector.warmup_s=10", "detector.minimum_available=2", "detector.confirmations=2",
    "scorer.liquidity_gate=false",
)  # fmt: skip
"""What lets a run buy something sooner."""
Events = list[MarketEvent]


def random_run(seed: int) -> tuple[RunRequest, Market]:
    """The run of that seed. Without a book the symbols have none."""
    rng = random.Random(f"run {seed}")
    number = rng.choice((1, 1, 1, 2, 2, 3))
    overrides = [f"run.seed={seed}", *_settings(rng)]
    if number == 1 and rng.random() < 0.3:
        overrides.append(f'feeds.simulated.preset="{rng.choice(("calm", "crash_without_bounce", "up_squeeze"))}"')
    long = number == 1 and rng.random() < 0.5
    overrides += [
        f"feeds.simulated.calm_s={rng.randint(330, 500) if long else rng.randint(20, 120)}",
        f"feeds.simulated.aftermath_s={rng.choice((0, 10, 60, 120))}",
        f"feeds.simulated.trades_per_s={rng.choice((1, 3, 8))}",
        f"feeds.simulated.quotes_per_s={rng.choice((1, 3, 8))}",
    ]
    asked = request(*overrides, symbols=SYMBOLS[:number], profile=rng.choice((None, None, "seed")))
    market = market_of(asked)
    streams = {symbol: [event for event in market.events if event.symbol == symbol] for symbol in market.symbols}
    symbols = dict(market.symbols)
    for symbol, known in market.symbols.items():
        for _ in range(rng.choice((0, 1, 2, 4))):
            streams[symbol] = rng.choice(DISTURBANCES)(rng, streams[symbol])
        if rng.random() < 0.2 and not any("price_source" in override for override in overrides):
            without = (BookDelta, BookSnapshot) if rng.random() < 0.3 else (BookDelta, BookSnapshot, BestQuote)
            streams[symbol] = [event for event in streams[symbol] if not isinstance(event, without)]
            symbols[symbol] = evolve(known, has_book=False)
    step_us = rng.choice((0, 0, 10_000, 100_000, 1_000_000))
    if step_us:  # many events of all symbols at the same time
        streams = {
            symbol: [replace(event, receive_us=event.receive_us // step_us * step_us) for event in events]
            for symbol, events in streams.items()
        }
    merged = heapq.merge(*streams.values(), key=attrgetter("receive_us"))
    return asked, Market([replace(event, seq=seq) for seq, event in enumerate(merged, 1)], symbols)


def _settings(rng: random.Random) -> list[str]:
    """Some settings that decide when a detector wakes, what it does then, and what is bought."""

    def some(share: float, *choices: str) -> list[str]:
        return [rng.choice(choices)] if rng.random() < share else []

    chosen = some(0.8, "detector.warmup_s=0", "detector.warmup_s=10", "detector.warmup_s=60")
    chosen += some(0.4, "detector.alert_count=1", "detector.alert_count=3")
    chosen += some(0.4, "detector.confirmations=1", "detector.confirmations=2", "detector.confirmations_with_velocity=1")
    chosen += some(0.4, "detector.minimum_available=1", "detector.minimum_available=2", "detector.minimum_available=5")
    chosen += some(0.3, "detector.alert_hold_s=0", "detector.alert_hold_s=1.05", "detector.alert_hold_s=2")
    chosen += some(0.3, "detector.hold_s=0", "detector.hold_s=0.45", "detector.hold_s=5")
    chosen += some(0.3, "detector.dip_tolerance_s=0", "detector.dip_tolerance_s=0.25", "detector.dip_tolerance_s=2")
    chosen += some(0.3, "detector.velocity_memory_s=0", "detector.velocity_memory_s=20")
    chosen += some(0.3, "detector.alert_drawdown_bp=0", "detector.alert_drawdown_bp=5", "detector.direction_gate=false")
    chosen += some(0.2, "detector.drawdown_window_s=1", "detector.drawdown_window_s=120.05")
    chosen += some(0.2, "detector.dwell_s=0", "detector.dwell_s=5")
    chosen += some(0.3, "detector.freeze_baselines=false", "detector.freeze_max_s=3")
    chosen += some(0.3, "detector.alert_max_s=2", "detector.active_max_s=3", "detector.recovery_max_s=2")
    chosen += some(0.3, "detector.active_release_s=0.5", "detector.alert_release_s=0.5", "detector.recovery_calm_s=0")
    chosen += some(0.2, "detector.unhealthy_sleep_s=0.5", "detector.flapping_transitions=1", "detector.flapping_window_s=600")
    chosen += some(0.4, 'detector.entry_states=["ACTIVE", "RECOVERY"]', "detector.entry_states=[]")
    chosen += some(0.3, "run.max_silence_s=0.5", "run.max_silence_s=2", "run.max_silence_s=20")
    chosen += some(0.15, 'run.price_source="trade"', 'run.price_source="mid"')
    chosen += some(0.6, "strategy.score_threshold=0", "strategy.score_threshold=30")
    chosen += some(0.5, "strategy.volume_ratio=0")
    chosen += some(0.5, "strategy.min_range_pct=0")
    chosen += some(0.3, 'strategy.levels="rolling_range"', 'strategy.levels="empirical"')
    chosen += some(0.2, 'strategy.order_type="market"', "strategy.max_hold_s=1", "strategy.entry_ttl_s=0.2")
    chosen += some(0.2, "strategy.volume_bars=5", "strategy.range_samples=40", "strategy.trailing_atr_bars=3")
    chosen += some(0.2, "risk.max_drawdown_pct=0.01", "risk.max_drawdown_pct=0.0001")
    chosen += some(0.2, 'fills.model="M0"', 'fills.model="M1"')
    for name in rng.sample(INDICATORS, rng.choice((0, 0, 1, 3, 5))):
        if not (name == "acceleration" and rng.random() < 0.5):
            chosen.append(f"indicators.{name}.enabled=false")
    if rng.random() < 0.5:
        chosen += ["indicators.volatility.trigger=1.5", "indicators.volatility.release=1.2", "indicators.volatility.min_sigma=0"]
    if rng.random() < 0.5:
        chosen += ["indicators.message_velocity.trigger=1.2", "indicators.message_velocity.release=1"]
    if rng.random() < 0.4:
        chosen += ["indicators.imbalance.trigger=-0.1", "indicators.imbalance.release=0"]
    if rng.random() < 0.4:
        chosen += [f"indicators.{name}.min_samples=20" for name in ("volatility", "spread", "volume_delta", "message_velocity")]
    if rng.random() < 0.3:
        chosen += ["indicators.depth.trigger=0.8", "indicators.depth.release=0.9", "indicators.acceleration.level=0.0001"]
    if rng.random() < 0.5:
        chosen += [one for one in EAGER if one.partition("=")[0] not in {other.partition("=")[0] for other in chosen}]
    return chosen


# -- what may go wrong -----------------------------------------------------------------------------------------------


def _stretch(rng: random.Random, events: Events, longest_us: int) -> tuple[int, int]:
    """First and one past the last event of a stretch of time."""
    if not events:
        return 0, 0
    first = rng.randrange(len(events))
    length_us = int(longest_us * rng.random() ** 3) + 50_000
    until_us = events[first].receive_us + length_us
    last = next((i for i in range(first, len(events)) if events[i].receive_us > until_us), len(events))
    return first, last


def silence(rng: random.Random, events: Events) -> Events:
    """Nothing was heard for up to a minute; the feed may know it."""
    first, last = _stretch(rng, events, 60_000_000)
    told: Events = []
    if last < len(events) and rng.random() < 0.5:
        after = events[last]
        told = [FeedGap(after.symbol, 0, after.exchange_us if rng.random() < 0.5 else None, after.receive_us, "reconnect")]
    return [*events[:first], *told, *events[last:]]


def pause(rng: random.Random, events: Events) -> Events:
    """The market itself stood still, for up to half an hour: all that follows is later."""
    first, _ = _stretch(rng, events, 1)
    later_us = rng.choice((400_000, 2_500_000, 30_000_000, 880_000_000, 1_800_000_000))
    return events[:first] + [_moved(event, later_us, later_us) for event in events[first:]]


def stall(rng: random.Random, events: Events) -> Events:
    """A stretch arrives all at once at its end."""
    first, last = _stretch(rng, events, 20_000_000)
    at_us = events[last - 1].receive_us if last else 0
    return events[:first] + [replace(event, receive_us=at_us) for event in events[first:last]] + events[last:]


def slow(rng: random.Random, events: Events) -> Events:
    """A stretch arrives late, each event by as much."""
    first, last = _stretch(rng, events, 30_000_000)
    late_us = rng.choice((300_000, 1_200_000))
    return events[:first] + [_moved(event, 0, late_us) for event in events[first:last]] + events[last:]


def leap(rng: random.Random, events: Events) -> Events:
    """Stamps of a stretch leap ahead, or lag."""
    first, last = _stretch(rng, events, rng.choice((200_000, 30_000_000)))
    by_us = rng.choice((4_900_000, 6_000_000, 10**10, -100_000, -260_000, -10_000_000))
    return events[:first] + [_moved(event, by_us, 0) for event in events[first:last]] + events[last:]


def unstamped(rng: random.Random, events: Events) -> Events:
    """Some events have no time of their own."""
    share = rng.choice((0.01, 0.5))
    return [replace(event, exchange_us=None) if rng.random() < share else event for event in events]


def unordered(rng: random.Random, events: Events) -> Events:
    """Some events are a few places too early."""
    events = list(events)
    for _ in range(len(events) // rng.choice((20, 500))):
        place = rng.randrange(len(events))
        events.insert(max(place - rng.randrange(1, 30), 0), events.pop(place))
    return events


def lost(rng: random.Random, events: Events) -> Events:
    """Some messages are missing: the book's chain breaks until there is a snapshot again."""
    share = rng.choice((0.0005, 0.02))
    return [event for event in events if rng.random() >= share]


def nonsense(rng: random.Random, events: Events) -> Events:
    """Refused messages and timers in between."""
    made: Events = []
    for event in events:
        made.append(event)
        if rng.random() < 0.02:
            head = event.symbol, 0, event.exchange_us if rng.random() < 0.5 else None, event.receive_us
            made.append(Timer(*head) if rng.random() < 0.5 else Rejected(*head, "not_positive", "line 3"))
    return made


def _moved(event: MarketEvent, own_us: int, received_us: int) -> MarketEvent:
    own = None if event.exchange_us is None else event.exchange_us + own_us
    return replace(event, exchange_us=own, receive_us=event.receive_us + received_us)


DISTURBANCES: tuple[Callable[[random.Random, Events], Events], ...] = (
    silence, pause, pause, stall, slow, leap, unstamped, unordered, lost, nonsense,
)  # fmt: skip


def different(seed: int) -> dict[str, Any]:
    """In what the engines differ over the run of that seed; with small chunks, so that many of their bounds are met."""
    asked, market = random_run(seed)
    before = lane_columns.CHUNK_ROWS
    lane_columns.CHUNK_ROWS = random.Random(seed).choice((40, 300, before))
    try:
        return differences(streamed(asked, market), batched(asked, market=market))
    finally:
        lane_columns.CHUNK_ROWS = before


def main() -> int:
    """Compare the runs; the exit code is 1 if some differ."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--minutes", type=float, default=60)
    options = parser.parse_args()
    until, found = time.monotonic() + options.minutes * 60, 0
    done = 0
    for seed in range(options.first, options.first + options.runs):
        if time.monotonic() > until:
            break
        try:
            told: Any = different(seed)
        except BatchRefused as refused:
            print(f"seed {seed}: refused: {refused}", flush=True)
            continue
        done += 1
        if told:
            found += 1
            print(f"seed {seed}: {told}", flush=True)
    print(f"{done} runs compared, {found} differ")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
