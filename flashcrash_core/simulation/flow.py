"""Order flow: how many orders and quotes each step has, who is the aggressor, and how large an order is.

All counts and conditions are drawn once as arrays, before the first event; the generator then only walks through them.
"""

from math import exp
from typing import Final

import numpy as np

from flashcrash_core.simulation.path import STEPS_PER_S, PricePath
from flashcrash_core.simulation.scenario import MarketScenario
from flashcrash_core.simulation.seeds import vector_stream
from flashcrash_core.simulation.stages import AFTERMATH, CALM, Conditions, Stage

__all__ = ["draw_conditions"]

_AFTERMATH_DECAY_S: Final = 25.0
_RISE_DECAY: Final = 0.25
"""How fast conditions move towards a new stage: the share of the way per step."""
_LEAN: Final = 0.2
"""In the calm, how far a typical move of the fair price shifts the aggressors' odds."""
_LATENCY_SD: Final = 0.35
_LATENCY_BOUND: Final = 1.2
"""Bound on the log of one latency: no event may fall behind the 250 ms watermark."""


def draw_conditions(scenario: MarketScenario, path: PricePath, seed: int) -> list[Conditions]:
    """The conditions of every step, in order."""
    table = np.array(_multiples(path.stages, upward=scenario.upward))
    spread, bids, asks, trades, size, sell_share, quotes, latency = table.T

    # One stream per array: a longer market then begins like a shorter one.
    def stream(name: str) -> np.random.Generator:
        return vector_stream(seed, f"{scenario.symbol}:{name}")

    # Activity clusters in the calm too; the same factor moves trades and quotes.
    activity = np.exp(np.repeat(stream("activity").normal(0, 0.15, len(table) // STEPS_PER_S + 1), STEPS_PER_S)[: len(table)])
    trade_counts = stream("trades").poisson(trades * activity * scenario.trades_per_s / STEPS_PER_S)
    quote_counts = stream("quotes").poisson(quotes * activity * scenario.quotes_per_s / STEPS_PER_S)
    moves = np.diff(np.log(path.price))
    typical = scenario.calm_sigma / STEPS_PER_S**0.5
    leaning = np.clip(sell_share - _LEAN * np.tanh(moves / typical) * (np.abs(sell_share - 0.5) < 0.2), 0.02, 0.98)
    delays = np.exp(np.clip(stream("latency").normal(0, _LATENCY_SD, len(table)), -_LATENCY_BOUND, _LATENCY_BOUND))
    rows = zip(
        (stage.name for stage in path.stages),
        (spread * scenario.spread_bp).tolist(),
        bids.tolist(),
        asks.tolist(),
        trade_counts.tolist(),
        quote_counts.tolist(),
        (size * scenario.trade_notional).tolist(),
        leaning.tolist(),
        (latency * delays * scenario.latency_ms * 1_000).tolist(),
        strict=True,
    )
    return [Conditions(*row) for row in rows]


def _multiples(stages: tuple[Stage, ...], *, upward: bool) -> list[list[float]]:
    """Multiples of the calm per step. Depth, spread and latency move smoothly; the flow, which is the cause, changes at once."""
    rows: list[list[float]] = []
    current = _numbers(stages[0], upward=upward)
    calm = _numbers(CALM, upward=upward)
    after_steps = 0
    for stage in stages:
        target = _numbers(stage, upward=upward)
        if stage is AFTERMATH:
            stress = exp(-after_steps / STEPS_PER_S / _AFTERMATH_DECAY_S)
            target = [c + (t - c) * stress for t, c in zip(target, calm, strict=True)]
            after_steps += 1
        smooth = [have + (want - have) * _RISE_DECAY for have, want in zip(current, target, strict=True)]
        current = smooth
        rows.append([*smooth[:3], *target[3:7], smooth[7]])
    return rows


def _numbers(stage: Stage, *, upward: bool) -> list[float]:
    bids, asks, sells = (stage.asks, stage.bids, 1 - stage.sell_share) if upward else (stage.bids, stage.asks, stage.sell_share)
    return [stage.spread, bids, asks, stage.trades, stage.size, sells, stage.quotes, stage.latency]
