"""Volatility spike (reference/microstructure.md I1): how wild the last seconds were against what is usual.

``sigma = sqrt(mean(r^2))`` over the newest ``window_s`` closed 1-s bars, not demeaned: a steady fall has no deviation from its
mean. ``sigma_baseline`` is the smaller of the RMS over ``baseline_s`` bars and the median of the 10-s UTC-aligned block RMS of
the last ``block_history_s`` seconds, both ending where the guard begins: crashes build up in waves, and a plain five-minute RMS
rises with them. Value: the ratio. A return is missing when one of its two bars has no price or a feed gap.

===================  ======================  =================================
setting              ``robust`` (default)    ``seed`` (section 2.10)
===================  ======================  =================================
statistic            rms                     std (demeaned, population)
inclusive            false                   true (last 300 with the window)
guard_s              10                      0
block_history_s      3600                    0 (off)
min_sigma            4e-4                    0
floor, tick_floor    2e-5, 0.5               0, 0
trigger, release     5, 3                    5, 5 (equal: no hysteresis)
===================  ======================  =================================
"""

from math import log, nan, sqrt
from typing import Final, Literal, NamedTuple

from attrs import field, frozen, validators

from flashcrash_core.api import BuildContext, FeatureRow, Floats, IndicatorSpec, PluginInfo, Role, StepIndicator, hookimpl
from flashcrash_indicators.rolling import (
    SECOND_US,
    count_and_deviations,
    count_and_sum,
    delay,
    median,
    population_push,
)
from flashcrash_indicators.settings import release_below_trigger

__all__ = ["VolatilityConfig", "VolatilityLevels", "VolatilityParams", "VolatilityState", "build", "judge", "step"]

flashcrash_plugin = PluginInfo(api=1, summary="I1: volatility of the last seconds against its baseline")

BLOCK_S: Final = 10
_BLOCK_MIN: Final = 8  # the same 80 % that 240 of 300 asks of the long window


@frozen(kw_only=True)
class VolatilityConfig:
    """Windows in seconds, sigmas as log return per sqrt(second)."""

    statistic: Literal["rms", "std"] = field(default="rms", validator=validators.in_(("rms", "std")))
    """``rms``: not demeaned; ``std``: demeaned population standard deviation."""
    inclusive: bool = False
    """The baseline ends now and includes window and guard."""
    downside: bool = False
    """Count only falling seconds; rising ones stand as 0."""
    window_s: int = field(default=10, validator=[validators.ge(1), validators.le(300)])
    """Number of 1-s returns whose size is judged."""
    guard_s: int = field(default=10, validator=[validators.ge(0), validators.le(600)])
    """Seconds between window and baseline, which belong to neither."""
    baseline_s: int = field(default=300, validator=[validators.ge(10), validators.le(3600)])
    """Length (s) of the baseline."""
    min_samples: int = field(default=240, validator=validators.ge(1))
    """Returns that the baseline needs (n_min)."""
    block_history_s: int = field(default=3600, validator=[validators.ge(0), validators.le(86_400)])
    """How far the 10-s blocks reach back; 0 leaves them out."""
    block_min: int = field(default=24, validator=validators.ge(1))
    """Blocks from which on their median is used."""
    floor: float = field(default=2e-5, validator=validators.ge(0))
    """The baseline is at least this (log return per sqrt(s))."""
    tick_floor: float = field(default=0.5, validator=validators.ge(0))
    """The baseline is at least this many ticks, relative to the price before the guard."""
    trigger: float = field(default=5.0, validator=validators.gt(0))
    """Ratio above which it fires."""
    release: float = field(default=3.0, validator=[validators.gt(0), release_below_trigger])
    """Stays on until the ratio is below this; equal to the trigger for no hysteresis."""
    min_sigma: float = field(default=4e-4, validator=validators.ge(0))
    """``sigma`` below which it never fires."""

    @min_samples.validator
    def _reachable(self, _attribute: object, value: int) -> None:
        if value > self.baseline_s:
            raise ValueError(f"min_samples {value} can never be met by baseline_s {self.baseline_s}; lower it")


class VolatilityParams(NamedTuple):
    """What the step needs; ``lag`` is the bars between the newest one and the baseline."""

    window: int
    lag: int
    baseline: int
    min_samples: int
    demeaned: int
    downside: int
    blocks: int
    block_min: int
    floor: float
    tick_floor: float


class VolatilityState(NamedTuple):
    """Rings: ``returns`` (lag + baseline bars), ``prices`` (delay line over the lag), block RMS and the same sorted."""

    returns: list[float]
    prices: list[float]
    blocks: list[float]
    blocks_sorted: list[float]
    at: list[int]
    """Slot in ``returns``, slot in ``prices``, start of the newest bar (us)."""
    blocks_at: list[int]
    out: list[float]
    """sigma, sigma_baseline, last price, median of the blocks, newest price before the guard."""


