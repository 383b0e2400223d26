"""Planted fault: its settings can be changed while it runs.

Caught by: configuration_schema.
"""

from attrs import define
from contract.planted_base.executor import SmallExecutor, offer

from flashcrash_core.api import (
    ExecutorSpec,
    PluginInfo,
    hookimpl,
)

flashcrash_plugin = PluginInfo(api=1, summary="planted")
CAUGHT_BY = "configuration_schema"


@define
class Config:
    """Not frozen."""

    delay_us: int = 20_000


@hookimpl
def flashcrash_executors() -> list[ExecutorSpec]:
    """The faulty one."""
    return offer(SmallExecutor, config=Config)
