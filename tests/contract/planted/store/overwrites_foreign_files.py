"""Planted fault: a file that is not its own becomes a new database.

Caught by: unusable_location_is_refused.
"""

import os

from contract.planted_base.store import HEAD, SmallStore, offer

from flashcrash_core.api import PluginInfo, StoreSpec, hookimpl

flashcrash_plugin = PluginInfo(api=1, summary="planted")
CAUGHT_BY = "unusable_location_is_refused"


class Faulty(SmallStore):
    """Takes what it cannot read for empty."""

    def prepare(self) -> None:
        if not os.pread(self.file, len(HEAD % 1), 0).startswith(HEAD[:7]):
            os.ftruncate(self.file, 0)
        super().prepare()


@hookimpl
def flashcrash_stores() -> list[StoreSpec]:
    """The faulty one."""
    return offer(Faulty)
