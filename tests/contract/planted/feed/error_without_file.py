"""Planted fault: the error for a directory does not say which. Caught by: unreadable_file_is_refused."""

from contract.planted_base.feed import TickSource, offer

from flashcrash_core.api import DataError, FeedSpec, PluginInfo, hookimpl, read_head

CAUGHT_BY = "unreadable_file_is_refused"
flashcrash_plugin = PluginInfo(api=1, summary="A planted fault.")


class Source(TickSource):
    """Short of words."""

    def head(self) -> bytes:
        """The first bytes."""
        if self.path.is_dir():
            raise DataError("cannot read a directory; name a file")
        return read_head(self.path)


@hookimpl
def flashcrash_feeds() -> list[FeedSpec]:
    """The faulty feed."""
    return offer(Source)
