"""Planted fault: it takes keys out of the session's own configuration before it stores it.

Caught by: inputs_not_mutated.
"""

from contract.planted_base.store import SmallStore, offer

from flashcrash_core.api import PluginInfo, SessionRecord, StoreSpec, hookimpl

flashcrash_plugin = PluginInfo(api=1, summary="planted")
CAUGHT_BY = "inputs_not_mutated"


class Faulty(SmallStore):
    """Means well."""

    def begin_session(self, session: SessionRecord) -> None:
        session.config.pop("api", None)
        super().begin_session(session)


@hookimpl
def flashcrash_stores() -> list[StoreSpec]:
    """The faulty one."""
    return offer(Faulty)
