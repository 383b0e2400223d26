"""Aggressive volume delta (reference/microstructure.md I5): sellers crossing the spread.

``D_W`` is bought minus sold notional of the last ``window_s``, rolling row by row. The population is its value at the ends of
the UTC-aligned windows of that length within ``baseline_s`` before the guard; a window with a feed gap inside is no sample. ``Z
= (D_W - median) / scale`` with ``scale = max(1.4826 MAD, 5 % of the median gross, 1000 quote)``, and ``I = D_W / gross_W``.
Volume is heavy-tailed, so Z alone fires daily; the gates on I and on gross volume remove most of that. Value: Z. Without any
trade in the window I is undefined and its gate is not met, while Z still reads.

===========================  ======================  =============================================
setting                      ``robust`` (default)    ``seed`` (section 2.10)
===========================  ======================  =============================================
statistic                    median_mad              std (1-s sums, not demeaned)
window_s, baseline_s         2, 600                  1, 300
min_samples                  120                     30
trigger, release             -3, -1.5                -3, -3 (no hysteresis), fires below it, not at it
imbalance_trigger, _release  -0.5, -0.2              1, 1 (off)
gross_factor                 1                       0 (off)
===========================  ======================  =============================================
"""

from math import inf, nan, sqrt
from typing import Literal, NamedTuple

from attrs import field, frozen, validators

from flashcrash_core.api import (
    UNHEALTHY_GAP,
    BuildContext,
    FeatureRow,
    Floats,
    IndicatorSpec,
    PluginInfo,
    Role,
    StepIndicator,
    hookimpl,
)
from flashcrash_indicators.rolling import (
    ROWS_PER_SECOND,
    SECOND_US,
    count_and_deviations,
    count_and_sum,
    median,
    median_deviation,
    population_push,
    window_sum,
)
from flashcrash_indicators.settings import release_above_trigger

__all__ = [
    "VolumeDeltaConfig",
    "VolumeDeltaLevels",
    "VolumeDeltaParams",
    "VolumeDeltaState",
    "build",
    "judge",
    "step",
    "step_std",
]

flashcrash_plugin = PluginInfo(api=1, summary="I5: bought minus sold volume against its baseline")

MAD_TO_SIGMA = 1.4826


@frozen(kw_only=True)
class VolumeDeltaConfig:
    """Windows in seconds, amounts in quote currency."""

    statistic: Literal["median_mad", "std"] = field(default="median_mad", validator=validators.in_(("median_mad", "std")))
    """``std``: window over the standard deviation of such windows, itself included (the seed reading; guard_s is unused)."""
    window_s: int = field(default=2, validator=[validators.ge(1), validators.le(60)])
    """Length (s) of the window whose delta is judged."""
    guard_s: int = field(default=10, validator=[validators.ge(0), validators.le(600)])
    """Seconds between window and baseline, which belong to neither."""
    baseline_s: int = field(default=600, validator=[validators.ge(10), validators.le(7200)])
    """Length (s) of the baseline."""
    min_samples: int = field(default=120, validator=validators.ge(2))
    """Windows that the baseline needs (n_min)."""
    gross_floor: float = field(default=0.05, validator=validators.ge(0))
    """The scale is at least this share of the median gross volume of a window."""
    quote_floor: float = field(default=1000.0, validator=validators.ge(0))
    """The scale is at least this much (quote currency)."""
    trigger: float = -3.0
    """Fires at or below this Z."""
    release: float = field(default=-1.5, validator=release_above_trigger)
    """Stays on until Z is above this; equal to the trigger for no hysteresis."""
    imbalance_trigger: float = field(default=-0.5, validator=[validators.ge(-1), validators.le(1)])
    """To fire, I must be at or below this; 1 switches the gate off."""
    imbalance_release: float = field(default=-0.2, validator=[validators.ge(-1), validators.le(1)])
    """To stay on, I must be at or below this; 1 switches the gate off."""
    gross_factor: float = field(default=1.0, validator=validators.ge(0))
    """Gross volume must reach this multiple of its median; 0 switches the gate off."""

    @min_samples.validator
    def _reachable(self, _attribute: object, value: int) -> None:
        if value > self.baseline_s // self.window_s:
            raise ValueError(f"min_samples {value} can never be met by {self.baseline_s} s of {self.window_s}-s windows; lower it")


