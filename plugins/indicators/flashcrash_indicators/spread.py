"""Spread expansion (reference/microstructure.md I4): market makers stepping back.

``S_W`` is the time-weighted relative spread of the last ``window_s``; ``S_B`` the median of the whole UTC seconds'
time-weighted means over ``baseline_s`` before the guard, at least one tick and ``floor_bp``. The population changes once a
second, in the row that ends a UTC second. Value: the ratio. Missing while the quote is unusable; n_min is 60 seconds with a
quote (the reference names it for the seed reading only, and a median of 60 is steady enough to judge a fourfold spread).

===================  ======================  =================================
setting              ``robust`` (default)    ``seed`` (section 2.10)
===================  ======================  =================================
statistic            time_weighted           row_end / mean of the row ends
inclusive            false                   true (guard_s is then unused)
trigger, release     4, 2.5                  4, 4 (no hysteresis)
min_spread_bp        2                       0
floor_bp, tick_floor 0.2, 1                  0, 0
===================  ======================  =================================
"""

from math import inf, nan
from typing import Literal, NamedTuple

from attrs import field, frozen, validators

from flashcrash_core.api import BuildContext, FeatureRow, Floats, IndicatorSpec, PluginInfo, Role, StepIndicator, hookimpl
from flashcrash_indicators.rolling import ROWS_PER_SECOND, SECOND_US, delay, median, population_push, window_sum
from flashcrash_indicators.settings import release_below_trigger

__all__ = ["SpreadConfig", "SpreadLevels", "SpreadParams", "SpreadState", "build", "judge", "step", "step_row_end"]

flashcrash_plugin = PluginInfo(api=1, summary="I4: relative spread against its baseline")


@frozen(kw_only=True)
class SpreadConfig:
    """Windows in seconds, spreads in basis points of the mid."""

    statistic: Literal["time_weighted", "row_end"] = field(
        default="time_weighted", validator=validators.in_(("time_weighted", "row_end"))
    )
    """``row_end``: the spread at the row's end against the mean of the row ends, window included (the seed reading)."""
    inclusive: bool = False
    """The baseline includes window and guard (always so with ``row_end``)."""
    window_s: int = field(default=1, validator=[validators.ge(1), validators.le(60)])
    """Length (s) of the window whose spread is judged."""
    guard_s: int = field(default=10, validator=[validators.ge(0), validators.le(600)])
    """Seconds between window and baseline, which belong to neither."""
    baseline_s: int = field(default=300, validator=[validators.ge(10), validators.le(3600)])
    """Length (s) of the baseline."""
    min_samples: int = field(default=60, validator=validators.ge(1))
    """Seconds with a quote that the baseline needs (n_min)."""
    floor_bp: float = field(default=0.2, validator=validators.ge(0))
    """The baseline is at least this spread (basis points of the mid)."""
    tick_floor: float = field(default=1.0, validator=validators.ge(0))
    """The baseline is at least this many ticks, relative to the mid."""
    trigger: float = field(default=4.0, validator=validators.gt(0))
    """Ratio above which it fires."""
    release: float = field(default=2.5, validator=[validators.gt(0), release_below_trigger])
    """Stays on until the ratio is below this; equal to the trigger for no hysteresis."""
    min_spread_bp: float = field(default=2.0, validator=validators.ge(0))
    """``S_W`` below which it never fires."""

    @min_samples.validator
    def _reachable(self, _attribute: object, value: int) -> None:
        if value > self.baseline_s:
            raise ValueError(f"min_samples {value} can never be met by baseline_s {self.baseline_s}; lower it")


class SpreadParams(NamedTuple):
    """What the steps need; ``floor`` as a fraction, ``ticks`` = tick_floor x tick in quote currency."""

    rows: int
    guard: int
    min_samples: int
    floor: float
    ticks: float


class SpreadState(NamedTuple):
    """Row rings of the window, the seconds and the same sorted, the delay line of the tick floor."""

    weighted: list[float]
    covered: list[float]
    seconds: list[float]
    seconds_sorted: list[float]
    tick_floors: list[float]
    at: list[int]
    """Row slot, rows seen (capped), slot of ``tick_floors``."""
    seconds_at: list[int]
    out: list[float]
    """Baseline; tick floor; then for ``row_end``: sum and count of the running second, sum and count of the whole ones."""


class SpreadLevels(NamedTuple):
    """Thresholds of :func:`judge`; ``min_spread`` as a fraction."""

    trigger: float
    release: float
    min_spread: float


def floored(base: float, tick_floor: float, floor: float) -> float:
    """The baseline with both floors; NaN stays NaN."""
    if base != base:
        return base
    if tick_floor > base:
        base = tick_floor
    if floor > base:
        base = floor
    return base


