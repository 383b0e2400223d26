"""Where Binance is: hosts and paths of spot and USD-M futures, of the live market, the testnet and demo mode.

Source: reference/binance.md sections 1, 2 and 14. ``rest`` and ``ws`` override the hosts, for a mirror or a local exchange.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

from attrs import frozen

from flashcrash_core.api import ConfigError, MarketKind

__all__ = ["Endpoints", "Environment", "endpoints"]


class Environment(StrEnum):
    """Which Binance."""

    LIVE = "live"
    TESTNET = "testnet"
    DEMO = "demo"


_HOSTS: Final = {
    (MarketKind.SPOT, Environment.LIVE): ("https://api.binance.com", "wss://stream.binance.com:9443"),
    (MarketKind.SPOT, Environment.TESTNET): ("https://testnet.binance.vision", "wss://stream.testnet.binance.vision"),
    (MarketKind.SPOT, Environment.DEMO): ("https://demo-api.binance.com", "wss://demo-stream.binance.com"),
    (MarketKind.USDM, Environment.LIVE): ("https://fapi.binance.com", "wss://fstream.binance.com"),
    (MarketKind.USDM, Environment.TESTNET): ("https://testnet.binancefuture.com", "wss://fstream.binancefuture.com"),
    (MarketKind.USDM, Environment.DEMO): ("https://demo-fapi.binance.com", "wss://demo-fstream.binance.com"),
}
_PREFIX: Final = {MarketKind.SPOT: "/api/v3", MarketKind.USDM: "/fapi/v1"}
_PATHS: Final = {
    "depth": "/depth",
    "time": "/time",
    "ping": "/ping",
    "exchangeInfo": "/exchangeInfo",
    "bookTicker": "/ticker/bookTicker",
}


@frozen
class Endpoints:
    """The addresses of one market of one environment. ``rest`` and ``ws`` are base addresses without a slash at the end."""

    kind: MarketKind
    rest: str
    ws: str

    def path(self, what: str) -> str:
        """Path of a REST request: ``depth``, ``time``, ``ping``, ``exchangeInfo`` or ``bookTicker``. Raises KeyError."""
        return _PREFIX[self.kind] + _PATHS[what]

    def stream_url(self, group: str, streams: Sequence[str]) -> str:
        """Address of a WebSocket with these streams, each message wrapped with its stream's name.

        ``group`` is ``public`` or ``market`` on USD-M, where the wrong one is silent, and empty on spot.
        """
        path = f"/{group}/stream" if group else "/stream"
        return f"{self.ws}{path}?streams={'/'.join(streams)}"


def endpoints(kind: MarketKind, environment: Environment, rest: str = "", ws: str = "") -> Endpoints:
    """The addresses, with ``rest`` and ``ws`` in the place of the environment's. Raises ConfigError for what is no base address."""
    known_rest, known_ws = _HOSTS[kind, environment]
    problems = [
        *_problems("rest", rest, ("http", "https")),
        *_problems("ws", ws, ("ws", "wss")),
    ]
    if problems:
        raise ConfigError(problems)
    return Endpoints(kind, (rest or known_rest).rstrip("/"), (ws or known_ws).rstrip("/"))


def _problems(key: str, text: str, schemes: tuple[str, str]) -> list[str]:
    if not text:
        return []
    example = f"{schemes[0]}://127.0.0.1:8080"
    try:
        parts = urlsplit(text)
        _ = parts.port  # raises for what is no number
        sound = parts.scheme in schemes and bool(parts.hostname) and not parts.query and not parts.fragment
    except ValueError:
        sound = False
    return [] if sound else [f"feeds.binance.{key}: {text!r} is no base address; write one such as {example}"]
