"""Planted fault: it opens a database of a later version as if it were its own.

Caught by: newer_version_is_refused.
"""

import os

from contract.planted_base.store import HEAD, SmallStore, offer

from flashcrash_core.api import PluginInfo, StoreSpec, hookimpl

flashcrash_plugin = PluginInfo(api=1, summary="planted")
CAUGHT_BY = "newer_version_is_refused"


class Faulty(SmallStore):
    """Knows its minimum only."""

    def prepare(self) -> None:
        if os.pread(self.file, len(HEAD % 1), 0) != HEAD % 3:
            super().prepare()


@hookimpl
def flashcrash_stores() -> list[StoreSpec]:
    """The faulty one."""
    return offer(Faulty)
