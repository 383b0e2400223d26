"""Message velocity (reference/microstructure.md I6): the market talking faster than usual.

Counts of trade prints, best-quote updates and book update ids over the last ``window_s``, each against its own baseline: the
median of its 1-s counts over ``baseline_s`` before the guard, at least ``floor`` (with a floor of 1 a thin market fires on any
six trades). Value: the largest ratio over the sources that have a baseline. A source that has never delivered is missing, so a
run without a book rests on trades alone; a feed gap inside the window makes the reading missing, one inside a second makes that
second no sample. Rates are by event time: a burst delivered after a network stall is not a burst in the market.

===================  ======================  =================================
setting              ``robust`` (default)    ``seed`` (section 2.10)
===================  ======================  =================================
statistic            median                  mean (window included)
min_samples          240                     60
floor                5                       0
trigger, release     3, 2                    3, 3 (no hysteresis)
excess               5 (sqrt of baseline)    0 (off)
===================  ======================  =================================
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
from flashcrash_indicators.rolling import ROWS_PER_SECOND, SECOND_US, count_and_sum, median, population_push
from flashcrash_indicators.settings import release_below_trigger

__all__ = [
    "MessageVelocityConfig",
    "MessageVelocityLevels",
    "MessageVelocityParams",
    "MessageVelocityState",
    "build",
    "judge",
    "step",
    "step_mean",
]

flashcrash_plugin = PluginInfo(api=1, summary="I6: message rate against its baseline, per source")


@frozen(kw_only=True)
class MessageVelocityConfig:
    """Windows in seconds; the counting window is one second."""

    statistic: Literal["median", "mean"] = field(default="median", validator=validators.in_(("median", "mean")))
    """``mean``: against the mean per second with the window included (the seed reading; guard_s is unused)."""
    guard_s: int = field(default=5, validator=[validators.ge(0), validators.le(600)])
    """Seconds between the counting window and the baseline, which belong to neither."""
    baseline_s: int = field(default=300, validator=[validators.ge(10), validators.le(3600)])
    """Length (s) of the baseline."""
    min_samples: int = field(default=240, validator=validators.ge(1))
    """Seconds that a source's baseline needs (n_min)."""
    floor: float = field(default=5.0, validator=validators.ge(0))
    """A baseline is at least this many messages per second."""
    trigger: float = field(default=3.0, validator=validators.gt(0))
    """Ratio above which a source fires."""
    release: float = field(default=2.0, validator=[validators.gt(0), release_below_trigger])
    """Stays on until the ratio is below this; equal to the trigger for no hysteresis."""
    excess: float = field(default=5.0, validator=validators.ge(0))
    """The count must also exceed its baseline by this many square roots of it."""

    @min_samples.validator
    def _reachable(self, _attribute: object, value: int) -> None:
        if value > self.baseline_s:
            raise ValueError(f"min_samples {value} can never be met by baseline_s {self.baseline_s}; lower it")


class MessageVelocityParams(NamedTuple):
    """What the steps need."""

    rows: int
    guard: int
    min_samples: int
    floor: float


class MessageVelocityState(NamedTuple):
    """Row counts of the window (three stretches of one ring), seconds per source in time order and sorted.

    Counts are whole numbers, so their running sums are exact and order does not matter.
    """

    rows: list[float]
    trades: list[float]
    trades_sorted: list[float]
    quotes: list[float]
    quotes_sorted: list[float]
    updates: list[float]
    updates_sorted: list[float]
    at: list[int]
    """Row slot, rows since the start or the last gap (capped)."""
    trades_at: list[int]
    quotes_at: list[int]
    updates_at: list[int]
    sums: list[float]
    """Window counts of the three sources, then 1.0 for each that has ever delivered."""
    out: list[float]
    """Baselines; for ``mean``: total, number of seconds and pending second of each source."""


class MessageVelocityLevels(NamedTuple):
    """Thresholds of :func:`judge`."""

    trigger: float
    release: float
    excess: float


def roll(state: MessageVelocityState, row: FeatureRow, rows: int) -> bool:
    """Take the row into the window; whether the window is full and without a gap."""
    at = state.at
    slot = at[0]
    ring = state.rows
    sums = state.sums
    sums[0] += row.trades - ring[slot]
    ring[slot] = float(row.trades)
    sums[1] += row.quotes - ring[slot + rows]
    ring[slot + rows] = float(row.quotes)
    sums[2] += row.updates - ring[slot + 2 * rows]
    ring[slot + 2 * rows] = float(row.updates)
    slot += 1
    at[0] = 0 if slot == rows else slot
    if row.trades:
        sums[3] = 1.0
    if row.quotes:
        sums[4] = 1.0
    if row.updates:
        sums[5] = 1.0
    if row.unhealthy & UNHEALTHY_GAP:
        at[1] = 0
    elif at[1] < rows:
        at[1] += 1
    return at[1] == rows


def counted(sums: list[float], source: int, whole: bool) -> float:
    """Count of a source in the window, NaN while it is not known."""
    return sums[source] if whole and sums[3 + source] > 0.0 else nan