class VolumeDeltaParams(NamedTuple):
    """What the steps need; ``guard`` counts windows, ``period_us`` is the window."""

    rows: int
    period_us: int
    guard: int
    min_samples: int
    gross_floor: float
    quote_floor: float


class VolumeDeltaState(NamedTuple):
    """Row rings of the window, populations of delta and gross in time order and sorted."""

    delta: list[float]
    gross: list[float]
    window: list[float]
    """``D_W`` and gross."""
    deltas: list[float]
    deltas_sorted: list[float]
    grosses: list[float]
    grosses_sorted: list[float]
    at: list[int]
    """Row slot, rows seen and rows since the last gap (both capped)."""
    deltas_at: list[int]
    grosses_at: list[int]
    out: list[float]
    """Median, scale, median gross; for ``std``: count, mean, squared deviations, pending window."""


class VolumeDeltaLevels(NamedTuple):
    """Thresholds of :func:`judge`."""

    trigger: float
    release: float
    imbalance_trigger: float
    imbalance_release: float
    gross_factor: float
    strict: bool
    """Fire below the trigger only, not at it (the seed reading)."""


def roll(state: VolumeDeltaState, row: FeatureRow, rows: int) -> tuple[float, float]:
    """Take the row into the window and return ``D_W`` and gross, NaN before the window is full."""
    at = state.at
    deltas = state.delta
    grosses = state.gross
    slot = at[0]
    gross = row.buy_notional + row.sell_notional
    unchanged = gross == 0.0 and grosses[slot] == 0.0
    deltas[slot] = row.buy_notional - row.sell_notional
    grosses[slot] = gross
    slot += 1
    if slot == rows:
        slot = 0
    at[0] = slot
    if row.unhealthy & UNHEALTHY_GAP:
        at[2] = 0
    elif at[2] < rows:
        at[2] += 1
    if at[1] < rows:
        at[1] += 1
        if at[1] < rows:
            return nan, nan
        unchanged = False
    window = state.window
    if not unchanged:  # nothing came and nothing went: the sums stand, to the bit
        window[0] = window_sum(deltas, slot, rows)
        window[1] = window_sum(grosses, slot, rows)
    return window[0], window[1]


def step(state: VolumeDeltaState, row: FeatureRow, params: VolumeDeltaParams) -> tuple[Floats, Floats]:
    """``(delta, gross), (median, scale, median_gross)``."""
    delta, gross = roll(state, row, params.rows)
    out = state.out
    if row.t_us % params.period_us == 0:
        whole = state.at[2] >= params.rows
        deltas = state.deltas_sorted
        grosses = state.grosses_sorted
        deltas_at = state.deltas_at
        population_push(state.deltas, deltas, deltas_at, params.guard, delta if whole else nan)
        population_push(state.grosses, grosses, state.grosses_at, params.guard, gross if whole else nan)
        count = deltas_at[1]
        if count >= params.min_samples:
            center = median(deltas, count)
            usual = median(grosses, count)
            scale = MAD_TO_SIGMA * median_deviation(deltas, count, center)
            out[0] = center
            out[1] = max(scale, params.gross_floor * usual, params.quote_floor)
            out[2] = usual
        else:
            out[0] = nan
            out[1] = nan
            out[2] = nan
    return (delta, gross), (out[0], out[1], out[2])