class VolatilityLevels(NamedTuple):
    """Thresholds of :func:`judge`."""

    trigger: float
    release: float
    min_sigma: float


def spread_of(ring: list[float], start: int, length: int, demeaned: int, needed: int) -> float:
    """RMS (or demeaned standard deviation) of a stretch of the ring; NaN with fewer than ``needed`` samples."""
    center = 0.0
    if demeaned:
        count, total = count_and_sum(ring, start, length)
        if count < needed:
            return nan
        center = total / count
    count, total = count_and_deviations(ring, start, length, center)
    if count < needed:
        return nan
    return sqrt(total / count)


def step(state: VolatilityState, row: FeatureRow, params: VolatilityParams) -> tuple[Floats, Floats]:
    """``(sigma,), (sigma_baseline,)``; changes only in the rows that see a new bar."""
    out = state.out
    if row.bar_new == 0:
        return (out[0],), (out[1],)
    at = state.at
    ring = state.returns
    size = len(ring)
    price = row.bar_price
    if row.bar_gap or not price > 0.0:
        price = nan
    change = nan
    if row.bar_start_us == at[2] + SECOND_US and price == price and out[2] == out[2]:
        change = log(price / out[2])
        if params.downside and change > 0.0:
            change = 0.0
    at[2] = row.bar_start_us
    out[2] = price
    slot = at[0]
    ring[slot] = change
    end = slot + 1  # one past the newest
    at[0] = 0 if end == size else end

    out[0] = spread_of(ring, (end - params.window) % size, params.window, params.demeaned, params.window)
    base = spread_of(ring, (end - params.lag - params.baseline) % size, params.baseline, params.demeaned, params.min_samples)
    if params.blocks and (row.bar_start_us // SECOND_US + 1 - params.lag) % BLOCK_S == 0:
        block = spread_of(ring, (end - params.lag - BLOCK_S) % size, BLOCK_S, 0, _BLOCK_MIN)
        ordered = state.blocks_sorted
        blocks_at = state.blocks_at
        population_push(state.blocks, ordered, blocks_at, 0, block)
        count = blocks_at[1]
        out[3] = median(ordered, count) if count >= params.block_min else nan
    if out[3] < base:
        base = out[3]
    # The floor's price is the one before the guard: nothing inside window or guard may move the baseline.
    before = delay(state.prices, at, 1, price)
    if before == before:
        out[4] = before
    if base == base:
        floor = params.floor
        if params.tick_floor > 0.0 and params.tick_floor / out[4] > floor:
            floor = params.tick_floor / out[4]
        if base < floor:
            base = floor
    out[1] = base
    return (out[0],), (out[1],)


def judge(statistic: Floats, baseline: Floats, levels: VolatilityLevels, was_fired: bool) -> tuple[float, bool]:
    """Ratio; fires above ``trigger`` while ``sigma >= min_sigma``, stays until below ``release``."""
    sigma = statistic[0]
    base = baseline[0]
    if not base > 0.0 or sigma != sigma:
        return nan, False
    ratio = sigma / base
    if was_fired and levels.release < levels.trigger:
        return ratio, ratio >= levels.release
    return ratio, ratio > levels.trigger and sigma >= levels.min_sigma


def build(config: VolatilityConfig, context: BuildContext) -> StepIndicator:
    """The program for one symbol."""
    lag = 0 if config.inclusive else config.window_s + config.guard_s
    size = max(lag + config.baseline_s, config.window_s, lag + BLOCK_S)
    blocks = config.block_history_s // BLOCK_S
    params = VolatilityParams(
        window=config.window_s,
        lag=lag,
        baseline=config.baseline_s,
        min_samples=config.min_samples,
        demeaned=int(config.statistic == "std"),
        downside=int(config.downside),
        blocks=blocks,
        block_min=config.block_min,
        floor=config.floor,
        tick_floor=config.tick_floor * context.instrument.tick,
    )
    state = VolatilityState(
        returns=[nan] * size,
        prices=[nan] * (lag + 1),
        blocks=[nan] * blocks,
        blocks_sorted=[float("inf")] * blocks,
        at=[0, 0, -1],
        blocks_at=[0, 0],
        out=[nan] * 5,
    )
    levels = VolatilityLevels(config.trigger, config.release, config.min_sigma)
    return StepIndicator(step=step, state=state, params=params, judge=judge, levels=levels)


@hookimpl
def flashcrash_indicators() -> list[IndicatorSpec]:
    """The volatility indicator."""
    return [
        IndicatorSpec(
            name="volatility",
            summary="RMS of 1-s returns over 10 s against its calm baseline",
            config=VolatilityConfig,
            build=build,
            statistics=("sigma",),
            baselines=("sigma_baseline",),
            role=Role.CORE,
            warmup_s=262.0,
            invariances=frozenset({"scale", "time_shift"}),
        )
    ]
