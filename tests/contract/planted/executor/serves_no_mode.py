"""Planted fault: it declares no run mode, so that no run can ever use it.

Caught by: interface.
"""

from contract.planted_base.executor import SmallExecutor, offer

from flashcrash_core.api import ExecutorSpec, PluginInfo, hookimpl

flashcrash_plugin = PluginInfo(api=1, summary="planted")
CAUGHT_BY = "interface"


@hookimpl
def flashcrash_executors() -> list[ExecutorSpec]:
    """The faulty one."""
    return offer(SmallExecutor, modes=frozenset())
