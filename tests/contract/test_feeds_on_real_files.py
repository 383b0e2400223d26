"""The feed contract on the recorded files: what every feed owes the kernel, whatever the format (market/feed.py)."""

from hashlib import blake2b
from itertools import count

import msgspec
import pytest
from recorded_data import ATOM, POL, SPOT, USDM, recorded

from flashcrash_core.api import FeedRequest, FeedSource
from flashcrash_core.config import load_config, resolve_plugins
from flashcrash_core.config.instruments import InstrumentBook
from flashcrash_core.registry import load_registry

FILES = {
    SPOT[1]: "replay",
    USDM: "replay",
    POL: "tardis",
    ATOM: "bulk",
}


def opened(name: str, feed: str) -> FeedSource:
    """The file as the shipped feed of that name opens it."""
    plugin = resolve_plugins(load_config(environ={}), load_registry()).feeds[feed]
    request = FeedRequest(InstrumentBook(), count(1).__next__, recorded(name))
    return plugin.spec.build(plugin.config).open(request)


@pytest.mark.parametrize(("name", "feed"), FILES.items())
def test_feed_keeps_its_contract(name: str, feed: str) -> None:
    """Every event bears the feed's next number, a known symbol and integer times; reading ends, and closing is idempotent."""
    source = opened(name, feed)
    info = source.info
    assert [instrument.symbol for instrument in info.instruments] == list(info.symbols)
    last_receive = last_seq = 0
    backwards = 0
    for event in source.events():
        assert event.seq > last_seq
        last_seq = event.seq
        assert event.symbol in info.symbols
        assert event.exchange_us is None or type(event.exchange_us) is int
        backwards += event.receive_us < last_receive
        last_receive = event.receive_us
    assert last_seq > 0
    assert backwards == 0
    assert source.progress() == 1.0
    source.close()
    source.close()


@pytest.mark.parametrize(("name", "feed"), FILES.items())
def test_feed_reads_alike_twice(name: str, feed: str) -> None:
    """Two readings of one file give the same events to the byte."""
    digests = []
    for _ in range(2):
        source, digest = opened(name, feed), blake2b(digest_size=16)
        encode = msgspec.msgpack.Encoder().encode
        for event in source.events():
            digest.update(encode(event))
        source.close()
        digests.append(digest.hexdigest())
    assert digests[0] == digests[1]


@pytest.mark.parametrize(("name", "feed"), FILES.items())
def test_one_feed_and_only_one_recognises_a_file(name: str, feed: str) -> None:
    """The format of a file is told by its content, and no two shipped feeds claim it."""
    from flashcrash_core.market.files import read_head

    path = recorded(name)
    head = read_head(path)
    feeds = load_registry().feeds
    assert [known for known in feeds if feeds[known].opens is not None and feeds[known].opens(path, head)] == [feed]
