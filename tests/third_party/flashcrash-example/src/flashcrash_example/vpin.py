"""VPIN: how one-sided the trading of the last volume buckets was.

Trading is cut into buckets of equal notional V. With Vb bought and Vs sold by aggressors in a bucket, over the last n buckets

    VPIN = sum |Vb - Vs| / sum V         (sum V = n V when all buckets are of one size)

0 is balanced trading, 1 is everybody on one side (Easley, Lopez de Prado and O'Hara 2011). The exchange says who the aggressor was,
so ``vpin`` uses exact sides. ``vpin_bvc`` is the form of the original paper, which had to guess them: a bucket's share of buying is
Phi(dP / sigma), with the price change over the bucket and the standard deviation of those changes.

What it is not: Andersen and Bondarenko (2014) found that VPIN adds nothing once volume and volatility are known, that it peaked
after the crash of May 2010 and not before, and that the result turns around with exact trade signs. So no reading stands alone
here: ``volume_ratio`` and ``volatility`` of the same buckets come with each, and whoever uses VPIN must show what it adds to them.

Buckets are of ``bucket_notional``, or of ``bucket_share`` of the last day's volume when that is 0. Until a day has passed that is the
volume so far, so the first buckets are small and the reading does not take a day to come. A bucket keeps its first size. Trading is split at bucket ends, in the proportion of the row. The flag compares VPIN with quantiles of its own past; values
whose buckets overlap with the present ones are no past. A feed gap drops the open bucket: what it would have held is unknown.
"""

from bisect import bisect_left, insort
from math import erf, inf, isnan, log, nan, sqrt
from typing import Final, NamedTuple

from attrs import Attribute, field, frozen, validators
from flashcrash_core.api import (
    UNHEALTHY_GAP,
    BuildContext,
    FeatureRow,
    Floats,
    IndicatorSpec,
    PluginInfo,
    StepIndicator,
    hookimpl,
)

from flashcrash_example.daily_volume import BLOCK_ROWS, DayVolume, day_volume, new_day_volume, rows_seen

__all__ = ["VpinConfig", "VpinParams", "VpinState", "build", "bulk_buy_share", "judge", "step"]

flashcrash_plugin = PluginInfo(api=1, summary="VPIN from exact aggressor flags, with volume and volatility beside it")

WARMUP_S: Final = 300
ROWS_PER_S: Final = 10
LARGEST_NOTIONAL: Final = 1e18
"""More than any market trades in a year; a row that claims more, or a negative amount, is nonsense and counts as no trading."""


def _not_above_trigger(instance: "VpinConfig", _attribute: "Attribute[float]", value: float) -> None:
    if value > instance.trigger:
        raise ValueError(f"must not be above trigger {instance.trigger:g}; got {value:g}")


@frozen(kw_only=True)
class VpinConfig:
    """Amounts in quote currency; levels are quantiles of VPIN's own past."""

    bucket_notional: float = field(default=0.0, validator=[validators.ge(0), validators.le(LARGEST_NOTIONAL)])
    """Size of a bucket; 0: ``bucket_share`` of the last day's volume."""
    bucket_share: float = field(default=0.02, validator=[validators.gt(0), validators.le(1)])
    """Share of the last day's volume in a bucket; 1/50 is the paper's."""
    buckets: int = field(default=50, validator=[validators.ge(2), validators.le(1000)])
    """How many buckets VPIN looks back (n)."""
    warmup_s: int = field(default=WARMUP_S, validator=[validators.ge(0), validators.le(86_400)])
    """No reading before this long, however many buckets are full: buckets of a market's first minute say little."""
    history_buckets: int = field(default=1000, validator=[validators.ge(10), validators.le(10_000)])
    """Past values that the quantiles are taken of, one for each bucket."""
    min_samples: int = field(default=100, validator=validators.ge(10))
    """Past values needed before anything can fire."""
    trigger: float = field(default=0.99, validator=[validators.gt(0), validators.le(1)])
    """Fires at or above this quantile."""
    release: float = field(default=0.90, validator=[validators.gt(0), validators.le(1), _not_above_trigger])
    """Stays on down to this quantile."""

    @min_samples.validator
    def _reachable(self, _attribute: object, value: int) -> None:
        if value > self.history_buckets:
            raise ValueError(f"min_samples {value} can never be met by history_buckets {self.history_buckets}; lower it")


