"""The ``backtest`` executor: the simulated venue over recorded data, in event time (reference/microstructure.md section 6)."""

from flashcrash_core.api import ExecutorSpec, PluginInfo, hookimpl
from flashcrash_executors.simulated import simulated_executor

__all__ = ["flashcrash_plugin"]

flashcrash_plugin = PluginInfo(api=1, summary="Fills orders of a backtest on the simulated venue")


@hookimpl
def flashcrash_executors() -> list[ExecutorSpec]:
    """The one executor of this module."""
    return [simulated_executor("backtest")]
