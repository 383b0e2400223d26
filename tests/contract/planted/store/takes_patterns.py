"""Planted fault: a part of an id is looked up as a pattern, so that an underscore or a percent sign finds other sessions.

Caught by: prefix_finds_one_session.
"""

import fnmatch

from contract.planted_base.store import SmallStore, offer

from flashcrash_core.api import PluginInfo, StoreSpec, hookimpl

flashcrash_plugin = PluginInfo(api=1, summary="planted")
CAUGHT_BY = "prefix_finds_one_session"


class Faulty(SmallStore):
    """LIKE."""

    def alike(self, known: str, asked: str) -> bool:
        return fnmatch.fnmatchcase(known, asked.replace("%", "*").replace("_", "?") + "*")


@hookimpl
def flashcrash_stores() -> list[StoreSpec]:
    """The faulty one."""
    return offer(Faulty)
