"""Planted fault: `opens` claims every file that is text. Caught by: recognises_its_files."""

from pathlib import Path

from contract.planted_base.feed import offer

from flashcrash_core.api import FeedSpec, PluginInfo, hookimpl

CAUGHT_BY = "recognises_its_files"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault.")


def opens(path: Path, head: bytes) -> bool:
    """Whether it is text."""
    return bool(head) and head.isascii()


@hookimpl
def flashcrash_feeds() -> list[FeedSpec]:
    """The faulty feed."""
    return offer(opens=opens)
