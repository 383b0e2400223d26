"""Planted fault: it reads the records of every session whose id begins like the one asked for.

Caught by: sessions_do_not_mix.
"""

from typing import TypeVar

from contract.planted_base.store import SmallStore, offer

from flashcrash_core.api import PluginInfo, Record, StoreSpec, hookimpl

flashcrash_plugin = PluginInfo(api=1, summary="planted")
CAUGHT_BY = "sessions_do_not_mix"


R = TypeVar("R", bound=Record)


class Faulty(SmallStore):
    """Uses its lookup by prefix everywhere."""

    def read(self, session_id: str, kind: type[R]) -> list[R]:
        self.exact(session_id)
        found = [entry for entry in self.committed() if entry[0] == "record" and entry[1].startswith(session_id)]
        return sorted((kind(**entry[3]) for entry in found if entry[2] == kind.__name__), key=lambda record: record.seq)


@hookimpl
def flashcrash_stores() -> list[StoreSpec]:
    """The faulty one."""
    return offer(Faulty)