def next_base(ring: list[float], ordered: list[float], at: list[int], params: MessageVelocityParams, newest: float) -> float:
    """Let a second enter its population; the floored median of it, NaN with too few seconds."""
    population_push(ring, ordered, at, params.guard, newest)
    count = at[1]
    if count < params.min_samples:
        return nan
    middle = median(ordered, count)
    return middle if middle > params.floor else params.floor


def step(state: MessageVelocityState, row: FeatureRow, params: MessageVelocityParams) -> tuple[Floats, Floats]:
    """``(trades, quotes, updates)`` of the last second and their baselines."""
    whole = roll(state, row, params.rows)
    sums = state.sums
    trades = counted(sums, 0, whole)
    quotes = counted(sums, 1, whole)
    updates = counted(sums, 2, whole)
    out = state.out
    if row.t_us % SECOND_US == 0:
        out[0] = next_base(state.trades, state.trades_sorted, state.trades_at, params, trades)
        out[1] = next_base(state.quotes, state.quotes_sorted, state.quotes_at, params, quotes)
        out[2] = next_base(state.updates, state.updates_sorted, state.updates_at, params, updates)
    return (trades, quotes, updates), (out[0], out[1], out[2])


def enter_second(ring: list[float], at: list[int], out: list[float], source: int, count: float) -> None:
    """Let the pending second of a source enter its total, and make ``count`` the pending one."""
    slot = at[0]
    ring[slot] = out[9 + source]
    at[0] = 0 if slot + 1 == len(ring) else slot + 1
    seconds, total = count_and_sum(ring, 0, len(ring))
    out[3 + source] = total
    out[6 + source] = float(seconds)
    out[9 + source] = count


def mean_of(out: list[float], source: int, count: float, params: MessageVelocityParams) -> float:
    """Mean per second with the rolling window included, NaN with too few seconds."""
    seconds = out[6 + source] + 1.0
    if count != count or seconds < params.min_samples:
        return nan
    mean = (out[3 + source] + count) / seconds
    return mean if mean > params.floor else params.floor


def step_mean(state: MessageVelocityState, row: FeatureRow, params: MessageVelocityParams) -> tuple[Floats, Floats]:
    """``(trades, quotes, updates)`` of the last second and their means per second, the last second included."""
    whole = roll(state, row, params.rows)
    sums = state.sums
    trades = counted(sums, 0, whole)
    quotes = counted(sums, 1, whole)
    updates = counted(sums, 2, whole)
    out = state.out
    if row.t_us % SECOND_US == 0:
        enter_second(state.trades, state.trades_at, out, 0, trades)
        enter_second(state.quotes, state.quotes_at, out, 1, quotes)
        enter_second(state.updates, state.updates_at, out, 2, updates)
    baseline = (mean_of(out, 0, trades, params), mean_of(out, 1, quotes, params), mean_of(out, 2, updates, params))
    return (trades, quotes, updates), baseline


def judge(statistic: Floats, baseline: Floats, levels: MessageVelocityLevels, was_fired: bool) -> tuple[float, bool]:
    """The largest ratio; fires while any source passes both tests, ratio and excess, against its own baseline."""
    best = nan
    fired = False
    for source in range(3):
        count = statistic[source]
        base = baseline[source]
        if count == count and base > 0.0:
            ratio = count / base
            if not ratio <= best:  # also true while best is NaN
                best = ratio
            if ratio > levels.trigger and count >= base + levels.excess * sqrt(base):
                fired = True
    if best != best:
        return nan, False
    if was_fired and levels.release < levels.trigger:
        return best, best >= levels.release
    return best, fired


def build(config: MessageVelocityConfig, _context: BuildContext) -> StepIndicator:
    """The program for one symbol."""
    mean = config.statistic == "mean"
    rows = ROWS_PER_SECOND
    guard = 1 + config.guard_s
    size = config.baseline_s - 1 if mean else guard + config.baseline_s
    state = MessageVelocityState(
        rows=[0.0] * (3 * rows),
        trades=[nan] * size,
        trades_sorted=[inf] * config.baseline_s,
        quotes=[nan] * size,
        quotes_sorted=[inf] * config.baseline_s,
        updates=[nan] * size,
        updates_sorted=[inf] * config.baseline_s,
        at=[0, 0],
        trades_at=[0, 0],
        quotes_at=[0, 0],
        updates_at=[0, 0],
        sums=[0.0] * 6,
        out=[nan] * 3 + [0.0] * 6 + [nan] * 3,
    )
    return StepIndicator(
        step=step_mean if mean else step,
        state=state,
        params=MessageVelocityParams(rows=rows, guard=guard, min_samples=config.min_samples, floor=config.floor),
        judge=judge,
        levels=MessageVelocityLevels(config.trigger, config.release, config.excess),
    )


@hookimpl
def flashcrash_indicators() -> list[IndicatorSpec]:
    """The message velocity indicator."""
    return [
        IndicatorSpec(
            name="message_velocity",
            summary="Largest ratio of trades, quotes and book updates per second to their baselines",
            config=MessageVelocityConfig,
            build=build,
            statistics=("trades", "quotes", "updates"),
            baselines=("trades_baseline", "quotes_baseline", "updates_baseline"),
            role=Role.CONFIRMATION,
            warmup_s=246.0,
            invariances=frozenset({"scale", "time_shift"}),
        )
    ]
