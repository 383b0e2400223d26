"""Micro-candle patterns (reference/microstructure.md I7): sellers tiring, buyers overreaching.

On closed bars of trades. *Selling exhaustion*: n in {5, 4, 3} falling bars in a row, each with a lower wick above 20 % of its
range, wicks growing by at least 10 % and bodies shrinking. *Buying climax*: n in {5, 4, 3} rising bars, the last with an upper
wick above 30 % of its range and more than 1.5 times the mean volume of the others. Bars without trades, with a feed gap, or
with a range below max(5 ticks, 2 bp) break a sequence. A pattern holds ``valid_s`` from the row that first shows its last bar.
Value: n of the exhaustion, 0 without one; missing until three bars have closed. Comparisons are made in ticks: 1.1 x 0.10 must
equal 0.11.

The seed reading (section 2.10) says nothing about patterns and uses the same settings.
"""

from math import floor, nan
from typing import NamedTuple

from attrs import field, frozen, validators

from flashcrash_core.api import BuildContext, FeatureRow, Floats, IndicatorSpec, PluginInfo, Role, StepIndicator, hookimpl
from flashcrash_indicators.rolling import SECOND_US

__all__ = ["CandlePatternsConfig", "CandlePatternsParams", "CandlePatternsState", "build", "judge", "step"]

flashcrash_plugin = PluginInfo(api=1, summary="I7: selling exhaustion and buying climax in 1-s candles")

LONGEST = 5
SHORTEST = 3
_EPSILON = 1e-9  # of a tick: what is left of a decimal comparison after the division by the tick


@frozen(kw_only=True)
class CandlePatternsConfig:
    """Shares as fractions; the range limit in ticks and basis points."""

    period_s: int = field(default=1, validator=[validators.ge(1), validators.le(5)])
    """Length of a candle (s), put together from 1-s bars."""
    valid_s: float = field(default=3.0, validator=validators.gt(0))
    """How long (s) a pattern holds from the row that first shows its last candle."""
    min_range_ticks: float = field(default=5.0, validator=validators.ge(0))
    """A candle with a range (high minus low) of fewer ticks breaks a sequence."""
    min_range_bp: float = field(default=2.0, validator=validators.ge(0))
    """A candle with a range of fewer basis points of its close breaks a sequence."""
    lower_wick: float = field(default=0.20, validator=[validators.ge(0), validators.lt(1)])
    """Selling exhaustion: share of the range that each lower wick exceeds."""
    wick_growth: float = field(default=1.10, validator=validators.gt(0))
    """Selling exhaustion: each lower wick is at least this multiple of the one before."""
    upper_wick: float = field(default=0.30, validator=[validators.ge(0), validators.lt(1)])
    """Buying climax: share of the range that the last upper wick exceeds."""
    volume_factor: float = field(default=1.5, validator=validators.gt(0))
    """Buying climax: the last volume exceeds this multiple of the mean of the others."""


class CandlePatternsParams(NamedTuple):
    """What the step needs."""

    tick: float
    period: int
    valid_us: int
    min_ticks: float
    min_fraction: float
    lower_wick: float
    wick_growth: float
    upper_wick: float
    volume_factor: float


class CandlePatternsState(NamedTuple):
    """The last five bars, newest last, in ticks (volume in quote); ``usable`` is 0.0 for a bar that breaks sequences."""

    opens: list[float]
    highs: list[float]
    lows: list[float]
    closes: list[float]
    volumes: list[float]
    usable: list[float]
    forming: list[float]
    """The bar being put together from 1-s bars: open, high, low, close, volume, trades, 1.0 if a gap."""
    at: list[int]
    """Bars closed (capped), start of the newest 1-s bar, 1-s bars in the forming one, ends of the two validities (us)."""
    out: list[float]
    """Exhaustion n, climax."""


def in_ticks(price: float, tick: float) -> float:
    """Price as a whole number of ticks; 0 for no price."""
    if not price > 0.0:
        return 0.0
    return float(floor(price / tick + 0.5))


def push(bars: list[float], newest: float) -> None:
    """Drop the oldest of the five values and append the newest."""
    bars[0], bars[1], bars[2], bars[3], bars[4] = bars[1], bars[2], bars[3], bars[4], newest


def exhaustion(state: CandlePatternsState, params: CandlePatternsParams) -> int:
    """Length of the falling run that ends in the newest bar, at most 5; 0 below 3."""
    opens = state.opens
    highs = state.highs
    lows = state.lows
    closes = state.closes
    usable = state.usable
    run = 0
    next_wick = 0.0
    next_body = 0.0
    for i in range(LONGEST - 1, -1, -1):
        body = opens[i] - closes[i]
        wick = closes[i] - lows[i]
        span = highs[i] - lows[i]
        if usable[i] == 0.0 or not body > 0.0 or not wick > params.lower_wick * span + _EPSILON:
            break
        if run > 0 and not (next_wick >= params.wick_growth * wick - _EPSILON and next_body < body):
            break
        next_wick = wick
        next_body = body
        run += 1
    return run if run >= SHORTEST else 0


