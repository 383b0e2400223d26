"""Planted fault: it keeps every order for ever.

Caught by: memory_growth.
"""

from contract.planted_base.executor import SmallExecutor, offer

from flashcrash_core.api import ExecutorSpec, PluginInfo, SubmitOrder, hookimpl

flashcrash_plugin = PluginInfo(api=1, summary="planted")
CAUGHT_BY = "memory_growth"


class Faulty(SmallExecutor):
    """Keeps a history nobody reads."""

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self.history: list[SubmitOrder] = []

    def submit(self, order: SubmitOrder) -> None:
        self.history.append(order)
        super().submit(order)


@hookimpl
def flashcrash_executors() -> list[ExecutorSpec]:
    """The faulty one."""
    return offer(Faulty)
