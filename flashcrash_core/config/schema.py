"""The kernel's own tables of the configuration. Plugins' tables are described by the plugins' own attrs classes.

Defaults here are the built-in layer; ``docs/architecture.md`` lists the layers above it. Units stand in the names.
"""

from decimal import Decimal
from typing import Any, Final, Literal

from attrs import Attribute, asdict, field, frozen, validators

from flashcrash_core.detection.indicator import Role
from flashcrash_core.detection.settings import DetectorConfig
from flashcrash_core.market.instruments import MarketKind
from flashcrash_core.trading.risk import RiskConfig

__all__ = [
    "OPTIONS",
    "FeeSettings",
    "FillSettings",
    "IndicatorTable",
    "InstrumentTable",
    "PluginTable",
    "RunSettings",
    "Settings",
]

OPTIONS: Final = "flashcrash_options"
"""Metadata mark of the field that takes the keys which belong to the plugin."""

MODES: Final = ("paper", "backtest", "real")


def _mode(_instance: Any, _attribute: "Attribute[Any]", value: str) -> None:
    if value not in MODES:
        raise ValueError(f"must be one of {', '.join(MODES)}; got {value!r}")


def _speed(_instance: Any, _attribute: "Attribute[Any]", value: Any) -> None:
    if value != "max" and (isinstance(value, str) or not value > 0):
        raise ValueError(f'must be "max" or a positive number (1 is real time); got {value!r}')


def _positive_decimal(_instance: Any, _attribute: "Attribute[Any]", value: Any) -> None:
    if value is not None and not value > 0:
        raise ValueError(f"must be positive; got {value}")


def _not_empty(_instance: Any, _attribute: "Attribute[Any]", value: str) -> None:
    if not value.strip():
        raise ValueError("must not be empty")


def _unique(_instance: Any, _attribute: "Attribute[Any]", value: tuple[str, ...]) -> None:
    if len(set(value)) != len(value):
        raise ValueError("names a symbol twice")


@frozen(kw_only=True)
class RunSettings:
    """``[run]``: what is run, on what, how fast."""

    mode: str = field(default="paper", validator=_mode)
    """``paper``, ``backtest``, or ``real``: orders for real money, on a live feed."""
    feed: str = field(default="simulated", validator=_not_empty)
    """Name of the feed plugin."""
    symbols: tuple[str, ...] = field(default=(), validator=_unique)
    """Symbols to take from the feed; empty means all that it has."""
    seed: int = field(default=1, validator=validators.ge(0))
    """Seed of everything that is drawn (simulated market, latencies)."""
    speed: str | float = field(default="max", validator=_speed)
    """``max``, or a multiple of real time."""
    price_source: Literal["auto", "mid", "trade"] = "auto"
    """What a bar's price is: the book's mid, the last trade, or the mid when the data has a book."""
    max_silence_s: float = field(default=900.0, validator=validators.gt(0))
    """Longest gap in event time that is bridged; a longer one restarts the warm-up."""
    snapshot_s: float = field(default=60.0, validator=validators.gt(0))
    """Event time between component snapshots in SLEEP."""
    snapshot_awake_s: float = field(default=5.0, validator=validators.gt(0))
    """Event time between component snapshots outside SLEEP."""
    plugin_watch: Literal["auto", "always", "never"] = "auto"
    """Whether calls into indicators, scorer and strategy are held to ``plugin_budget_ms``. ``auto``: on live feeds and at a
    ``speed``; at full speed no real time can be overrun, and no result may depend on the machine."""
    plugin_budget_ms: float = field(default=20.0, validator=validators.gt(0))
    """Real time that one such call may take. A later answer is discarded and counts as a fault; overruns are forgotten after 60 s
    of event time without another."""
    db: str = field(default="var/flashcrash.db", validator=_not_empty)
    """Where the storage plugin keeps its sessions."""


