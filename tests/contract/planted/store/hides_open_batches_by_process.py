"""Planted fault: it writes a batch to the file at once and hides it until the commit from its own process only.

Caught by: reader_in_another_process.
"""

import os
from collections.abc import Sequence
from typing import Any

import msgspec
from contract.planted_base.store import SmallStore, offer, payloads

from flashcrash_core.api import PluginInfo, Record, StoreSpec, hookimpl

flashcrash_plugin = PluginInfo(api=1, summary="planted")
CAUGHT_BY = "reader_in_another_process"


class Faulty(SmallStore):
    """Keeps isolation inside the process."""

    def write(self, session_id: str, records: Sequence[Record]) -> None:
        self.exact(session_id)
        self.append([["open", os.getpid()], *self.entries(session_id, records)])

    def commit(self) -> None:
        self.check_open()
        if self.mine:
            self.append([["commit", os.getpid()]])

    def end_session(self, session_id: str, **end: Any) -> None:
        self.commit()
        super().end_session(session_id, **end)

    def committed(self) -> list[Any]:
        shown: list[Any] = []
        held: list[Any] = []
        for payload in payloads(self.content()):
            entries = msgspec.msgpack.decode(payload)
            if entries[0] == ["open", os.getpid()]:
                held += entries
            else:
                shown += (held if entries[0][0] == "commit" else []) + entries
                held = [] if entries[0][0] == "commit" else held
        return shown


@hookimpl
def flashcrash_stores() -> list[StoreSpec]:
    """The faulty one."""
    return offer(Faulty)
