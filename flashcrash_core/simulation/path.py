"""The path of the fair price: calm noise with stochastic volatility, and a drawn crash on top of it.

The drawn part is a list of segments on the one-second grid. Each leg of the crash is an accelerating fall, then a snap-back
within one second, a second of holding the gain, and one of three endings (:class:`Ending`): a retest of the low part of the
snap-back's bar that is bought, one that fails, or none. In the first a percentile entry is filled and sold at its target, in the
second it is filled and stopped, in the third it is never filled (reference/microstructure.md section 5). It is a designed
exercise, not a model.
"""

from enum import StrEnum
from math import exp, log
from typing import Final

import numpy as np
import numpy.typing as npt
from attrs import frozen

from flashcrash_core.simulation.scenario import TAIL_S, MarketScenario
from flashcrash_core.simulation.seeds import vector_stream
from flashcrash_core.simulation.stages import AFTERMATH, CALM, DIP, FALL, HOLD, LIFT, PLATEAU, RISE, SLIDE, SNAP, Stage

__all__ = ["STEPS_PER_S", "Ending", "PricePath", "Segment", "draw_path", "draw_segments"]

STEPS_PER_S: Final = 10
_SECONDS_PER_STEP: Final = 1 / STEPS_PER_S

FALL_POWER: Final = 2.3
"""Above 1 the fall accelerates: the last second of a five-second fall takes about two fifths of it."""
RETEST_DEPTH: Final = 0.07
"""Where the retest turns, as a fraction of the snap-back's range above its low: below the P20 at which the strategy bids."""
LIFT_HEIGHT: Final = 1.06
PLATEAU_HEIGHT: Final = 1.2
"""Where recovery and plateau end, in the same unit: above the P80 at which it sells."""
FAIL_DEPTH: Final = -0.6
"""Where a failed retest ends, in the same unit: far enough below the low for a stop."""
SLIDE_S: Final = 3

_REVERSION_PER_S: Final = 1 / 120
_VOLATILITY_REVERSION_PER_S: Final = 1 / 90
_VOLATILITY_SD: Final = 0.3
_VOLATILITY_BOUND: Final = 0.7
_SHOCK_BOUND: Final = 3.5
"""Bounds on the log of volatility and on one shock: the calm has no second that could pass for a crash."""
_CRASH_NOISE: Final = 2.0
"""How much the crash adds to the calm's noise, in units of it; this fades afterwards, or the detector would never sleep again."""
_FADE_S: Final = 15.0


class Ending(StrEnum):
    """What follows the snap-back and the second of holding."""

    BOUGHT = "bought"
    """The retest is bought within its second; a plateau above the bar follows."""
    FAILED = "failed"
    """The retest goes through the low."""
    AWAY = "away"
    """No retest: the price drifts up and away."""


_IN_CRASH: Final = (Ending.BOUGHT, Ending.FAILED, Ending.AWAY)
_IN_BOUNCE: Final = (Ending.FAILED, Ending.AWAY, Ending.BOUGHT)


@frozen
class Segment:
    """A piece of the drawn path: ``steps`` long, ending at ``level`` (log price over the start), approached as ``x ** power``."""

    steps: int
    level: float
    stage: Stage
    power: float = 1.0


@frozen
class PricePath:
    """``price[i]`` is the fair price at the start of step i (one more than there are steps), ``stages[i]`` the stage of step i."""

    price: npt.NDArray[np.float64]
    stages: tuple[Stage, ...]
    trough_index: int | None
    """Node of the drawn extreme (the low, or the high of an upward scenario); None without a crash."""


def draw_segments(scenario: MarketScenario, rng: np.random.Generator) -> list[Segment]:
    """The drawn path from the first step to the last, downward."""
    segments = [Segment(scenario.calm_s * STEPS_PER_S, 0.0, CALM)]
    level = 0.0
    if scenario.crash_fall:
        bottom = log(1 - scenario.crash_fall)
        segments += _crash(scenario, bottom, rng)
        segments += _bounce(scenario, bottom, segments[-1].level, rng)
        level = segments[-1].level
    if scenario.aftermath_s:
        segments.append(Segment(scenario.aftermath_s * STEPS_PER_S, level, AFTERMATH if scenario.crash_fall else CALM))
    return segments


def _crash(scenario: MarketScenario, bottom: float, rng: np.random.Generator) -> list[Segment]:
    legs = scenario.legs
    # Later legs fall further: the crash as a whole accelerates too.
    weights = np.linspace(0.7, 1.3, legs) * rng.uniform(0.93, 1.07, legs)
    lows = (bottom * np.cumsum(weights) / weights.sum()).tolist()
    lows[-1] = bottom
    segments: list[Segment] = []
    before = 0.0
    for low, seconds, ending in zip(lows, _split(scenario.crash_s, legs), _endings(legs, _IN_CRASH, rng), strict=True):
        segments.append(Segment((seconds - TAIL_S) * STEPS_PER_S, low, FALL, FALL_POWER))
        height = min(scenario.snap_fraction * float(rng.uniform(0.9, 1.25)), 0.6 * (before - low))
        segments += _tail(low, height, ending, RISE if low == bottom else PLATEAU)
        before = low
    return segments