class VpinParams(NamedTuple):
    """What the step needs."""

    bucket_notional: float
    bucket_share: float
    warmup_rows: int
    min_samples: int
    history: int
    trigger: float
    release: float


class VpinState(NamedTuple):
    """The open bucket, rings of the last n, the past, and the daily volume. Everything a snapshot has to keep."""

    open: list[float]
    """Bought, sold and size of the open bucket (size 0: none), price at its start, 0 if unknown."""
    imbalances: list[float]
    """``|Vb - Vs|`` of the last n buckets."""
    sizes: list[float]
    changes: list[float]
    """Price change over each."""
    log_changes: list[float]
    """The same as log returns."""
    rows: list[int]
    """Rows that each took."""
    at: list[int]
    """Slot of the next bucket, buckets so far (at most n), rows in the open bucket, slot in ``recent``."""
    recent: list[float]
    """VPIN at the ends of the last n buckets, which overlap with the present ones; a ring."""
    past: list[float]
    """The values before them, oldest first."""
    past_sorted: list[float]
    out: list[float]
    """The pair as it stands until the next bucket ends."""
    day_blocks: list[float]
    day_at: list[int]
    day_open: list[float]


def bulk_buy_share(change: float, sigma: float) -> float:
    """Share of buying that bulk volume classification reads from a price change: Phi(change / sigma). NaN without a sigma."""
    return 0.5 * (1.0 + erf(change / sigma / sqrt(2.0))) if sigma > 0.0 else nan


def step(state: VpinState, row: FeatureRow, params: VpinParams) -> tuple[Floats, Floats]:
    """``(vpin, vpin_bvc, volume_ratio, volatility), (trigger_level, release_level)``."""
    buy = row.buy_notional
    sell = row.sell_notional
    notional = buy + sell
    if not (buy >= 0.0 and sell >= 0.0 and notional <= LARGEST_NOTIONAL):  # NaN fails too: no sum may take it in
        buy = sell = notional = 0.0
    filling, at = state.open, state.at
    days = DayVolume(state.day_blocks, state.day_at, state.day_open)
    day = day_volume(days, notional)
    at[2] += 1
    if row.unhealthy & UNHEALTHY_GAP:
        filling[2] = 0.0
    if filling[2] == 0.0:
        size = params.bucket_notional or params.bucket_share * day
        if size > 0.0:
            _open_bucket(state, size, row.price)
            at[2] = 1
    if notional > 0.0 and filling[2] > 0.0:
        _fill(state, row, params, buy, sell, day)
    out = state.out
    if rows_seen(days) < params.warmup_rows:
        return (nan, nan, nan, nan), (nan, nan)
    return (out[0], out[1], out[2], out[3]), (out[4], out[5])


def _open_bucket(state: VpinState, size: float, price: float) -> None:
    state.open[:] = [0.0, 0.0, size, price if 0.0 < price < inf else 0.0]
    state.at[2] = 0


def _fill(state: VpinState, row: FeatureRow, params: VpinParams, buy: float, sell: float, day: float) -> None:
    """Pour one row's trading into buckets, split at their ends in the proportion of the row."""
    filling, count = state.open, len(state.sizes)
    share = buy / (buy + sell)
    left = buy + sell
    room = filling[2] - filling[0] - filling[1]
    if left < room:
        filling[0] += buy
        filling[1] += sell
        return
    whole = 0
    while left >= room:
        filling[0] += share * room
        filling[1] += (1.0 - share) * room
        left -= room
        _close_bucket(state, row.price)
        # After a whole day without a trade the estimate is 0: the size that was good before must do.
        room = params.bucket_notional or params.bucket_share * day or filling[2]
        _open_bucket(state, room, row.price)
        whole += 1
        if whole > count:
            # Every bucket in the window is now of this row alone: more of them would change nothing but the time it takes.
            left %= room
    filling[0] += share * left
    filling[1] += (1.0 - share) * left
    _renew(state, params, day)


