"""Planted fault: it offers a sample under a key that switches nothing on. Caught by: interface."""

from contract.planted_base.feed import SAMPLES, offer

from flashcrash_core.api import FeedSpec, PluginInfo, hookimpl

CAUGHT_BY = "interface"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault.")


@hookimpl
def flashcrash_feeds() -> list[FeedSpec]:
    """The faulty feed."""
    return offer(samples={**{key: write for key, write in SAMPLES.items() if key != "gap"}, "gaps": SAMPLES["gap"]})
