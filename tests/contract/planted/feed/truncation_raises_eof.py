"""Planted fault: a file that breaks off raises a bare EOFError. Caught by: truncated_file_is_told."""

from collections.abc import Iterator

from contract.planted_base.feed import TickSource, offer

from flashcrash_core.api import DataError, FeedSpec, LineReader, PluginInfo, hookimpl

CAUGHT_BY = "truncated_file_is_told"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault.")


class Source(TickSource):
    """Knows nothing of DataError while it reads."""

    def lines(self, reader: LineReader) -> Iterator[bytes]:
        """The lines."""
        try:
            yield from reader
        except DataError as error:
            raise EOFError("compressed file ended before the end-of-stream marker was reached") from error


@hookimpl
def flashcrash_feeds() -> list[FeedSpec]:
    """The faulty feed."""
    return offer(Source)
