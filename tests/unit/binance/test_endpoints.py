"""Addresses of every market and environment, and the overrides."""

from urllib.parse import urlsplit

import pytest

from flashcrash_binance.endpoints import Environment, endpoints
from flashcrash_core.api import ConfigError, MarketKind


@pytest.mark.parametrize("kind", MarketKind)
@pytest.mark.parametrize("environment", Environment)
def test_every_market_has_secure_addresses_in_every_environment(kind: MarketKind, environment: Environment) -> None:
    """No combination is without hosts, and all of them are encrypted and distinct from the live ones."""
    where = endpoints(kind, environment)
    assert urlsplit(where.rest).scheme == "https"
    assert urlsplit(where.ws).scheme == "wss"
    live = endpoints(kind, Environment.LIVE)
    assert (where.rest == live.rest) is (environment is Environment.LIVE)
    assert (where.ws == live.ws) is (environment is Environment.LIVE)


def test_streams_are_asked_for_in_the_combined_form() -> None:
    """Spot has one path; on USD-M each group has its own, because the wrong one stays silent."""
    spot = endpoints(MarketKind.SPOT, Environment.LIVE)
    assert spot.stream_url("", ("btcusdt@depth@100ms", "btcusdt@trade")) == (
        "wss://stream.binance.com:9443/stream?streams=btcusdt@depth@100ms/btcusdt@trade"
    )
    usdm = endpoints(MarketKind.USDM, Environment.LIVE)
    assert usdm.stream_url("market", ("btcusdt@aggTrade",)) == "wss://fstream.binance.com/market/stream?streams=btcusdt@aggTrade"
    assert (spot.path("depth"), usdm.path("depth")) == ("/api/v3/depth", "/fapi/v1/depth")


def test_overrides_take_the_place_of_the_hosts() -> None:
    """rest and ws win over the environment, with or without a slash at the end."""
    where = endpoints(MarketKind.USDM, Environment.TESTNET, "http://127.0.0.1:8080/", "ws://[::1]:8081")
    assert (where.rest, where.ws) == ("http://127.0.0.1:8080", "ws://[::1]:8081")


@pytest.mark.parametrize(
    ("rest", "ws", "names"),
    [
        ("127.0.0.1:8080", "", ["feeds.binance.rest"]),
        ("ws://127.0.0.1", "http://127.0.0.1", ["feeds.binance.rest", "feeds.binance.ws"]),
        ("", "ws://", ["feeds.binance.ws"]),
        ("http://h:port", "", ["feeds.binance.rest"]),
        ("http://h/?a=b", "", ["feeds.binance.rest"]),
    ],
)
def test_what_is_no_base_address_is_refused_by_key(rest: str, ws: str, names: list[str]) -> None:
    """A wrong scheme, no host, a bad port or a query: every wrong key is named, with an example."""
    with pytest.raises(ConfigError) as refused:
        endpoints(MarketKind.SPOT, Environment.LIVE, rest, ws)
    assert [problem.partition(":")[0] for problem in refused.value.problems] == names
    assert all("127.0.0.1:8080" in problem for problem in refused.value.problems)
