"""Planted fault: it stamps a log line with the wall clock at every order.

Caught by: no_io_no_clock.
"""

import time

from contract.planted_base.executor import SmallExecutor, offer

from flashcrash_core.api import (
    ExecutorSpec,
    PluginInfo,
    SubmitOrder,
    hookimpl,
)

flashcrash_plugin = PluginInfo(api=1, summary="planted")
CAUGHT_BY = "no_io_no_clock"


class Faulty(SmallExecutor):
    """Measures itself on the decision path."""

    started = 0.0

    def submit(self, order: SubmitOrder) -> None:
        self.started = time.time()
        super().submit(order)


@hookimpl
def flashcrash_executors() -> list[ExecutorSpec]:
    """The faulty one."""
    return offer(Faulty)
