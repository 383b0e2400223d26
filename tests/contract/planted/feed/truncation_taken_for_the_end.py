"""Planted fault: a file that breaks off is taken for one that ends there. Caught by: truncated_file_is_told."""

from collections.abc import Iterator
from contextlib import suppress

from contract.planted_base.feed import TickSource, offer

from flashcrash_core.api import DataError, FeedSpec, LineReader, PluginInfo, hookimpl

CAUGHT_BY = "truncated_file_is_told"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault.")


class Source(TickSource):
    """Content with what there is."""

    def lines(self, reader: LineReader) -> Iterator[bytes]:
        """The lines until one cannot be read."""
        with suppress(DataError):
            yield from reader


@hookimpl
def flashcrash_feeds() -> list[FeedSpec]:
    """The faulty feed."""
    return offer(Source)
