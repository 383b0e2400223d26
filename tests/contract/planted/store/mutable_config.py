"""Planted fault: its settings can be changed while it runs.

Caught by: configuration_schema.
"""

from attrs import define
from contract.planted_base.store import SmallStore, offer

from flashcrash_core.api import PluginInfo, StoreSpec, hookimpl

flashcrash_plugin = PluginInfo(api=1, summary="planted")
CAUGHT_BY = "configuration_schema"


@define
class Settings:
    """Not frozen."""

    prefix_min: int = 1


@hookimpl
def flashcrash_stores() -> list[StoreSpec]:
    """The faulty one."""
    return offer(SmallStore, config=Settings)