def step_std(state: VolumeDeltaState, row: FeatureRow, params: VolumeDeltaParams) -> tuple[Floats, Floats]:
    """``(delta, gross), (0, std, 0)``: population deviation of the rolling window and the whole ones before it."""
    delta, gross = roll(state, row, params.rows)
    out = state.out
    if row.t_us % params.period_us == 0:
        # The window that ended one period ago no longer overlaps the rolling one: it enters now.
        ring = state.deltas
        deltas_at = state.deltas_at
        slot = deltas_at[0]
        ring[slot] = out[6]
        slot += 1
        if slot == len(ring):
            slot = 0
        deltas_at[0] = slot
        out[6] = delta if state.at[2] >= params.rows else nan
        count, total = count_and_sum(ring, slot, len(ring))
        out[3] = float(count)
        out[4] = total / count if count > 0 else 0.0
        count, out[5] = count_and_deviations(ring, slot, len(ring), out[4])
    std = nan
    if delta == delta and out[3] + 1.0 >= params.min_samples:
        distance = delta - out[4]
        mean = out[4] + distance / (out[3] + 1.0)
        std = sqrt((out[5] + distance * (delta - mean)) / (out[3] + 1.0))
    return (delta, gross), (0.0, std, 0.0)


def leaning(delta: float, gross: float, limit: float) -> bool:
    """Whether ``I = delta / gross <= limit``; without volume only a switched off gate (limit 1) is met."""
    return limit >= 1.0 or (gross > 0.0 and delta <= limit * gross)


def judge(statistic: Floats, baseline: Floats, levels: VolumeDeltaLevels, was_fired: bool) -> tuple[float, bool]:
    """Z, negative when selling is unusual."""
    delta = statistic[0]
    gross = statistic[1]
    scale = baseline[1]
    if not scale > 0.0 or delta != delta:
        return nan, False
    z = (delta - baseline[0]) / scale
    if was_fired and levels.release > levels.trigger:
        return z, z <= levels.release and leaning(delta, gross, levels.imbalance_release)
    heavy = gross >= levels.gross_factor * baseline[2]
    beyond = z < levels.trigger or (z == levels.trigger and not levels.strict)
    return z, beyond and heavy and leaning(delta, gross, levels.imbalance_trigger)


def build(config: VolumeDeltaConfig, _context: BuildContext) -> StepIndicator:
    """The program for one symbol."""
    seed = config.statistic == "std"
    rows = config.window_s * ROWS_PER_SECOND
    guard = -(-(config.window_s + config.guard_s) // config.window_s)
    samples = config.baseline_s // config.window_s
    size = samples - 1 if seed else guard + samples
    params = VolumeDeltaParams(
        rows=rows,
        period_us=config.window_s * SECOND_US,
        guard=guard,
        min_samples=config.min_samples,
        gross_floor=config.gross_floor,
        quote_floor=config.quote_floor,
    )
    state = VolumeDeltaState(
        delta=[0.0] * rows,
        gross=[0.0] * rows,
        window=[0.0, 0.0],
        deltas=[nan] * size,
        deltas_sorted=[inf] * samples,
        grosses=[nan] * size,
        grosses_sorted=[inf] * samples,
        at=[0, 0, 0],
        deltas_at=[0, 0],
        grosses_at=[0, 0],
        out=[nan, nan, nan, 0.0, 0.0, 0.0, nan],
    )
    levels = VolumeDeltaLevels(
        config.trigger, config.release, config.imbalance_trigger, config.imbalance_release, config.gross_factor, seed
    )
    return StepIndicator(step=step_std if seed else step, state=state, params=params, judge=judge, levels=levels)


@hookimpl
def flashcrash_indicators() -> list[IndicatorSpec]:
    """The volume delta indicator."""
    return [
        IndicatorSpec(
            name="volume_delta",
            summary="Signed traded notional over 2 s as a robust z-score",
            config=VolumeDeltaConfig,
            build=build,
            statistics=("delta", "gross"),
            baselines=("median", "scale", "median_gross"),
            role=Role.CORE,
            warmup_s=254.0,
            invariances=frozenset({"time_shift"}),
        )
    ]
