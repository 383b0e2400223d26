"""The ``real`` executor: orders on Binance spot, for real money, on the testnet, or at a local exchange.

What it does stands in :mod:`flashcrash_binance`. Loaded quickly: network libraries are imported when a run is made.
"""

from typing import TYPE_CHECKING, Any

from flashcrash_binance.order_gateway.config import BinanceOrdersConfig
from flashcrash_core.api import ExecutorContext, ExecutorSpec, PluginInfo, hookimpl

if TYPE_CHECKING:
    from flashcrash_binance.real_executor import RealExecutor

__all__ = ["build", "flashcrash_executors", "flashcrash_plugin"]

flashcrash_plugin = PluginInfo(api=1, summary="Orders on Binance spot: WebSocket API, HMAC or Ed25519 keys")


def build(config: Any, context: ExecutorContext) -> "RealExecutor":
    """An executor that is not open yet. Raises ConfigError for addresses that do not go together."""
    from flashcrash_binance.real_executor import RealExecutor

    return RealExecutor(config, context)


@hookimpl
def flashcrash_executors() -> list[ExecutorSpec]:
    """The one executor of this module."""
    return [
        ExecutorSpec(
            name="real",
            summary="orders on Binance spot, with real money unless it is a testnet",
            config=BinanceOrdersConfig,
            build=build,
            modes=frozenset({"real"}),
        )
    ]
