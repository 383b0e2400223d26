"""Price acceleration (reference/microstructure.md I2): the onset of a fall, an impulse.

``a_k = r_k - r_(k-1) = ln(P_k P_(k-2) / P_(k-1)^2)`` per s^2 from the newest three consecutive 1-s bars; a fall at constant
speed has a = 0. It fires at ``a <= -max(level, sigmas * sigma_baseline)``, where ``sigma_baseline`` is the volatility
indicator's (floored, and frozen by the detector with it); the flag stays ``latch_s`` longer than the bar is the newest one. A
carried price (empty bar, price unchanged) counts as a = 0 while the feed is healthy: without it every pause after a rise would
look like a fall.

===================  ======================  ========================================================
setting              ``robust`` (default)    ``seed`` (section 2.10)
===================  ======================  ========================================================
formula              log                     seed: (P - 2 P' + P'') / P'', fires below the level, not at it
level                0.0015                  0.004
sigmas               6 sqrt(2) = 8.485...    0 (no baseline needed)
latch_s              2.0                     0
===================  ======================  ========================================================
"""

from math import log, nan, sqrt
from typing import Literal, NamedTuple

from attrs import field, frozen, validators

from flashcrash_core.api import BuildContext, FeatureRow, Floats, IndicatorSpec, PluginInfo, Role, StepIndicator, hookimpl
from flashcrash_indicators.rolling import SECOND_US

__all__ = ["AccelerationConfig", "AccelerationLevels", "AccelerationParams", "AccelerationState", "build", "judge", "step"]

flashcrash_plugin = PluginInfo(api=1, summary="I2: price acceleration, the onset of a fall")


@frozen(kw_only=True)
class AccelerationConfig:
    """Levels in log return per s^2."""

    formula: Literal["log", "seed"] = field(default="log", validator=validators.in_(("log", "seed")))
    """``log``: second difference of the log price; ``seed``: second difference of the price over the oldest one."""
    level: float = field(default=0.0015, validator=validators.gt(0))
    """Size of the fall, in log return per s^2, from which on it may fire."""
    sigmas: float = field(default=6.0 * sqrt(2.0), validator=validators.ge(0))
    """Multiple of ``sigma_baseline`` that a fall must reach as well; 0 needs no baseline."""
    latch_s: float = field(default=2.0, validator=[validators.ge(0), validators.le(10)])
    """How long (s) the flag stays on after its bar is no longer the newest one."""


class AccelerationParams(NamedTuple):
    """What the step needs."""

    seed: int


class AccelerationState(NamedTuple):
    """The two bars before the newest one."""

    out: list[float]
    """Acceleration, price of the newest bar, price of the one before."""
    at: list[int]
    """Start of the newest bar (us)."""


class AccelerationLevels(NamedTuple):
    """Thresholds of :func:`judge`."""

    level: float
    sigmas: float
    strict: bool
    """Fire below the level only, not at it (the seed reading)."""


def step(state: AccelerationState, row: FeatureRow, params: AccelerationParams) -> tuple[Floats, Floats]:
    """``(acceleration,), ()``; changes only in the rows that see a new bar."""
    out = state.out
    if row.bar_new == 0:
        return (out[0],), ()
    price = row.bar_price
    if row.bar_gap or not price > 0.0:
        price = nan
    at = state.at
    last = out[1]
    before = out[2]
    if row.bar_start_us != at[0] + SECOND_US:
        last = nan
        before = nan
    at[0] = row.bar_start_us
    out[1] = price
    out[2] = last
    if params.seed:
        out[0] = (price - 2.0 * last + before) / before if before == before else nan
    elif row.bar_empty and price == last:
        out[0] = 0.0 if row.unhealthy == 0 and before == before else nan
    elif price == price and last == last and before == before:
        out[0] = log(price / last) - log(last / before)
    else:
        out[0] = nan
    return (out[0],), ()


def judge(statistic: Floats, baseline: Floats, levels: AccelerationLevels, _was_fired: bool) -> tuple[float, bool]:
    """The acceleration itself, negative in a fall; ``baseline`` is the volatility indicator's."""
    value = statistic[0]
    if value != value:
        return nan, False
    limit = levels.level
    if levels.sigmas > 0.0:
        sigma = baseline[0]
        if sigma != sigma:
            return nan, False
        if levels.sigmas * sigma > limit:
            limit = levels.sigmas * sigma
    return value, value < -limit or (value == -limit and not levels.strict)


def build(config: AccelerationConfig, _context: BuildContext) -> StepIndicator:
    """The program for one symbol."""
    return StepIndicator(
        step=step,
        state=AccelerationState(out=[nan] * 3, at=[-1]),
        params=AccelerationParams(seed=int(config.formula == "seed")),
        judge=judge,
        levels=AccelerationLevels(config.level, config.sigmas, config.formula == "seed"),
        latch_us=round(config.latch_s * SECOND_US),
    )


@hookimpl
def flashcrash_indicators() -> list[IndicatorSpec]:
    """The acceleration indicator."""
    return [
        IndicatorSpec(
            name="acceleration",
            summary="Change of the 1-s log return from bar to bar",
            config=AccelerationConfig,
            build=build,
            statistics=("acceleration",),
            role=Role.CORE,
            warmup_s=5.0,
            baseline_from="volatility",
            invariances=frozenset({"scale", "time_shift"}),
        )
    ]
