"""Order book depth (reference/microstructure.md I8): how much liquidity stands, and whether it is collapsing.

``L`` is price times quantity of the best 20 levels of both sides; ``LR = L / mean`` with the time-weighted mean of L over whole
UTC seconds of ``baseline_s`` before the guard (rows weigh equally; missing below ``min_quote``, and with fewer than
``min_samples`` seconds, which the reference leaves open: half of the baseline here). Fired is a liquidity collapse: ``LR <
trigger`` for ``persist_ms``. The statistics also carry each side, the exit depth and the standing walls, for the score and the
strategy's gates, and ``imbalance = (bid - ask) / L``: its sign is the direction, and the reference calls it extreme where its
size is above 0.7. Whether the depth suffices for an order is the scorer's liquidity gate. Missing while the book is unusable.

===================  ======================  =================================
setting              ``robust`` (default)    ``seed`` (section 2.10)
===================  ======================  =================================
inclusive            false                   true (guard_s is then unused)
trigger, release     0.2, 0.2                0.2, 0.2
===================  ======================  =================================
"""

from math import nan
from typing import NamedTuple

from attrs import field, frozen, validators

from flashcrash_core.api import BuildContext, FeatureRow, Floats, IndicatorSpec, PluginInfo, Role, StepIndicator, hookimpl
from flashcrash_indicators.rolling import ROWS_PER_SECOND, SECOND_US, window_sum

__all__ = ["DepthConfig", "DepthLevels", "DepthParams", "DepthState", "build", "judge", "step"]

flashcrash_plugin = PluginInfo(api=1, summary="I8: order book depth, walls and liquidity collapse")


@frozen(kw_only=True)
class DepthConfig:
    """Windows in seconds, amounts in quote currency."""

    inclusive: bool = False
    """The baseline ends now instead of before the guard."""
    guard_s: int = field(default=5, validator=[validators.ge(0), validators.le(600)])
    """Seconds between the row and the baseline, which belong to neither."""
    baseline_s: int = field(default=60, validator=[validators.ge(5), validators.le(3600)])
    """Length (s) of the baseline."""
    min_samples: int = field(default=30, validator=validators.ge(1))
    """Seconds' worth of rows with a usable book that the mean needs."""
    min_quote: float = field(default=1000.0, validator=validators.ge(0))
    """A mean below this is no baseline."""
    trigger: float = field(default=0.2, validator=validators.gt(0))
    """Ratio below which liquidity counts as collapsed."""
    release: float = field(default=0.2, validator=validators.gt(0))
    """A collapse ends when the ratio reaches this; not below the trigger."""
    persist_ms: int = field(default=500, validator=validators.ge(0))
    """How long (ms) the ratio must stay below the trigger before it fires."""

    @release.validator
    def _not_below_trigger(self, _attribute: object, value: float) -> None:
        if value < self.trigger:
            raise ValueError(f"release {value} must not lie below trigger {self.trigger}")

    @min_samples.validator
    def _reachable(self, _attribute: object, value: int) -> None:
        if value > self.baseline_s:
            raise ValueError(f"min_samples {value} can never be met by baseline_s {self.baseline_s}; lower it")


class DepthParams(NamedTuple):
    """What the step needs; ``min_rows`` is n_min in rows."""

    baseline: int
    min_rows: float
    min_quote: float


class DepthState(NamedTuple):
    """Sums and row counts of the whole seconds of guard and baseline."""

    sums: list[float]
    rows: list[float]
    at: list[int]
    out: list[float]
    """Sum and rows of the running second, baseline mean."""


class DepthLevels(NamedTuple):
    """Thresholds of :func:`judge`."""

    trigger: float
    release: float


def step(state: DepthState, row: FeatureRow, params: DepthParams) -> tuple[Floats, Floats]:
    """``(total, bid, ask, exit, bid_wall, ask_wall, imbalance), (mean,)``."""
    out = state.out
    total = nan
    if row.book_usable:
        total = row.top_bid_notional + row.top_ask_notional
        if total == total:
            out[0] += total
            out[1] += 1.0
    if row.t_us % SECOND_US == 0:
        at = state.at
        sums = state.sums
        counts = state.rows
        slot = at[0]
        sums[slot] = out[0]
        counts[slot] = out[1]
        out[0] = 0.0
        out[1] = 0.0
        slot += 1
        if slot == len(sums):
            slot = 0
        at[0] = slot
        # The oldest seconds of the ring are the baseline, what follows up to now is window and guard.
        rows = window_sum(counts, slot, params.baseline)
        mean = window_sum(sums, slot, params.baseline) / rows if rows >= params.min_rows else nan
        out[2] = mean if mean >= params.min_quote else nan
    if total != total:
        return (nan, nan, nan, nan, nan, nan, nan), (out[2],)
    bid = row.top_bid_notional
    ask = row.top_ask_notional
    imbalance = (bid - ask) / total if total > 0.0 else nan
    return (total, bid, ask, row.exit_notional, row.bid_wall, row.ask_wall, imbalance), (out[2],)


def judge(statistic: Floats, baseline: Floats, levels: DepthLevels, was_fired: bool) -> tuple[float, bool]:
    """LR; fired is a liquidity collapse (the detector adds the persistence)."""
    total = statistic[0]
    mean = baseline[0]
    if not mean > 0.0 or total != total:
        return nan, False
    ratio = total / mean
    return ratio, ratio < (levels.release if was_fired else levels.trigger)


def build(config: DepthConfig, _context: BuildContext) -> StepIndicator:
    """The program for one symbol."""
    # The window is the row itself: the second that ends with it is neither guard nor baseline.
    size = config.baseline_s if config.inclusive else config.baseline_s + config.guard_s + 1
    return StepIndicator(
        step=step,
        state=DepthState(sums=[0.0] * size, rows=[0.0] * size, at=[0], out=[0.0, 0.0, nan]),
        params=DepthParams(
            baseline=config.baseline_s, min_rows=float(config.min_samples * ROWS_PER_SECOND), min_quote=config.min_quote
        ),
        judge=judge,
        levels=DepthLevels(config.trigger, config.release),
        persist_us=config.persist_ms * 1000,
    )


@hookimpl
def flashcrash_indicators() -> list[IndicatorSpec]:
    """The depth indicator."""
    return [
        IndicatorSpec(
            name="depth",
            summary="Notional of the best 20 levels against its mean over a minute",
            config=DepthConfig,
            build=build,
            statistics=("total", "bid", "ask", "exit", "bid_wall", "ask_wall", "imbalance"),
            baselines=("mean",),
            role=Role.DEPTH,
            needs=frozenset({"book"}),
            warmup_s=36.0,
            invariances=frozenset({"time_shift"}),
        )
    ]
