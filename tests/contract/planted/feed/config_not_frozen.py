"""Planted fault: the settings can be changed after they were checked. Caught by: configuration_schema."""

from attrs import define
from contract.planted_base.feed import offer

from flashcrash_core.api import FeedSpec, PluginInfo, hookimpl

CAUGHT_BY = "configuration_schema"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault.")


@define
class Loose:
    """Settings that anybody may change."""

    chain_ids: bool = True
    """As in the sound feed."""


@hookimpl
def flashcrash_feeds() -> list[FeedSpec]:
    """The faulty feed."""
    return offer(config=Loose)
