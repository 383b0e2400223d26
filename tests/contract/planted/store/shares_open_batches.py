"""Planted fault: all stores of a process see what one of them has written and not committed.

Caught by: reader_in_a_thread.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

from contract.planted_base.store import SmallStore, offer

from flashcrash_core.api import PluginInfo, Record, StoreSpec, hookimpl

flashcrash_plugin = PluginInfo(api=1, summary="planted")
CAUGHT_BY = "reader_in_a_thread"


class Faulty(SmallStore):
    """Keeps what is written in one place for the process."""

    written: ClassVar[dict[str, list[Any]]] = {}

    def write(self, session_id: str, records: Sequence[Record]) -> None:
        super().write(session_id, records)
        self.written[self.location] = list(self.pending)

    def append(self, entries: list[Any]) -> None:
        self.written.pop(self.location, None)
        super().append(entries)

    def committed(self) -> list[Any]:
        return super().committed() + self.written.get(self.location, [])


@hookimpl
def flashcrash_stores() -> list[StoreSpec]:
    """The faulty one."""
    return offer(Faulty)
