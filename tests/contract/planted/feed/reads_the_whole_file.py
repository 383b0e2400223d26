"""Planted fault: all lines are read before the first event is given. Caught by: memory_is_bounded."""

from collections.abc import Iterator

from contract.planted_base.feed import TickSource, offer

from flashcrash_core.api import FeedSpec, LineReader, PluginInfo, hookimpl

CAUGHT_BY = "memory_is_bounded"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault.")


class Source(TickSource):
    """Reads first."""

    def lines(self, reader: LineReader) -> Iterator[bytes]:
        """The lines, from memory."""
        for number, line in enumerate(list(reader), start=1):
            if self.closed:
                return
            reader.line = number
            yield line


@hookimpl
def flashcrash_feeds() -> list[FeedSpec]:
    """The faulty feed."""
    return offer(Source)
