"""Planted fault: it takes 400 orders, as the pool of ids that it was given holds, and raises at the next.

Caught by: commands_never_raise.
"""

from contract.planted_base.executor import SmallExecutor, offer

from flashcrash_core.api import ExecutorSpec, PluginInfo, SubmitOrder, hookimpl

flashcrash_plugin = PluginInfo(api=1, summary="planted")
CAUGHT_BY = "commands_never_raise"


class Faulty(SmallExecutor):
    """Draws from a pool that nobody fills."""

    left = 400

    def submit(self, order: SubmitOrder) -> None:
        self.left -= 1
        if self.left < 0:
            raise RuntimeError("no id is left for this order")
        super().submit(order)


@hookimpl
def flashcrash_executors() -> list[ExecutorSpec]:
    """The faulty one."""
    return offer(Faulty)
