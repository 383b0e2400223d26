"""The feed ``simulated``: the kernel's seeded market, needing no network, key or file.

Openly synthetic: data tier "synthetic", an invented book. The default preset ``crash_and_bounce`` is drawn so that every part of
the pipeline has something to do (flashcrash_core/simulation/scenario.py); what it earns or loses says nothing about real markets.
Several symbols are independent markets with streams of random numbers split by symbol, merged by arrival time.
"""

import heapq
from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec
from attrs import asdict, field, frozen, validators

from flashcrash_core.api import (
    MARKET_PRESETS,
    SIMULATED_SYMBOL,
    ConfigError,
    DataTier,
    FeedRequest,
    FeedSpec,
    Instrument,
    MarketEvent,
    MarketScenario,
    PluginInfo,
    SimulatedMarket,
    SourceInfo,
    hookimpl,
    scenario_preset,
)

__all__ = ["SimulatedConfig", "SimulatedFeed", "SimulatedSource"]

flashcrash_plugin = PluginInfo(api=1, summary="Feed: a seeded simulated market with a crash in it")

_SAMPLE: Final = ("50000.01", "0.0001")
"""Price and quantity whose decimals an unknown symbol's grid is inferred from."""

_seconds = validators.optional(validators.and_(validators.ge(0), validators.le(86_400)))
_at_least_one_second = validators.optional(validators.and_(validators.ge(1), validators.le(86_400)))
_positive = validators.optional(validators.gt(0.0))
_fraction = validators.optional(validators.and_(validators.ge(0.0), validators.lt(0.9)))
_share = validators.optional(validators.and_(validators.ge(0.0), validators.le(1.0)))


@frozen(kw_only=True)
class SimulatedConfig:
    """``[feeds.simulated]``: settings of the simulated market. What is left out is the preset's."""

    preset: str = field(default="crash_and_bounce", validator=validators.in_(tuple(MARKET_PRESETS)))
    """``crash_and_bounce``, ``calm``, ``crash_without_bounce`` or ``up_squeeze``."""
    seed: int | None = None
    """Same seed and settings, same events. Left out: the run's seed."""
    start_price: float | None = field(default=None, validator=_positive)
    """Quote currency."""
    calm_s: int | None = field(default=None, validator=_at_least_one_second)
    """Seconds before the crash. The detector needs 320 s to warm up."""
    crash_fall: float | None = field(default=None, validator=_fraction)
    """Fall of the crash as a fraction of the price."""
    crash_s: int | None = field(default=None, validator=_seconds)
    """Seconds from the calm's end to the end of the last leg; at least 7 per leg."""
    legs: int | None = field(default=None, validator=validators.optional(validators.in_(range(1, 21))))
    bounce_fraction: float | None = field(default=None, validator=_share)
    """Part of the fall that is recovered."""
    bounce_s: int | None = field(default=None, validator=_seconds)
    """Seconds of the bounce; at least 9 per swing."""
    swings: int | None = field(default=None, validator=validators.optional(validators.in_(range(21))))
    aftermath_s: int | None = field(default=None, validator=_seconds)
    trades_per_s: float | None = field(default=None, validator=_positive)
    """Aggressor orders per second of calm."""
    quotes_per_s: float | None = field(default=None, validator=_positive)
    """Moves of the best quote per second of calm."""

    def scenario(self, symbol: str) -> MarketScenario:
        """The scenario of one symbol. Raises ConfigError when the settings do not fit together."""
        changes = asdict(self, filter=lambda attribute, value: value is not None and attribute.name not in ("preset", "seed"))
        return scenario_preset(self.preset, symbol=symbol, **changes)


class SimulatedSource:
    """One or more simulated markets, opened."""

    def __init__(self, config: SimulatedConfig, request: FeedRequest) -> None:
        symbols = tuple(symbol.upper() for symbol in request.symbols) or (SIMULATED_SYMBOL,)
        if len(set(symbols)) < len(symbols):
            raise ConfigError(f"feed simulated: symbols {', '.join(symbols)} name one market twice; name each once")
        seed = request.seed if config.seed is None else config.seed
        instruments = tuple(request.instruments(symbol, sample=_SAMPLE) for symbol in symbols)
        self._next_seq: Callable[[], int] = request.next_seq
        self._markets = tuple(_market(config, seed, instrument, request) for instrument in instruments)
        scenario = self._markets[0].scenario
        self._info = SourceInfo(
            symbols=tuple(instrument.symbol for instrument in instruments),
            has_book=True,
            data_tier=DataTier.SYNTHETIC,
            instruments=instruments,
            description=f"simulated market, preset {config.preset}, seed {seed}, {scenario.duration_s} s",
            synthetic_book=True,
        )
        self._streams = [market.events() for market in self._markets]
        self._closed = False

    @property
    def info(self) -> SourceInfo:
        """Symbols, instruments, and that all of it is synthetic."""
        return self._info

    def events(self) -> Iterator[MarketEvent]:
        """All events in arrival order; asked for once."""
        if len(self._streams) == 1:
            yield from self._streams[0]
            return
        next_seq, replace = self._next_seq, msgspec.structs.replace
        # Each market numbers its own events from 1; the arrival sequence of the run is only known once they are merged.
        # At equal times heapq.merge keeps the order of the symbols.
        for event in heapq.merge(*self._streams, key=_received):
            if self._closed:
                return
            yield replace(event, seq=next_seq())

    def progress(self) -> float:
        """Fraction of the market's time that has passed; the slowest symbol counts."""
        return min(market.progress() for market in self._markets)

    def close(self) -> None:
        """End the events; idempotent."""
        self._closed = True
        for stream in self._streams:
            stream.close()


def _received(event: MarketEvent) -> int:
    return event.receive_us


def _market(config: SimulatedConfig, seed: int, instrument: Instrument, request: FeedRequest) -> SimulatedMarket:
    numbering = request.next_seq if len(request.symbols) < 2 else None
    return SimulatedMarket(config.scenario(instrument.symbol), seed, instrument=instrument, next_seq=numbering)


class SimulatedFeed:
    """Opens simulated markets; the ``path`` of the request is not used."""

    def __init__(self, config: SimulatedConfig) -> None:
        self._config = config

    def open(self, request: FeedRequest) -> SimulatedSource:
        """Compose the markets of ``request.symbols`` (SIMUSDT when none is named). Raises ConfigError."""
        return SimulatedSource(self._config, request)


def _build(config: Any) -> SimulatedFeed:
    return SimulatedFeed(config)


@hookimpl
def flashcrash_feeds() -> list[FeedSpec]:
    """The feed ``simulated``."""
    return [
        FeedSpec(
            name="simulated",
            summary="a seeded simulated market with a crash in it; synthetic, for demonstrations and tests",
            config=SimulatedConfig,
            build=_build,
        )
    ]
