"""Planted fault: its upgrade of an old database keeps the sessions and loses their records.

Caught by: old_versions_are_read.
"""

import os
from pathlib import Path

from contract.planted_base.store import HEAD, SmallStore, frame, offer

from flashcrash_core.api import PluginInfo, StoreSpec, hookimpl

flashcrash_plugin = PluginInfo(api=1, summary="planted")
CAUGHT_BY = "old_versions_are_read"


class Faulty(SmallStore):
    """Migrates one table of two."""

    def upgrade(self) -> None:
        super().upgrade()
        kept = [entry for entry in self.committed() if entry[0] == "begin"]
        self.replace_file(Path(self.location), HEAD % 2 + frame(kept))
        os.close(self.file)
        self.file = os.open(self.location, os.O_RDWR)


@hookimpl
def flashcrash_stores() -> list[StoreSpec]:
    """The faulty one."""
    return offer(Faulty)
