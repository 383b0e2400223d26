"""Planted fault: a closed store is used as if it were open, and fails with whatever comes of it.

Caught by: use_after_close_is_refused.
"""

from contract.planted_base.store import SmallStore, offer

from flashcrash_core.api import PluginInfo, StoreSpec, hookimpl

flashcrash_plugin = PluginInfo(api=1, summary="planted")
CAUGHT_BY = "use_after_close_is_refused"


class Faulty(SmallStore):
    """Forgets that it was closed."""

    def check_open(self) -> None:
        pass


@hookimpl
def flashcrash_stores() -> list[StoreSpec]:
    """The faulty one."""
    return offer(Faulty)
