"""The feed of live markets keeps the contract of a feed, against a local exchange in another process."""

from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from local_exchange import local_exchange

from flashcrash_core.testing import FeedContract


class OnAnExchange(FeedContract):
    """Starts the exchange that ``options`` ask for before the first check."""

    options: ClassVar[tuple[str, ...]] = ()

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def exchange(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
        with local_exchange(tmp_path_factory.mktemp("exchange"), *cls.options) as exchange:
            cls.local_endpoint = {"rest": exchange.rest, "ws": exchange.ws}
            yield


SYMBOL: dict[str, Any] = {"symbols": {"SIMUSDT": {}}}


class TestBinanceSpot(OnAnExchange):
    """Spot, by the parser in Python."""

    plugin = "binance"
    config = SYMBOL | {"transport": "websockets"}


class TestBinanceFutures(OnAnExchange):
    """USD-M futures with aggregates, which need four connections, by the parser in C."""

    plugin = "binance"
    options = ("--market", "usdm")
    config = SYMBOL | {"transport": "picows", "market": "usdm", "trades": "agg"}
