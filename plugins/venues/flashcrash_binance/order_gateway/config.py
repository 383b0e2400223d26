"""``[executor]`` of the executor ``real``: which Binance takes the orders, and where the key is."""

import hashlib
import ipaddress
from typing import Final
from urllib.parse import urlsplit

from attrs import field, frozen, validators

from flashcrash_binance.endpoints import Environment
from flashcrash_core.api import ConfigError

__all__ = ["BinanceOrdersConfig", "arming_token"]

_HOSTS: Final = {
    Environment.LIVE: ("https://api.binance.com", "wss://ws-api.binance.com:443/ws-api/v3"),
    Environment.TESTNET: ("https://testnet.binance.vision", "wss://ws-api.testnet.binance.vision/ws-api/v3"),
    Environment.DEMO: ("https://demo-api.binance.com", "wss://demo-ws-api.binance.com/ws-api/v3"),
}


_PRACTICE: Final = {urlsplit(address).hostname for place in (Environment.TESTNET, Environment.DEMO) for address in _HOSTS[place]}
"""Hosts of the practice grounds."""


@frozen(kw_only=True)
class BinanceOrdersConfig:
    """``[executor]`` in mode ``real``: orders on Binance spot. Keys never stand here (docs/real-orders.md)."""

    environment: Environment = Environment.LIVE
    """``live``: real money. ``testnet`` and ``demo`` are Binance's own practice grounds."""
    rest: str = field(default="", validator=validators.matches_re(r"(https?://[^/?#\s]+[^?#\s]*)?"))
    """Base address of REST in place of the environment's, as ``flashcrash exchange`` prints it."""
    ws_api: str = field(default="", validator=validators.matches_re(r"(wss?://[^/?#\s]+[^?#\s]*)?"))
    """Address of the WebSocket API in place of the environment's."""
    key_file: str = ""
    """File with the key, mode 0600; empty: environment variables."""
    keyring: str = ""
    """Service name in the system's keyring; empty: not asked."""
    recv_window_ms: int = field(default=1_000, validator=[validators.ge(100), validators.le(60_000)])
    """How old a request may be when the venue takes it. Small, so that an order of unknown fate is soon settled."""
    reconcile_s: float = field(default=30.0, validator=[validators.ge(1.0), validators.le(3_600.0)])
    """Seconds between comparisons of our open orders with the venue's."""
    transport: str = field(default="auto", validator=validators.in_(("auto", "websockets", "picows")))
    """Library of the WebSocket."""

    @property
    def rest_base(self) -> str:
        """Where REST is."""
        return (self.rest or _HOSTS[self.environment][0]).rstrip("/")

    @property
    def ws_api_url(self) -> str:
        """Where the WebSocket API is. Raises ConfigError when only one of two places was given."""
        if bool(self.rest) is not bool(self.ws_api):
            raise ConfigError("executor: rest and ws_api go together: orders and questions about them must reach the same venue")
        return (self.ws_api or _HOSTS[self.environment][1]).rstrip("/")

    @property
    def is_real_money(self) -> bool:
        """Anything but a practice ground of Binance's or a venue on this machine, whatever the settings call it."""
        hosts = {urlsplit(self.rest_base).hostname or "", urlsplit(self.ws_api_url).hostname or ""}
        return not all(host in _PRACTICE or _is_loopback(host) for host in hosts)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def arming_token(config: BinanceOrdersConfig, symbols: tuple[str, ...], day: str) -> str:
    """The word that arms a start on that day, at that venue, for those symbols: it cannot be left in a script and forgotten."""
    text = "|".join((config.rest_base, config.ws_api_url, ",".join(sorted(symbols)), day))
    return hashlib.sha256(text.encode()).hexdigest()[:8]
