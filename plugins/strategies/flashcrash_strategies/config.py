"""Settings of the ``percentile`` strategy; defaults are reference/microstructure.md section 5."""

from enum import StrEnum
from typing import Any

from attrs import field, frozen, validators

from flashcrash_core.api import ConfigError

__all__ = ["EntryType", "LevelsMode", "PercentileConfig"]


class LevelsMode(StrEnum):
    """Where entry and exit prices come from (section 5.1)."""

    RANGE_FRACTION = "range_fraction"
    """Fractions of the newest closed bullish bar's range."""
    ROLLING_RANGE = "rolling_range"
    """Fractions of the range since the last fresh low."""
    EMPIRICAL = "empirical"
    """Volume-weighted percentiles of the prices traded in the last seconds."""


class EntryType(StrEnum):
    """Order type of entries."""

    LIMIT = "limit"
    """Post-only at the entry price."""
    MARKET = "market"
    """Takes at once; for comparison, it pays spread and taker fee."""


_positive: Any = validators.gt(0)
_not_negative: Any = validators.ge(0)
_fraction: Any = [validators.ge(0), validators.le(1)]


@frozen(kw_only=True)
class PercentileConfig:
    """Names carry their units: ``_s`` seconds, ``_pct`` percent, ``_bp`` basis points, ``_quote`` quote currency."""

    # -- prices
    levels: LevelsMode = field(default=LevelsMode.RANGE_FRACTION, converter=LevelsMode)
    """``range_fraction``, ``rolling_range`` or ``empirical``."""
    entry_fraction: float = field(default=0.2, validator=_fraction)
    """Entry price: low + this fraction of the range, rounded down to the tick; ``empirical``: this percentile."""
    exit_fraction: float = field(default=0.8, validator=_fraction)
    """Target price: low + this fraction of the range, rounded up to the tick; ``empirical``: this percentile."""
    extremum_window_s: int = field(default=3, validator=validators.ge(1))
    """``rolling_range`` restarts at a bar whose low is below the lows of this many seconds before it."""
    empirical_window_s: float = field(default=10.0, validator=[_positive, validators.le(600)])
    """``empirical`` looks at the trades of this many seconds, as far as the strategy was awake."""
    empirical_min_trades: int = field(default=20, validator=validators.ge(1))
    """Fewer trades in that window: entries are refused as ``no_distribution``."""
    adaptive_fractions: bool = False
    """Widen both fractions with the volatility ratio (section 5.4, last paragraph)."""
    volatility_from: str = "volatility"
    """Indicator instance whose reading ``adaptive_fractions`` uses."""

    # -- entry order
    order_type: EntryType = field(default=EntryType.LIMIT, converter=EntryType)
    """``limit`` (post-only) or ``market``. A market order buys above the bar that it was judged by, so with the default levels the
    edge check refuses every one (reason ``edge``); it needs other ``levels`` or a negative ``min_edge_bp``."""
    entry_ttl_s: float = field(default=1.5, validator=_positive)
    """Time to live of the entry order, from the decision."""
    entry_equity_pct: float = field(default=33.33, validator=[_positive, validators.le(100)])
    """Share of equity per entry."""
    max_positions: int = field(default=3, validator=validators.ge(1))
    """Over all symbols, entries in flight included."""

    # -- entry gates
    volume_ratio: float = field(default=2.0, validator=_not_negative)
    """The bar's volume must be above this multiple of the mean of the previous bars; 0 disables the comparison."""
    volume_bars: int = field(default=60, validator=validators.ge(1))
    """Previous bars in that mean, empty ones included."""
    min_volume_quote: float = field(default=1_000.0, validator=_not_negative)
    """Least traded notional of the bar."""
    range_samples: int = field(default=1_000, validator=validators.ge(1))
    """Ranges of non-empty bars kept for the median."""
    range_min_samples: int = field(default=30, validator=validators.ge(1))
    """Fewer ranges: entries are refused as ``not_warm_ranges``."""
    min_range_pct: float = field(default=0.5, validator=_not_negative)
    """Least range of the bar, percent of its close."""
    range_reset: bool = False
    """Forget the ranges at a new extreme of the kept bars; in a fall that blocks most entries (section 5.1)."""
    cooldown_fill_s: float = field(default=5.0, validator=_not_negative)
    """No entry this long after an entry decision that led to a fill."""
    cooldown_loss_s: float = field(default=10.0, validator=_not_negative)
    """No entry this long after a position closed at a loss."""
    min_edge_bp: float = field(default=5.0, validator=validators.ge(-10_000))
    """Least return from entry to target after fees."""
    score_threshold: float = field(default=70.0, validator=[validators.ge(0), validators.le(100)])
    """Least score, before the scorer's relief."""
    pattern_from: str = "candle_patterns"
    """Indicator instance that gives ``climax``."""

    # -- exits, each with its switch
    hard_stop: bool = True
    """Rule 2."""
    stop_loss_pct: float = field(default=0.8, validator=[_positive, validators.lt(100)])
    """Fall of the selling price below the average entry price."""
    negative_gap: bool = True
    """Rule 3."""
    gap_pct: float = field(default=0.1, validator=_not_negative)
    """A bar opening this far below the close before it."""
    bearish_body_pct: float = field(default=0.1, validator=_not_negative)
    """A bar closing lower than it opened by more than this."""
    buying_climax: bool = True
    """Rule 4: sell into a buying climax while in profit. The entry gate ``climax`` stays on."""
    trailing_stop: bool = True
    """Rule 5."""
    trailing_arm_fraction: float = field(default=0.5, validator=_fraction)
    """Share of the distance to the target that arms it."""
    trailing_atr_multiple: float = field(default=2.0, validator=_not_negative)
    """Distance of the stop below the high-water mark, in mean ranges."""
    trailing_atr_bars: int = field(default=10, validator=validators.ge(1))
    """Newest non-empty bars in that mean."""
    target: bool = True
    """Rule 6: a resting post-only sell at the target."""
    time_decay: bool = True
    """Rule 7: the target comes down with time."""
    decay_fraction: float = field(default=0.3, validator=_fraction)
    """How far the exit fraction falls in all; ``empirical`` falls by the same share of the way from target to entry."""
    decay_s: float = field(default=10.0, validator=_positive)
    """Time that this takes, from the first fill."""
    reprice_s: float = field(default=1.0, validator=_not_negative)
    """Least time between two re-pricings of the target."""
    max_hold: bool = True
    """Rule 8."""
    max_hold_s: float = field(default=20.0, validator=_positive)
    """From the first fill."""
    collar_bp: float = field(default=20.0, validator=[validators.ge(0), validators.lt(10_000)])
    """Exits take down to this far below the best bid, and no further."""
    cancel_retry_s: float = field(default=1.0, validator=_positive)
    """An order that is still open this long after its cancel is cancelled again."""

    def __attrs_post_init__(self) -> None:
        if not self.entry_fraction < self.exit_fraction:
            raise ConfigError(
                f"strategy.entry_fraction ({self.entry_fraction}) must be below strategy.exit_fraction ({self.exit_fraction}); "
                "lower the first or raise the second"
            )
        if self.time_decay and not self.target:
            raise ConfigError(
                "strategy.time_decay lowers the resting target: set strategy.target = true or strategy.time_decay = false"
            )
