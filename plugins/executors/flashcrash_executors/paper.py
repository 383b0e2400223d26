"""The ``paper`` executor: the same simulated venue as a backtest's, on a session's events; no order leaves the process."""

from flashcrash_core.api import ExecutorSpec, PluginInfo, hookimpl
from flashcrash_executors.simulated import simulated_executor

__all__ = ["flashcrash_plugin"]

flashcrash_plugin = PluginInfo(api=1, summary="Fills orders of a paper session on the simulated venue")


@hookimpl
def flashcrash_executors() -> list[ExecutorSpec]:
    """The one executor of this module."""
    return [simulated_executor("paper")]
