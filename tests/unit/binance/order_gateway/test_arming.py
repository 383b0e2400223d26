"""What has to be said before real money is traded, and that this version does not trade it."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from flashcrash_binance.endpoints import Environment
from flashcrash_binance.order_gateway.config import BinanceOrdersConfig, arming_token
from flashcrash_binance.real_executor import RealExecutor
from flashcrash_core.api import ConfigError, UsageError


def executor(config: BinanceOrdersConfig, arming: str = "") -> RealExecutor:
    """Not opened: nothing but the markets' names and the token is looked at before."""
    context: Any = SimpleNamespace(markets={"BTCUSDT": None}, arming=arming)
    return RealExecutor(config, context)


@pytest.mark.parametrize("arming", ["", "yes", "00000000"])
def test_a_start_without_todays_token_is_refused(arming: str) -> None:
    """The message names venue and symbols, and the word to repeat."""
    with pytest.raises(UsageError, match=r"real money at https://api\.binance\.com in BTCUSDT.*--arm [0-9a-f]{8}"):
        executor(BinanceOrdersConfig(), arming).open(())


def test_the_live_market_is_not_released() -> None:
    """Armed or not: what bounds the loss is not there yet."""
    with pytest.raises(UsageError) as asked:
        executor(BinanceOrdersConfig()).open(())
    token = str(asked.value).rsplit(" ", 1)[1]
    with pytest.raises(UsageError, match="not released"):
        executor(BinanceOrdersConfig(), token).open(())


def test_a_token_is_of_one_day_one_venue_and_its_symbols() -> None:
    """So it cannot be left in a script and forgotten. The order of the symbols does not matter."""
    config = BinanceOrdersConfig()
    token = arming_token(config, ("A", "B"), "2026-01-01")
    assert token == arming_token(config, ("B", "A"), "2026-01-01")
    assert len({
        token,
        arming_token(config, ("A", "B"), "2026-01-02"),
        arming_token(config, ("A",), "2026-01-01"),
        arming_token(BinanceOrdersConfig(rest="http://a", ws_api="ws://a"), ("A", "B"), "2026-01-01"),
    }) == 4  # fmt: skip


@pytest.mark.parametrize(
    "make",
    [
        lambda: BinanceOrdersConfig(rest="http://127.0.0.1:1").ws_api_url,
        lambda: BinanceOrdersConfig(ws_api="ws://127.0.0.1:1").ws_api_url,
    ],
)
def test_half_of_a_venue_is_refused(make: Callable[[], str]) -> None:
    """Orders to one place and questions about them to another would be the worst of mistakes."""
    with pytest.raises(ConfigError, match="go together"):
        make()


@pytest.mark.parametrize("address", ["127.0.0.1", "ftp://x", "http://", "http://a?b=c"])
def test_what_is_no_address_is_refused(address: str) -> None:
    """With the key's name."""
    with pytest.raises(ValueError, match="rest"):
        BinanceOrdersConfig(rest=address)


@pytest.mark.parametrize(
    ("rest", "ws_api"),
    [
        ("https://api.binance.com", "wss://ws-api.binance.com:443/ws-api/v3"),
        ("https://api1.binance.com", "ws://127.0.0.1:1/ws-api/v3"),
        ("http://127.0.0.1:1", "wss://ws-api.binance.com/ws-api/v3"),
    ],
)
def test_the_live_market_under_another_name_is_the_live_market(rest: str, ws_api: str) -> None:
    """Where orders would go decides, not what the settings call it."""
    assert BinanceOrdersConfig(rest=rest, ws_api=ws_api).is_real_money
    with pytest.raises(UsageError, match="real money"):
        executor(BinanceOrdersConfig(rest=rest, ws_api=ws_api, environment=Environment.TESTNET)).open(())


def test_practice_grounds_and_this_machine_are_no_real_money() -> None:
    """They need no token."""
    assert not BinanceOrdersConfig(environment=Environment.TESTNET).is_real_money
    assert not BinanceOrdersConfig(environment=Environment.DEMO).is_real_money
    assert not BinanceOrdersConfig(rest="http://127.0.0.1:1", ws_api="ws://localhost:1/ws-api/v3").is_real_money
