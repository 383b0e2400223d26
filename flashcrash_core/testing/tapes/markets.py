"""Tapes that are whole markets: calm and crashes from the simulator, and the flat one, in which nothing ever changes."""

from functools import lru_cache
from typing import Final

from flashcrash_core.errors import UsageError
from flashcrash_core.market.events import BestQuote, BookDelta, BookSnapshot, MarketEvent, Side, Trade
from flashcrash_core.simulation.generator import SimulatedMarket, simulated_instrument
from flashcrash_core.simulation.path import draw_path
from flashcrash_core.simulation.scenario import STEP_US, MarketScenario
from flashcrash_core.simulation.seeds import fast_stream
from flashcrash_core.testing.tapes.arrival import closed
from flashcrash_core.testing.tapes.contents import Facts, Tape

__all__ = ["CALM_S", "calm", "crash_and_bounce", "crash_without_bounce", "flat", "length_s", "v_recovery"]

CALM_S: Final = 335
"""Calm in front of everything: longer than the warm-up of every shipped indicator (262 s) and of the detector (320 s)."""
_LEAST_CALM_S: Final = 10
_TRADES_PER_S: Final = 6.0
_QUOTES_PER_S: Final = 12.0
_LEVELS: Final = 30
_WON_BACK: Final = 1 / 3


def calm(seed: int, seconds: int | None) -> Tape:
    """A calm market, by default 375 s of it."""
    total_s = length_s("calm", seconds, CALM_S + 40, 0)
    return _simulated("calm", seed, _scenario(calm_s=total_s, crash_fall=0.0, crash_s=0, bounce_s=0, swings=0, aftermath_s=0))


def crash_and_bounce(seed: int, seconds: int | None) -> Tape:
    """A fall of 8 % in three legs, then 55 % of it won back in two swings."""
    rest = {"crash_s": 24, "legs": 3, "bounce_s": 30, "swings": 2, "aftermath_s": 15}
    return _crash("crash_and_bounce", seed, seconds, rest, crash_fall=0.08)


def crash_without_bounce(seed: int, seconds: int | None) -> Tape:
    """The same fall, and the price stays down."""
    rest = {"crash_s": 24, "legs": 3, "bounce_s": 15, "swings": 0, "aftermath_s": 20}
    return _crash("crash_without_bounce", seed, seconds, rest, crash_fall=0.08, bounce_fraction=0.02)


def v_recovery(seed: int, seconds: int | None) -> Tape:
    """A fall of 6 % in one leg, then straight back to where it began."""
    rest = {"crash_s": 14, "legs": 1, "bounce_s": 20, "swings": 0, "aftermath_s": 20}
    return _crash("v_recovery", seed, seconds, rest, crash_fall=0.06, bounce_fraction=1.0)


def _scenario(**settings: float) -> MarketScenario:
    return MarketScenario(trades_per_s=_TRADES_PER_S, quotes_per_s=_QUOTES_PER_S, depth_levels=_LEVELS, **settings)  # type: ignore[arg-type]


def length_s(name: str, seconds: int | None, default_s: int, rest_s: int) -> int:
    """The whole length in seconds; the calm in front is what the rest leaves of it. Raises UsageError when that is under 10 s."""
    total_s = default_s if seconds is None else seconds
    if total_s < rest_s + _LEAST_CALM_S:
        least = rest_s + _LEAST_CALM_S
        raise UsageError(f"tape {name}: {seconds} s is too short; it needs at least {least} s, {rest_s} s of them for what happens")
    return total_s


def _crash(name: str, seed: int, seconds: int | None, rest: dict[str, int], **shape: float) -> Tape:
    rest_s = rest["crash_s"] + rest["bounce_s"] + rest["aftermath_s"]
    total_s = length_s(name, seconds, CALM_S + rest_s, rest_s)
    return _simulated(name, seed, _scenario(calm_s=total_s - rest_s, **rest, **shape))


def _simulated(name: str, seed: int, scenario: MarketScenario) -> Tape:
    return Tape(name, seed, simulated_instrument(scenario.symbol), True, _events(scenario, seed), _facts(scenario, seed))


@lru_cache(maxsize=4)
def _events(scenario: MarketScenario, seed: int) -> tuple[MarketEvent, ...]:
    """Kept for the tapes that are made from one and the same market."""
    return closed(tuple(SimulatedMarket(scenario, seed).events()), scenario.end_us)


def _facts(scenario: MarketScenario, seed: int) -> Facts:
    start_us, end_us = scenario.start_us, scenario.end_us
    path = draw_path(scenario, seed)
    trough = path.trough_index
    if trough is None:
        return Facts(start_us=start_us, calm_until_us=end_us, end_us=end_us)
    limit = scenario.start_price * (1 - scenario.crash_fall) ** (1 - _WON_BACK)
    won_back = next((i for i in range(trough, len(path.price)) if path.price[i] >= limit), None)
    return Facts(
        start_us=start_us,
        calm_until_us=scenario.crash_start_us,
        end_us=end_us,
        fall_us=scenario.crash_start_us,
        trough_us=start_us + trough * STEP_US,
        rebound_us=None if won_back is None else start_us + won_back * STEP_US,
    )


_FLAT_LEVELS: Final = 30
_FLAT_LATENCY_US: Final = 12_000


def flat(seed: int, seconds: int | None) -> Tape:
    """Nothing changes: one price, one spread, one size, one pace. The seed chooses which.

    Every print is at the mid, as orders hidden there would give it, so that mid and last trade are the same number.
    """
    total_s = length_s("flat", seconds, CALM_S + 40, 0)
    scenario = _scenario(calm_s=total_s, crash_fall=0.0, crash_s=0, bounce_s=0, swings=0, aftermath_s=0)
    symbol, instrument = scenario.symbol, simulated_instrument(scenario.symbol)
    rng = fast_stream(seed, "tape:flat")
    price_ticks = rng.randrange(4_000_000, 6_000_000)
    half_ticks = rng.randrange(100, 200)
    level_lots, trade_lots = rng.randrange(5_000, 9_000), rng.randrange(100, 300)
    bid, ask = price_ticks - half_ticks, price_ticks + half_ticks
    bids = tuple((bid - i * 400, level_lots) for i in range(_FLAT_LEVELS))
    asks = tuple((ask + i * 400, level_lots) for i in range(_FLAT_LEVELS))
    start_us = scenario.start_us
    events: list[MarketEvent] = [BookSnapshot(symbol, 0, None, start_us + _FLAT_LATENCY_US, 1, bids, asks)]
    for step in range(total_s * 10):
        at_us = start_us + step * STEP_US
        update_id, trade_id = step + 2, 2 * step + 1
        for offset_us, number, side in ((20_000, 0, Side.BUY), (60_000, 1, Side.SELL)):
            own_us = at_us + offset_us
            received = own_us + _FLAT_LATENCY_US
            events.append(Trade(symbol, 0, own_us, received, trade_id + number, price_ticks, trade_lots, side))
        own_us = at_us + 80_000
        received = own_us + _FLAT_LATENCY_US
        events.append(BestQuote(symbol, 0, None, received, update_id, bid, level_lots, ask, level_lots))
        # The delta says again what stands there: the book stays fresh and does not change.
        events.append(BookDelta(symbol, 0, own_us, received, update_id, update_id, bids[:1], asks[:1]))
    facts = Facts(start_us=start_us, calm_until_us=scenario.end_us, end_us=scenario.end_us)
    return Tape("flat", seed, instrument, True, closed(events, scenario.end_us), facts)
