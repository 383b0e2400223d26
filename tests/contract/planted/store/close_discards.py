"""Planted fault: close throws away what was written since the last commit.

Caught by: close_commits_and_may_be_repeated.
"""

from contract.planted_base.store import SmallStore, offer

from flashcrash_core.api import PluginInfo, StoreSpec, hookimpl

flashcrash_plugin = PluginInfo(api=1, summary="planted")
CAUGHT_BY = "close_commits_and_may_be_repeated"


class Faulty(SmallStore):
    """Closes only."""

    def close(self) -> None:
        self.pending = []
        super().close()


@hookimpl
def flashcrash_stores() -> list[StoreSpec]:
    """The faulty one."""
    return offer(Faulty)
