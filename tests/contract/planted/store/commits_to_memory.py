"""Planted fault: a commit reaches the file when the store is closed, and other stores of the process before.

Caught by: commits_survive_a_kill.
"""

from typing import Any, ClassVar

from contract.planted_base.store import SmallStore, offer

from flashcrash_core.api import PluginInfo, StoreSpec, hookimpl

flashcrash_plugin = PluginInfo(api=1, summary="planted")
CAUGHT_BY = "commits_survive_a_kill"


class Faulty(SmallStore):
    """Buffers for speed."""

    buffers: ClassVar[dict[str, list[Any]]] = {}

    def commit(self) -> None:
        self.check_open()
        self.buffers.setdefault(self.location, []).extend(self.pending)
        self.pending = []

    def committed(self) -> list[Any]:
        return super().committed() + self.buffers.get(self.location, [])

    def close(self) -> None:
        if not self.closed and self.mine:
            self.commit()
            self.append(self.buffers.pop(self.location))
        super().close()


@hookimpl
def flashcrash_stores() -> list[StoreSpec]:
    """The faulty one."""
    return offer(Faulty)
