"""Planted fault: `opens` fails on bytes that are no text. Caught by: recognises_its_files."""

from pathlib import Path

from contract.planted_base.feed import offer

from flashcrash_core.api import FeedSpec, PluginInfo, hookimpl

CAUGHT_BY = "recognises_its_files"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault.")


def opens(path: Path, head: bytes) -> bool:
    """Whether it is a file of ticks, if it is text at all."""
    return head.decode("ascii").startswith("#ticks ")


@hookimpl
def flashcrash_feeds() -> list[FeedSpec]:
    """The faulty feed."""
    return offer(opens=opens)