def _bounce(scenario: MarketScenario, bottom: float, level: float, rng: np.random.Generator) -> list[Segment]:
    if not scenario.bounce_s:
        return []
    target = bottom * (1 - scenario.bounce_fraction)
    swings = scenario.swings
    if not swings:
        return [Segment(scenario.bounce_s * STEPS_PER_S, target, SLIDE if target < level else RISE)]
    segments: list[Segment] = []
    endings = _endings(swings, _IN_BOUNCE, rng)
    for swing, (seconds, ending) in enumerate(zip(_split(scenario.bounce_s, swings), endings, strict=True), start=1):
        height = 0.7 * scenario.snap_fraction * float(rng.uniform(0.9, 1.2))
        end = level + (target - level) * swing / swings
        low = end - PLATEAU_HEIGHT * height
        segments.append(Segment((seconds - TAIL_S - SLIDE_S) * STEPS_PER_S, low + 1.3 * height, RISE, 0.8))
        segments.append(Segment(SLIDE_S * STEPS_PER_S, low, SLIDE, 1.6))
        segments += _tail(low, height, ending, RISE)
    return segments


def _endings(count: int, cycle: tuple[Ending, ...], rng: np.random.Generator) -> list[Ending]:
    """All kinds in turn, in drawn order; the last one is always bought, so that the path ends where the scenario says."""
    kinds = [cycle[index % len(cycle)] for index in range(count - 1)]
    return [kinds[index] for index in rng.permutation(count - 1).tolist()] + [Ending.BOUGHT]


def _tail(low: float, height: float, ending: Ending, after: Stage) -> list[Segment]:
    """The five seconds after a low, aligned to the one-second bars: snap-back, hold, and the ending."""

    def at(fraction: float) -> float:
        return low + fraction * height

    segments = [Segment(1, low, SNAP), Segment(7, at(1.0), SNAP), Segment(2, at(1.01), SNAP), Segment(10, at(1.0), HOLD)]
    rest = (TAIL_S - 3) * STEPS_PER_S
    match ending:
        case Ending.BOUGHT:
            # The second of the retest closes above its open: a bearish close would be an exit signal (section 5.4, rule 3).
            segments += [Segment(4, at(RETEST_DEPTH), DIP), Segment(5, at(LIFT_HEIGHT), LIFT)]
            segments += [Segment(1, at(LIFT_HEIGHT + 0.02), PLATEAU), Segment(rest, at(PLATEAU_HEIGHT), after)]
        case Ending.FAILED:
            segments += [Segment(4, at(RETEST_DEPTH), DIP), Segment(6 + rest, at(FAIL_DEPTH), SLIDE)]
        case Ending.AWAY:
            segments += [Segment(10 + rest, at(PLATEAU_HEIGHT), after)]
    return segments


def _split(total: int, parts: int) -> list[int]:
    """Whole seconds split as evenly as they go."""
    return [total // parts + (1 if index < total % parts else 0) for index in range(parts)]


def draw_path(scenario: MarketScenario, seed: int) -> PricePath:
    """Render the segments, add the noise, and return the path in quote currency."""
    segments = draw_segments(scenario, vector_stream(seed, f"{scenario.symbol}:legs"))
    drawn: list[npt.NDArray[np.float64]] = [np.zeros(1)]
    stages: list[Stage] = []
    level = 0.0
    for segment in segments:
        x = np.arange(1, segment.steps + 1) / segment.steps
        drawn.append(level + (segment.level - level) * x**segment.power)
        stages += [segment.stage] * segment.steps
        level = segment.level
    shape = np.concatenate(drawn)
    trough = int(shape.argmin()) if scenario.crash_fall else None
    if scenario.upward:
        shape = -shape
    noise = _noise(scenario, stages, seed)
    return PricePath(scenario.start_price * np.exp(shape + noise), tuple(stages), trough)


def _noise(scenario: MarketScenario, stages: list[Stage], seed: int) -> npt.NDArray[np.float64]:
    """Mean-reverting log noise with mean-reverting log volatility, louder outside the calm."""
    steps = len(stages)
    shocks = np.clip(vector_stream(seed, f"{scenario.symbol}:shocks").standard_normal(steps), -_SHOCK_BOUND, _SHOCK_BOUND)
    reversion = _VOLATILITY_REVERSION_PER_S * _SECONDS_PER_STEP
    spread = _VOLATILITY_SD * (2 * reversion) ** 0.5
    kicks = (vector_stream(seed, f"{scenario.symbol}:volatility").standard_normal(steps) * spread).tolist()
    keep = 1 - _REVERSION_PER_S * _SECONDS_PER_STEP
    scale = scenario.calm_sigma * _SECONDS_PER_STEP**0.5
    noise = np.zeros(steps + 1)
    fade = exp(-_SECONDS_PER_STEP / _FADE_S)
    value = volatility = excess = 0.0
    for index, shock in enumerate(shocks.tolist()):
        volatility = min(max(volatility * (1 - reversion) + kicks[index], -_VOLATILITY_BOUND), _VOLATILITY_BOUND)
        stage = stages[index]
        excess = 0.0 if stage is CALM else excess * fade if stage is AFTERMATH else _CRASH_NOISE
        value = value * keep + scale * (1 + excess) * exp(volatility) * shock
        noise[index + 1] = value
    return noise
