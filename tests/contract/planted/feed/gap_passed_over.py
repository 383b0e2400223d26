"""Planted fault: missing trades are passed over without a word. Caught by: gap_is_told."""

from attrs import evolve
from contract.planted_base.feed import Config, TickSource, offer

from flashcrash_core.api import FeedRequest, FeedSpec, PluginInfo, hookimpl

CAUGHT_BY = "gap_is_told"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault.")


class Source(TickSource):
    """Does not look at ids."""

    def __init__(self, config: Config, request: FeedRequest) -> None:
        super().__init__(evolve(config, chain_ids=False), request)


@hookimpl
def flashcrash_feeds() -> list[FeedSpec]:
    """The faulty feed."""
    return offer(Source)
