"""Planted fault: a second cancel of the same order raises.

Caught by: cancel_is_idempotent.
"""

from contract.planted_base.executor import SmallExecutor, offer

from flashcrash_core.api import CancelOrder, ExecutorSpec, PluginInfo, hookimpl

flashcrash_plugin = PluginInfo(api=1, summary="planted")
CAUGHT_BY = "cancel_is_idempotent"


class Faulty(SmallExecutor):
    """Takes a repeated cancel for a defect."""

    def cancel(self, cancel: CancelOrder) -> None:
        live = self.live.get(cancel.client_id)
        if live is not None and live.cancel_us:
            raise KeyError(cancel.client_id)
        super().cancel(cancel)


@hookimpl
def flashcrash_executors() -> list[ExecutorSpec]:
    """The faulty one."""
    return offer(Faulty)
