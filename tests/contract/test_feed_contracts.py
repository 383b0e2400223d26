"""The shipped feeds keep the contract of a feed, by the same three lines as anybody's."""

from flashcrash_core.testing import FeedContract


class TestSimulated(FeedContract):
    """The simulated market."""

    plugin = "simulated"


class TestReplay(FeedContract):
    """Raw captures."""

    plugin = "replay"


class TestTardis(FeedContract):
    """Trade files in the layout of Tardis."""

    plugin = "tardis"


class TestBulk(FeedContract):
    """Binance's bulk files."""

    plugin = "bulk"


class TestTape(FeedContract):
    """Tapes."""

    plugin = "tape"


class TestTardisBook(FeedContract):
    """Book files in the layout of Tardis."""

    plugin = "tardis_book"


class TestKlines(FeedContract):
    """Binance's bulk files of 1s klines."""

    plugin = "klines"
