"""Planted fault: given a folder of other people's files it puts its database among them.

Caught by: unusable_location_is_refused.
"""

from pathlib import Path

from contract.planted_base.store import SmallStore, offer

from flashcrash_core.api import PluginInfo, StoreSpec, hookimpl

flashcrash_plugin = PluginInfo(api=1, summary="planted")
CAUGHT_BY = "unusable_location_is_refused"


class Faulty(SmallStore):
    """Takes any folder for its own."""

    def __init__(self, config: object, location: str) -> None:
        inside = Path(location).is_dir()
        super().__init__(config, str(Path(location) / "flashcrash.small") if inside else location)  # type: ignore[arg-type]


@hookimpl
def flashcrash_stores() -> list[StoreSpec]:
    """The faulty one."""
    return offer(Faulty)
