"""``flashcrash exchange``: from the options to a running server, until it is told to end."""

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from attrs import asdict, frozen

from flashcrash_binance.exchange.clock import ExchangeClock
from flashcrash_binance.exchange.core import AtEnd, ExchangeCore
from flashcrash_binance.exchange.fault_plans import random_plan, random_trading_plan
from flashcrash_binance.exchange.faults import FaultPlan, parse_faults
from flashcrash_binance.exchange.recorded_sources import recorded_sources
from flashcrash_binance.exchange.server import ExchangeServer
from flashcrash_binance.exchange.sources import MarketSource, simulated_sources
from flashcrash_binance.exchange.trading.accounts import CommissionRates
from flashcrash_binance.exchange.trading.api_keys import rights_of
from flashcrash_binance.exchange.trading.trading_settings import TradingSettings, parse_balances
from flashcrash_core.api import SIMULATED_SYMBOL, MarketKind, UsageError

__all__ = ["Wanted", "build_core", "serve"]

DRAWN: Final[Mapping[str, Callable[[int], FaultPlan]]] = {"random": random_plan, "random-trading": random_trading_plan}
"""Plans of faults that are drawn from the seed."""
MAX: Final = "max"
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
_AT_END: Final[tuple[AtEnd, ...]] = ("stay", "stop", "loop")


@frozen
class Wanted:
    """The options as they were given."""

    port: int = 0
    source: str = "simulated"
    symbols: str = ""
    speed: str = "1"
    faults: str = ""
    seed: int = 1
    market: str = ""
    """Empty: that of the source."""
    clock_offset_ms: float = 0.0
    clock_drift_ppm: float = 0.0
    at_end: str = "stay"
    balances: str = ""
    fee_ppm: int = 1_000
    key_rights: str = ""
    replica_lag_ms: float = 0.0


def build_core(wanted: Wanted) -> ExchangeCore:
    """The exchange that the options describe. Raises UsageError, ConfigError, DataError."""
    at_end = next((one for one in _AT_END if one == wanted.at_end), None)
    if at_end is None:
        raise UsageError(f"--at-end {wanted.at_end}: choose one of {', '.join(_AT_END)}")
    sources = _sources(wanted)
    kind = _kind(wanted.market) if wanted.market else next(iter(sources.values())).instrument.kind
    drawn = DRAWN.get(wanted.faults)
    faults = parse_faults(wanted.faults) if drawn is None else drawn(wanted.seed)
    speed = _speed(wanted.speed)
    clock = ExchangeClock(round(wanted.clock_offset_ms * 1000), wanted.clock_drift_ppm)
    trading = TradingSettings(
        balances=parse_balances(wanted.balances),
        rates=CommissionRates(wanted.fee_ppm, wanted.fee_ppm),
        rights=rights_of(wanted.key_rights),
        replica_lag_us=round(wanted.replica_lag_ms * 1000),
    )
    return ExchangeCore(
        sources, kind=kind, faults=faults, clock=clock, seed=wanted.seed, speed=speed, at_end=at_end, trading=trading
    )


def serve(wanted: Wanted) -> None:
    """Serve until SIGINT or SIGTERM, or until the source ends with ``--at-end stop``. The process is to end after it."""
    asyncio.run(_serve(build_core(wanted), wanted.port))
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)  # Python hands them back to the system before it is gone


async def _serve(core: ExchangeCore, port: int) -> None:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()

    def end(*_: object) -> None:
        # Called again for a second Ctrl-C, also while the loop is closed: it changes nothing.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(told.set)

    for number in _SIGNALS:
        signal.signal(number, end)
    core.tell = lambda text: print(f"warning: {text}", file=sys.stderr, flush=True)
    server = ExchangeServer(core, port=port)
    try:
        addresses = await server.start()
    except OSError as error:
        raise UsageError(f"--port {port}: cannot listen there ({error.strerror or error}); use 0 for a free one") from None
    try:
        line = asdict(addresses)
        if core.trading is not None:
            key, ed25519 = core.trading.keys
            line |= {"api_key": key.key, "api_secret": key.secret, "ed25519_key": ed25519.key, "ed25519_seed": ed25519.secret}
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
        waiting = [asyncio.ensure_future(told.wait()), asyncio.ensure_future(server.ended.wait())]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
        if server.failure is not None:
            raise server.failure
    finally:
        await server.close()


def _sources(wanted: Wanted) -> Mapping[str, MarketSource]:
    symbols = [one.strip().upper() for one in wanted.symbols.split(",") if one.strip()]
    if len(set(symbols)) < len(symbols):
        raise UsageError(f"--symbols {wanted.symbols}: names one market twice; name each once")
    if wanted.source == "simulated":
        return simulated_sources(symbols or [SIMULATED_SYMBOL], wanted.seed, prepared=wanted.speed == MAX)
    return recorded_sources(Path(wanted.source), symbols)


def _kind(text: str) -> MarketKind:
    try:
        return MarketKind(text)
    except ValueError:
        raise UsageError(f"--market {text}: choose spot or usdm") from None


def _speed(text: str) -> float | None:
    if text == MAX:
        return None
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0 < speed <= 1e6:
        raise UsageError(f"--speed {text}: a positive number such as 1 or 2.5, or max")
    return speed