def step(state: SpreadState, row: FeatureRow, params: SpreadParams) -> tuple[Floats, Floats]:
    """``(spread,), (spread_baseline,)`` of the time-weighted reading."""
    at = state.at
    weighted = state.weighted
    covered = state.covered
    rows = params.rows
    slot = at[0]
    if row.covered_us > 0:
        weighted[slot] = row.spread_tw * row.covered_us
        covered[slot] = float(row.covered_us)
    else:
        weighted[slot] = 0.0
        covered[slot] = 0.0
    slot += 1
    if slot == rows:
        slot = 0
    at[0] = slot
    if at[1] < ROWS_PER_SECOND:
        at[1] += 1
    out = state.out
    weight = window_sum(covered, slot, rows)
    spread = window_sum(weighted, slot, rows) / weight if weight > 0.0 else nan
    if row.t_us % SECOND_US == 0:
        second = spread
        if rows != ROWS_PER_SECOND:  # the window is not the second that just ended
            start = (slot - ROWS_PER_SECOND) % rows
            weight = window_sum(covered, start, ROWS_PER_SECOND)
            second = window_sum(weighted, start, ROWS_PER_SECOND) / weight if weight > 0.0 else nan
        if at[1] < ROWS_PER_SECOND:
            second = nan
        ordered = state.seconds_sorted
        seconds_at = state.seconds_at
        population_push(state.seconds, ordered, seconds_at, params.guard, second)
        ticks = delay(state.tick_floors, at, 2, params.ticks * 2.0 / (row.bid + row.ask) if row.book_usable else nan)
        if ticks == ticks:
            out[1] = ticks
        count = seconds_at[1]
        base = median(ordered, count) if count >= params.min_samples else nan
        out[0] = floored(base, out[1], params.floor)
    return (spread if row.book_usable else nan,), (out[0],)


def step_row_end(state: SpreadState, row: FeatureRow, params: SpreadParams) -> tuple[Floats, Floats]:
    """``(spread,), (spread_baseline,)`` of row-end spreads; the mean covers 299 whole seconds and the running one."""
    out = state.out
    spread = row.spread_end if row.book_usable else nan
    if spread == spread:
        out[2] += spread
        out[3] += 1.0
    total = out[4] + out[2]
    count = out[5] + out[3]
    base = nan
    if count >= params.min_samples * ROWS_PER_SECOND:
        ticks = params.ticks * 2.0 / (row.bid + row.ask) if row.book_usable else nan
        base = floored(total / count, ticks, params.floor)
    if row.t_us % SECOND_US == 0:
        sums = state.seconds
        counts = state.seconds_sorted  # here the rows of each second, in the same slots
        seconds_at = state.seconds_at
        size = len(sums)
        slot = seconds_at[0]
        sums[slot] = out[2]
        counts[slot] = out[3]
        slot += 1
        if slot == size:
            slot = 0
        seconds_at[0] = slot
        out[2] = 0.0
        out[3] = 0.0
        out[4] = window_sum(sums, slot, size)
        out[5] = window_sum(counts, slot, size)
    return (spread,), (base,)


def judge(statistic: Floats, baseline: Floats, levels: SpreadLevels, was_fired: bool) -> tuple[float, bool]:
    """Ratio; fires above ``trigger`` while the spread is at least ``min_spread``, stays until below ``release``."""
    spread = statistic[0]
    base = baseline[0]
    if not base > 0.0 or spread != spread:
        return nan, False
    ratio = spread / base
    if was_fired and levels.release < levels.trigger:
        return ratio, ratio >= levels.release
    return ratio, ratio > levels.trigger and spread >= levels.min_spread


def build(config: SpreadConfig, context: BuildContext) -> StepIndicator:
    """The program for one symbol."""
    row_end = config.statistic == "row_end"
    guard = 0 if config.inclusive else config.window_s + config.guard_s
    rows = config.window_s * ROWS_PER_SECOND
    seconds = config.baseline_s - 1 if row_end else guard + config.baseline_s
    params = SpreadParams(
        rows=rows,
        guard=guard,
        min_samples=config.min_samples,
        floor=config.floor_bp * 1e-4,
        ticks=config.tick_floor * context.instrument.tick,
    )
    state = SpreadState(
        weighted=[0.0] * rows,
        covered=[0.0] * rows,
        seconds=[0.0 if row_end else nan] * seconds,
        seconds_sorted=[0.0] * seconds if row_end else [inf] * config.baseline_s,
        tick_floors=[nan] * (guard + 1),
        at=[0, 0, 0],
        seconds_at=[0, 0],
        out=[nan, nan, 0.0, 0.0, 0.0, 0.0],
    )
    levels = SpreadLevels(config.trigger, config.release, config.min_spread_bp * 1e-4)
    return StepIndicator(step=step_row_end if row_end else step, state=state, params=params, judge=judge, levels=levels)


@hookimpl
def flashcrash_indicators() -> list[IndicatorSpec]:
    """The spread indicator."""
    return [
        IndicatorSpec(
            name="spread",
            summary="Time-weighted relative spread over 1 s against its 5-minute median",
            config=SpreadConfig,
            build=build,
            statistics=("spread",),
            baselines=("spread_baseline",),
            role=Role.CORE,
            needs=frozenset({"book"}),
            warmup_s=72.0,
            invariances=frozenset({"scale", "time_shift"}),
        )
    ]
