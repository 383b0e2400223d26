"""Planted fault: `opens` looks into the file instead of the head that it is given. Caught by: opens_asks_for_nothing."""

from pathlib import Path

from contract.planted_base.feed import HEADER, offer

from flashcrash_core.api import FeedSpec, PluginInfo, hookimpl

CAUGHT_BY = "opens_asks_for_nothing"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault.")


def opens(path: Path, head: bytes) -> bool:
    """Whether the file starts as a file of ticks does."""
    return path.is_file() and path.read_bytes().startswith(HEADER)


@hookimpl
def flashcrash_feeds() -> list[FeedSpec]:
    """The faulty feed."""
    return offer(opens=opens)
