"""Planted fault: it gives records in the order of writing, whatever their sequence.

Caught by: records_come_in_order_of_seq.
"""

from typing import TypeVar

from contract.planted_base.store import SmallStore, offer

from flashcrash_core.api import PluginInfo, Record, StoreSpec, hookimpl

flashcrash_plugin = PluginInfo(api=1, summary="planted")
CAUGHT_BY = "records_come_in_order_of_seq"


R = TypeVar("R", bound=Record)


class Faulty(SmallStore):
    """Does not sort."""

    def read(self, session_id: str, kind: type[R]) -> list[R]:
        self.exact(session_id)
        return [kind(**entry[3]) for entry in self.committed() if entry[:3] == ["record", session_id, kind.__name__]]


@hookimpl
def flashcrash_stores() -> list[StoreSpec]:
    """The faulty one."""
    return offer(Faulty)