def _close_bucket(state: VpinState, price: float) -> None:
    """Move the open bucket into the rings, and its VPIN towards the past."""
    filling, at = state.open, state.at
    slot, count = at[0], len(state.sizes)
    known = filling[3] > 0.0 and 0.0 < price < inf
    state.imbalances[slot] = abs(filling[0] - filling[1])
    state.sizes[slot] = filling[2]
    state.changes[slot] = price - filling[3] if known else 0.0
    state.log_changes[slot] = log(price) - log(filling[3]) if known else 0.0
    state.rows[slot] = at[2]
    at[0] = (slot + 1) % count
    at[1] = min(at[1] + 1, count)
    if at[1] == count:
        value = sum(state.imbalances) / sum(state.sizes)
        slot = at[3]
        ripe, state.recent[slot] = state.recent[slot], value
        at[3] = (slot + 1) % count
        if not isnan(ripe):
            state.past.append(ripe)
            insort(state.past_sorted, ripe)


def _renew(state: VpinState, params: VpinParams, day: float) -> None:
    """The pair after a bucket ended."""
    out, count = state.out, len(state.sizes)
    while len(state.past) > params.history:
        oldest = state.past.pop(0)
        del state.past_sorted[bisect_left(state.past_sorted, oldest)]
    if state.at[1] < count:
        return
    total = sum(state.sizes)
    out[0] = sum(state.imbalances) / total
    mean = sum(state.changes) / count
    sigma = sqrt(sum((change - mean) * (change - mean) for change in state.changes) / (count - 1))
    guessed = [size * abs(2.0 * bulk_buy_share(c, sigma) - 1.0) for size, c in zip(state.sizes, state.changes, strict=True)]
    out[1] = sum(guessed) / total
    rows = sum(state.rows)
    usual = day / (state.day_at[1] * BLOCK_ROWS) if day > 0.0 else 0.0
    out[2] = total / rows / usual if rows > 0 and usual > 0.0 else nan
    out[3] = sqrt(sum(change * change for change in state.log_changes) / count)
    samples = len(state.past_sorted)
    enough = samples >= params.min_samples
    out[4] = state.past_sorted[int(params.trigger * (samples - 1))] if enough else nan
    out[5] = state.past_sorted[int(params.release * (samples - 1))] if enough else nan


def judge(statistic: Floats, baseline: Floats, _levels: None, was_fired: bool) -> tuple[float, bool]:
    """VPIN with exact sides; fires at its past's trigger quantile, stays until below the release quantile."""
    value = statistic[0]
    if isnan(value):
        return nan, False
    # A quantile that is not known yet is NaN, and nothing compares with NaN: no flag.
    return value, value >= (baseline[1] if was_fired else baseline[0])


def build(config: VpinConfig, _context: BuildContext) -> StepIndicator:
    """The program for one symbol."""
    n, day = config.buckets, new_day_volume()
    return StepIndicator(
        step=step,
        state=VpinState(
            open=[0.0, 0.0, 0.0, 0.0],
            imbalances=[0.0] * n,
            sizes=[0.0] * n,
            changes=[0.0] * n,
            log_changes=[0.0] * n,
            rows=[0] * n,
            at=[0, 0, 0, 0],
            recent=[nan] * n,
            past=[],
            past_sorted=[],
            out=[nan] * 6,
            day_blocks=day.blocks,
            day_at=day.at,
            day_open=day.open,
        ),
        params=VpinParams(
            bucket_notional=config.bucket_notional,
            bucket_share=config.bucket_share,
            warmup_rows=config.warmup_s * ROWS_PER_S,
            min_samples=config.min_samples,
            history=config.history_buckets,
            trigger=config.trigger,
            release=config.release,
        ),
        judge=judge,
        levels=None,  # they are quantiles of the past, so the baseline holds them
    )


@hookimpl
def flashcrash_indicators() -> list[IndicatorSpec]:
    """The VPIN indicator."""
    return [
        IndicatorSpec(
            name="vpin",
            summary="sum |bought - sold| / volume over the last volume buckets, exact sides",
            config=VpinConfig,
            build=build,
            statistics=("vpin", "vpin_bvc", "volume_ratio", "volatility"),
            baselines=("trigger_level", "release_level"),
            needs=frozenset({"trades"}),
            warmup_s=float(WARMUP_S),
            invariances=frozenset({"scale", "time_shift"}),
        )
    ]
