"""Order book imbalance (reference/microstructure.md I3): who is left standing near the mid.

``OBI = (Vb - Va) / (Vb + Va)`` from the quantities within 10 bp of the mid (or of the best 20 levels); the statistic is the
median of the rows of the last ``smoothing_ms``. Missing while the book is unusable or both sides are empty; a usable book
without bids in the band is a valid -1.

===================  ======================  =================================
setting              ``robust`` (default)    ``seed`` (section 2.10)
===================  ======================  =================================
depth                band (10 bp)            levels (best 20)
smoothing_ms         500                     100 (one row: unsmoothed)
trigger, release     -0.8, -0.6              -0.8, -0.8 (no hysteresis)
===================  ======================  =================================
"""

from math import nan
from typing import Literal, NamedTuple

from attrs import field, frozen, validators

from flashcrash_core.api import GRID_US, BuildContext, FeatureRow, Floats, IndicatorSpec, PluginInfo, Role, StepIndicator, hookimpl
from flashcrash_indicators.rolling import median_of_present
from flashcrash_indicators.settings import release_above_trigger

__all__ = ["ImbalanceConfig", "ImbalanceLevels", "ImbalanceParams", "ImbalanceState", "build", "judge", "step"]

flashcrash_plugin = PluginInfo(api=1, summary="I3: imbalance of bids and asks near the mid")


@frozen(kw_only=True)
class ImbalanceConfig:
    """Levels between -1 (no bids) and 1 (no asks)."""

    depth: Literal["band", "levels"] = field(default="band", validator=validators.in_(("band", "levels")))
    """``band``: within 10 bp of the mid; ``levels``: the best 20 of each side."""
    smoothing_ms: int = field(default=500, validator=[validators.ge(100), validators.le(10_000)])
    """The value is the median of the rows of the last so many milliseconds."""
    trigger: float = field(default=-0.8, validator=[validators.ge(-1), validators.le(1)])
    """Fires at or below this imbalance."""
    release: float = field(default=-0.6, validator=[validators.ge(-1), validators.le(1), release_above_trigger])
    """Stays on until the imbalance is above this; equal to the trigger for no hysteresis."""


class ImbalanceParams(NamedTuple):
    """What the step needs."""

    levels: int


class ImbalanceState(NamedTuple):
    """The readings of the last rows."""

    readings: list[float]
    at: list[int]


class ImbalanceLevels(NamedTuple):
    """Thresholds of :func:`judge`."""

    trigger: float
    release: float


def step(state: ImbalanceState, row: FeatureRow, params: ImbalanceParams) -> tuple[Floats, Floats]:
    """``(obi,), ()``."""
    reading = nan
    if row.book_usable:
        if params.levels:
            bid = row.top_bid_qty
            ask = row.top_ask_qty
        else:
            bid = row.band_bid_qty
            ask = row.band_ask_qty
        total = bid + ask
        if total > 0.0:
            reading = (bid - ask) / total
    ring = state.readings
    at = state.at
    slot = at[0]
    ring[slot] = reading
    slot += 1
    at[0] = 0 if slot == len(ring) else slot
    if reading != reading:
        return (nan,), ()
    return (median_of_present(ring),), ()


def judge(statistic: Floats, _baseline: Floats, levels: ImbalanceLevels, was_fired: bool) -> tuple[float, bool]:
    """The imbalance; fires at or below ``trigger``, stays until above ``release``."""
    value = statistic[0]
    if value != value:
        return nan, False
    return value, value <= (levels.release if was_fired else levels.trigger)


def build(config: ImbalanceConfig, _context: BuildContext) -> StepIndicator:
    """The program for one symbol."""
    rows = max(1, -(-config.smoothing_ms * 1000 // GRID_US))
    return StepIndicator(
        step=step,
        state=ImbalanceState(readings=[nan] * rows, at=[0]),
        params=ImbalanceParams(levels=int(config.depth == "levels")),
        judge=judge,
        levels=ImbalanceLevels(config.trigger, config.release),
    )


@hookimpl
def flashcrash_indicators() -> list[IndicatorSpec]:
    """The imbalance indicator."""
    return [
        IndicatorSpec(
            name="imbalance",
            summary="(bids - asks) / (bids + asks) within 10 bp of the mid",
            config=ImbalanceConfig,
            build=build,
            statistics=("obi",),
            role=Role.CORE,
            needs=frozenset({"book"}),
            warmup_s=0.5,
            invariances=frozenset({"scale", "time_shift"}),
        )
    ]
