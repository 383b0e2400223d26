"""Planted fault: after a crash it takes back as much of the open batch as its journal held.

Caught by: open_batch_is_whole_or_absent.
"""

import fcntl
from collections.abc import Sequence
from pathlib import Path

import msgspec
from contract.planted_base.store import SmallStore, offer

from flashcrash_core.api import PluginInfo, Record, StoreSpec, hookimpl

flashcrash_plugin = PluginInfo(api=1, summary="planted")
CAUGHT_BY = "open_batch_is_whole_or_absent"


class Faulty(SmallStore):
    """Flushes its journal every second record."""

    def write(self, session_id: str, records: Sequence[Record]) -> None:
        super().write(session_id, records)
        self.replace_file(self.journal, msgspec.msgpack.encode(self.pending[: len(self.pending) // 2 * 2]))

    def commit(self) -> None:
        super().commit()
        if self.mine:
            self.journal.unlink(missing_ok=True)

    def prepare(self) -> None:
        super().prepare()
        if self.journal.exists() and self.lock(fcntl.LOCK_EX | fcntl.LOCK_NB):
            self.append(msgspec.msgpack.decode(self.journal.read_bytes()))
            self.journal.unlink()
            self.lock(fcntl.LOCK_UN)

    @property
    def journal(self) -> Path:
        """What was written and not committed."""
        return Path(self.location + ".journal")


@hookimpl
def flashcrash_stores() -> list[StoreSpec]:
    """The faulty one."""
    return offer(Faulty)
