"""Planted fault: it stores amounts of money as floats, which are exact up to 2**53 only.

Caught by: records_come_back_as_written.
"""

from collections.abc import Sequence
from typing import Any

from contract.planted_base.store import SmallStore, offer

from flashcrash_core.api import PluginInfo, Record, StoreSpec, hookimpl

flashcrash_plugin = PluginInfo(api=1, summary="planted")
CAUGHT_BY = "records_come_back_as_written"


class Faulty(SmallStore):
    """Takes a number for a number."""

    def entries(self, session_id: str, records: Sequence[Record]) -> list[Any]:
        entries = super().entries(session_id, records)
        for _, _, _, row in entries:
            row |= {name: int(float(value)) for name, value in row.items() if name.endswith("_minor")}
        return entries


@hookimpl
def flashcrash_stores() -> list[StoreSpec]:
    """The faulty one."""
    return offer(Faulty)