def climax(state: CandlePatternsState, params: CandlePatternsParams) -> bool:
    """Whether a rising run that ends in the newest bar is a climax for any n of 5, 4 and 3."""
    opens = state.opens
    highs = state.highs
    closes = state.closes
    volumes = state.volumes
    usable = state.usable
    last = LONGEST - 1
    if not highs[last] - closes[last] > params.upper_wick * (highs[last] - state.lows[last]) + _EPSILON:
        return False
    others = 0.0
    for before in range(LONGEST):
        i = last - before
        if usable[i] == 0.0 or not closes[i] > opens[i]:
            return False
        if before > 0:
            others += volumes[i]
        if before + 1 >= SHORTEST and volumes[last] > params.volume_factor * others / before:
            return True
    return False


def take_bar(state: CandlePatternsState, row: FeatureRow, params: CandlePatternsParams) -> bool:
    """Put the newest 1-s bar into the forming bar; whether that closed it."""
    forming = state.forming
    at = state.at
    second = row.bar_start_us // SECOND_US
    if row.bar_start_us != at[1] + SECOND_US:
        at[2] = 0
        usable = state.usable
        for i in range(LONGEST):
            usable[i] = 0.0
    at[1] = row.bar_start_us
    if second % params.period == 0 or at[2] == 0:
        at[2] = 0 if second % params.period == 0 else -params.period  # a bar whose beginning was not seen never counts
        forming[0] = row.bar_open
        forming[1] = row.bar_high
        forming[2] = row.bar_low
        forming[4] = 0.0
        forming[5] = 0.0
        forming[6] = 0.0
    at[2] += 1
    if row.bar_high > forming[1]:
        forming[1] = row.bar_high
    if row.bar_low < forming[2]:
        forming[2] = row.bar_low
    forming[3] = row.bar_close
    forming[4] += row.bar_notional
    if row.bar_empty == 0:
        forming[5] += 1.0
    if row.bar_gap:
        forming[6] = 1.0
    return at[2] == params.period


def step(state: CandlePatternsState, row: FeatureRow, params: CandlePatternsParams) -> tuple[Floats, Floats]:
    """``(exhaustion, climax), ()``."""
    at = state.at
    out = state.out
    if row.bar_new and take_bar(state, row, params):
        at[2] = 0
        forming = state.forming
        close = in_ticks(forming[3], params.tick)
        high = in_ticks(forming[1], params.tick)
        low = in_ticks(forming[2], params.tick)
        push(state.opens, in_ticks(forming[0], params.tick))
        push(state.highs, high)
        push(state.lows, low)
        push(state.closes, close)
        push(state.volumes, forming[4])
        limit = max(params.min_ticks, params.min_fraction * close) - _EPSILON
        whole = forming[5] > 0.0 and forming[6] == 0.0 and low > 0.0 and high - low >= limit
        push(state.usable, 1.0 if whole else 0.0)
        if at[0] < SHORTEST:
            at[0] += 1
        found = exhaustion(state, params)
        if found > 0:
            out[0] = float(found)
            at[3] = row.t_us + params.valid_us
        if climax(state, params):
            out[1] = 1.0
            at[4] = row.t_us + params.valid_us
    if at[0] < SHORTEST:
        return (nan, nan), ()
    if row.t_us >= at[3]:
        out[0] = 0.0
    if row.t_us >= at[4]:
        out[1] = 0.0
    return (out[0], out[1]), ()


def judge(statistic: Floats, _baseline: Floats, _levels: None, _was_fired: bool) -> tuple[float, bool]:
    """n of a valid selling exhaustion; fired while there is one."""
    return statistic[0], statistic[0] > 0.0


def build(config: CandlePatternsConfig, context: BuildContext) -> StepIndicator:
    """The program for one symbol."""
    params = CandlePatternsParams(
        tick=context.instrument.tick,
        period=config.period_s,
        valid_us=round(config.valid_s * SECOND_US),
        min_ticks=config.min_range_ticks,
        min_fraction=config.min_range_bp * 1e-4,
        lower_wick=config.lower_wick,
        wick_growth=config.wick_growth,
        upper_wick=config.upper_wick,
        volume_factor=config.volume_factor,
    )
    state = CandlePatternsState(
        opens=[0.0] * LONGEST,
        highs=[0.0] * LONGEST,
        lows=[0.0] * LONGEST,
        closes=[0.0] * LONGEST,
        volumes=[0.0] * LONGEST,
        usable=[0.0] * LONGEST,
        forming=[0.0] * 7,
        at=[0, -1, 0, 0, 0],
        out=[0.0, 0.0],
    )
    return StepIndicator(step=step, state=state, params=params, judge=judge, levels=None)


@hookimpl
def flashcrash_indicators() -> list[IndicatorSpec]:
    """The candle pattern indicator."""
    return [
        IndicatorSpec(
            name="candle_patterns",
            summary="Selling exhaustion (3 to 5 bars) and buying climax",
            config=CandlePatternsConfig,
            build=build,
            statistics=("exhaustion", "climax"),
            role=Role.PATTERN,
            warmup_s=5.0,
            invariances=frozenset({"scale", "time_shift"}),
        )
    ]
