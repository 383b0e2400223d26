"""What a simulated market is asked to do: one frozen record, and a few named presets.

The market is openly synthetic. Its crash is a designed exercise of the whole pipeline (detector, score, strategy, fills), drawn so
that each of its parts has something to do; it is no model of any real market and no evidence of detection or profit.
"""

from typing import Any, Final

from attrs import Attribute, evolve, field, frozen, validators

from flashcrash_core.errors import ConfigError

__all__ = ["MARKET_PRESETS", "SIMULATED_SYMBOL", "STEP_US", "MarketScenario", "scenario_preset"]

SIMULATED_SYMBOL: Final = "SIMUSDT"
STEP_US: Final = 100_000
"""One step of the simulation: the pace of the book's deltas, microseconds."""

TAIL_S: Final = 5
"""Whole seconds that follow a fall in each leg: snap-back, hold, retest with recovery, and two of plateau."""

_positive = validators.gt(0.0)
_below_tenth = validators.and_(validators.gt(0.0), validators.lt(0.1))
_fraction = validators.and_(validators.ge(0.0), validators.lt(0.9))
_share = validators.and_(validators.ge(0.0), validators.le(1.0))


@frozen(kw_only=True)
class MarketScenario:
    """A market, in the order in which it happens: calm, crash in legs, bounce in swings, aftermath.

    Durations are whole seconds, because the legs are laid out on the one-second bars. ``upward`` mirrors the path in log price
    and swaps the sides. Rates, sizes and the spread are those of the calm; flashcrash_core/simulation/stages.py says
    by what each stage of the crash multiplies them. Raises ValueError for values out of range.
    """

    symbol: str = SIMULATED_SYMBOL
    start_us: int = field(default=1_893_456_000_000_000, validator=validators.gt(0))
    """First microsecond, UTC: 2030-01-01, obviously not a recording."""
    start_price: float = field(default=50_000.0, validator=_positive)

    calm_s: int = field(default=420, validator=validators.ge(1))
    """Longer than the detector's 320 s of warm-up, with a margin."""
    crash_fall: float = field(default=0.10, validator=_fraction)
    """Fall from the calm's price to the lowest point, as a fraction; 0 for no crash."""
    crash_s: int = field(default=50, validator=validators.ge(0))
    legs: int = field(default=5, validator=validators.in_(range(1, 21)))
    snap_fraction: float = field(default=0.011, validator=_below_tenth)
    """Typical rise of the snap-back that ends each leg, as a fraction of the price."""
    bounce_fraction: float = field(default=0.55, validator=_share)
    """Part of the fall (in log price) that is recovered by the end of the bounce."""
    bounce_s: int = field(default=60, validator=validators.ge(0))
    swings: int = field(default=3, validator=validators.in_(range(21)))
    aftermath_s: int = field(default=120, validator=validators.ge(0))
    """Long enough for the detector to go back to sleep: 60 s of calm in RECOVERY, with a margin."""
    upward: bool = False

    calm_sigma: float = field(default=4e-5, validator=_below_tenth)
    """Standard deviation of one-second log returns in the calm."""
    trades_per_s: float = field(default=12.0, validator=_positive)
    trade_notional: float = field(default=1_500.0, validator=_positive)
    """Mean size of an aggressor's order, quote currency."""
    quotes_per_s: float = field(default=40.0, validator=_positive)
    spread_bp: float = field(default=0.5, validator=_positive)
    """Wide enough that 4 to 10 times it is more than the 2 bp that the spread indicator asks for."""
    depth_levels: int = field(default=40, validator=validators.in_(range(20, 501)))
    """Levels kept on each side."""
    level_gap_bp: float = field(default=0.8, validator=_positive)
    level_notional: float = field(default=40_000.0, validator=_positive)
    """Mean size of a level, quote currency."""
    latency_ms: float = field(default=12.0, validator=_positive)
    """Median way from the exchange to the receiver."""

    @crash_s.validator
    def _check_crash(self, _: "Attribute[int]", value: int) -> None:
        if self.crash_fall and not value:
            raise ValueError("crash_s must be positive when crash_fall is; set crash_fall = 0 for a market without a crash")

    def __attrs_post_init__(self) -> None:
        shortest_leg = TAIL_S + 2
        if self.crash_fall and self.crash_s < self.legs * shortest_leg:
            raise ValueError(f"crash_s = {self.crash_s} is too short for {self.legs} legs of at least {shortest_leg} s")
        shortest_swing = TAIL_S + 4
        if self.crash_fall and self.swings and self.bounce_s < self.swings * shortest_swing:
            raise ValueError(f"bounce_s = {self.bounce_s} is too short for {self.swings} swings of at least {shortest_swing} s")

    @property
    def crash_start_us(self) -> int:
        """When the crash begins (the end of the calm)."""
        return self.start_us + self.calm_s * 1_000_000

    @property
    def duration_s(self) -> int:
        """Length of the whole market in seconds."""
        crash_s = self.crash_s + self.bounce_s if self.crash_fall else 0
        return self.calm_s + crash_s + self.aftermath_s

    @property
    def end_us(self) -> int:
        """End of the market, exclusive."""
        return self.start_us + self.duration_s * 1_000_000


MARKET_PRESETS: Final[dict[str, MarketScenario]] = {
    "crash_and_bounce": MarketScenario(),
    "calm": MarketScenario(crash_fall=0.0, crash_s=0, bounce_s=0, swings=0, calm_s=600, aftermath_s=0),
    "crash_without_bounce": MarketScenario(bounce_fraction=0.02, bounce_s=20, swings=0),
    "up_squeeze": MarketScenario(upward=True, snap_fraction=0.0015, bounce_fraction=0.0, bounce_s=0, swings=0),
}
"""``crash_and_bounce`` is the default of the ``simulated`` feed. ``up_squeeze`` has no pull-back of 30 bp: every sign-blind
indicator fires in it, and only the direction gate (reference/microstructure.md section 2.9) keeps the detector from ACTIVE."""


def scenario_preset(name: str, **changes: Any) -> MarketScenario:
    """A preset with changes. Raises ConfigError for an unknown preset, an unknown field or a value out of range."""
    preset = MARKET_PRESETS.get(name)
    if preset is None:
        raise ConfigError(f"simulated market: no preset {name!r}; choose one of {', '.join(MARKET_PRESETS)}")
    try:
        return evolve(preset, **changes)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"simulated market, preset {name!r}: {error}; change the value or leave it out") from error