@frozen(kw_only=True)
class InstrumentTable:
    """``[instruments.SYMBOL]``: grid of a symbol, exact decimals. Keys left out keep the shipped value, if there is one."""

    tick_size: Decimal | None = field(default=None, validator=_positive_decimal)
    """Smallest price step, quote currency."""
    lot_size: Decimal | None = field(default=None, validator=_positive_decimal)
    """Smallest quantity step, base currency."""
    min_notional: Decimal | None = field(default=None, validator=validators.optional(validators.ge(Decimal(0))))
    """Smallest order value, quote currency."""
    quote_asset: str | None = None
    kind: MarketKind | None = None
    """``spot`` or ``usdm``; selects the book's continuity rule."""


@frozen(kw_only=True)
class PluginTable:
    """A table that names a plugin with ``use`` and otherwise holds that plugin's own keys."""

    use: str
    options: dict[str, Any] = field(factory=dict, metadata={OPTIONS: True})


@frozen(kw_only=True)
class IndicatorTable:
    """``[indicators.NAME]``: one indicator instance."""

    use: str | None = field(default=None, validator=validators.optional(_not_empty))
    """Name of the indicator that is built; may be left out in the table of one that a named plugin adds."""
    enabled: bool = True
    """false: this instance is not built."""
    role: Role | None = None
    """Overrides the plugin's own role."""
    options: dict[str, Any] = field(factory=dict, metadata={OPTIONS: True})


@frozen(kw_only=True)
class FeeSettings:
    """``[fees]``: commission in basis points of notional; a negative one is a rebate."""

    maker_bps: Decimal = field(default=Decimal(10), validator=[validators.ge(Decimal(-100)), validators.le(Decimal(1000))])
    taker_bps: Decimal = field(default=Decimal(10), validator=[validators.ge(Decimal(-100)), validators.le(Decimal(1000))])


@frozen(kw_only=True)
class FillSettings:
    """``[fills]``: fill model of the simulated executors (reference/microstructure.md section 5)."""

    model: Literal["auto", "M0", "M1", "M2", "M3"] = "auto"
    """``auto``: M2 with a book, else M1."""


@frozen(kw_only=True)
class Settings:
    """The whole configuration, structured. Plugin options stay raw until their plugin's class is at hand."""

    profile: str = "robust"
    """Shipped profile that the settings build on."""
    plugins: tuple[str, ...] = ()
    """Which plugins are loaded, in the grammar of --plugins; empty means all first-party ones."""
    run: RunSettings = field(factory=RunSettings)
    detector: DetectorConfig = field(factory=DetectorConfig)
    indicators: dict[str, IndicatorTable] = field(factory=dict)
    scorer: PluginTable = field(factory=lambda: PluginTable(use="weighted"))
    strategy: PluginTable = field(factory=lambda: PluginTable(use="percentile"))
    executor: PluginTable = field(factory=lambda: PluginTable(use=""))
    """``use`` empty: the executor that bears the name of the mode."""
    storage: PluginTable = field(factory=lambda: PluginTable(use="sqlite"))
    feeds: dict[str, dict[str, Any]] = field(factory=dict)
    """``[feeds.NAME]``: keys of the feed plugin NAME."""
    instruments: dict[str, InstrumentTable] = field(factory=dict)
    fees: FeeSettings = field(factory=FeeSettings)
    risk: RiskConfig = field(factory=RiskConfig)
    fills: FillSettings = field(factory=FillSettings)

    @property
    def executor_name(self) -> str:
        """The executor plugin's name: as configured, else the mode's."""
        return self.executor.use or self.run.mode

    @property
    def instrument_overrides(self) -> dict[str, dict[str, Any]]:
        """``[instruments]`` as fields of :class:`~flashcrash_core.market.instruments.Instrument`, without the keys left out."""
        return {
            symbol: {name: value for name, value in asdict(table).items() if value is not None}
            for symbol, table in self.instruments.items()
        }
