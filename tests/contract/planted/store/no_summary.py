"""Planted fault: its descriptor does not say what it is.

Caught by: interface.
"""

from contract.planted_base.store import SmallStore, offer

from flashcrash_core.api import PluginInfo, StoreSpec, hookimpl

flashcrash_plugin = PluginInfo(api=1, summary="planted")
CAUGHT_BY = "interface"


@hookimpl
def flashcrash_stores() -> list[StoreSpec]:
    """The faulty one."""
    return offer(SmallStore, summary=" ")
