"""Planted fault: it calls itself live and reads files. Caught by: interface."""

from contract.planted_base.feed import offer

from flashcrash_core.api import FeedSpec, PluginInfo, hookimpl

CAUGHT_BY = "interface"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault.")


@hookimpl
def flashcrash_feeds() -> list[FeedSpec]:
    """The faulty feed."""
    return offer(live=True)
