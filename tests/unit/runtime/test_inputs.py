"""Tapes of one symbol are of one market and what their checksums say, or the run is refused in plain words."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from attrs import frozen

from flashcrash_core.api import DataTier, FeedRequest, FeedSpec, Instrument, MarketEvent, MarketKind, Side, SourceInfo, Trade
from flashcrash_core.config.instruments import InstrumentBook
from flashcrash_core.errors import DataError, UsageError
from flashcrash_core.runtime.inputs import open_input

SPOT = Instrument("BTCUSDT", tick_size="0.01", lot_size="0.00001")
FUTURES = Instrument("BTCUSDT", tick_size="0.10", lot_size="0.001", kind=MarketKind.USDM)
COARSE = Instrument("BTCUSDT", tick_size="1", lot_size="0.00001")


@frozen
class OneTrade:
    """A source with one event."""

    info: SourceInfo

    def events(self) -> Iterator[MarketEvent]:
        yield Trade("BTCUSDT", 1, 1_000_000, 1_000_000, 1, 100, 1, Side.BUY)

    def progress(self) -> float | None:
        return None

    def close(self) -> None:
        pass


@frozen
class Tapes:
    """A feed of tapes known by their names."""

    known: dict[str, tuple[Instrument, bool]]

    def open(self, request: FeedRequest) -> OneTrade:
        assert request.path is not None
        instrument, has_book = self.known[request.path.name]
        tier = DataTier.L2 if has_book else DataTier.TRADES
        return OneTrade(SourceInfo(("BTCUSDT",), has_book, tier, (instrument,), request.path.name))


@pytest.mark.parametrize(
    ("second", "words"),
    [
        ((FUTURES, True), "BTCUSDT is of USD-M futures here and of spot in an earlier tape; these are two markets"),
        ((SPOT, False), "BTCUSDT has no book here, but one in an earlier tape"),
        ((COARSE, True), "BTCUSDT has another grid here (tick 1, lot 0.00001) than in an earlier tape (tick 0.01, lot 0.00001)"),
    ],
)
def test_tapes_of_two_markets(second: tuple[Instrument, bool], words: str, tmp_path: Path) -> None:
    """Spot beside futures, a book beside none and two grids are each named as what they are."""
    paths = [tmp_path / "a", tmp_path / "b"]
    for path in paths:
        path.write_text("x")
    feed = Tapes({"a": (SPOT, True), "b": second})
    feeds = {"tapes": (FeedSpec(name="tapes", summary="a test's", build=lambda _config: feed, opens=lambda _p, _h: True), feed)}
    with pytest.raises(UsageError) as caught:
        open_input(feeds, feed=None, paths=paths, symbols=(), instruments=InstrumentBook(), seed=1)
    assert str(caught.value) == f"b: {words}; replay them in separate runs"


def test_a_checksum_beside_a_file_must_match(tmp_path: Path) -> None:
    """Whatever feed reads a file: one that its ``.CHECKSUM`` denies is refused with both sums before it is opened."""
    path = tmp_path / "a"
    path.write_text("x")
    opened: list[Path] = []

    class Watched(Tapes):
        def open(self, request: FeedRequest) -> OneTrade:
            assert request.path is not None
            opened.append(request.path)
            return super().open(request)

    feed = Watched({"a": (SPOT, True)})
    feeds = {"tapes": (FeedSpec(name="tapes", summary="a test's", build=lambda _config: feed, opens=lambda _p, _h: True), feed)}
    told = tmp_path / "a.CHECKSUM"
    told.write_text(f"{'0' * 64}  a\n")
    with pytest.raises(DataError, match=f"SHA-256 is {sha256(b'x').hexdigest()}, but a.CHECKSUM beside it says {'0' * 64}"):
        open_input(feeds, feed=None, paths=[path], symbols=(), instruments=InstrumentBook(), seed=1)
    assert opened == []
    told.write_text(f"{sha256(b'x').hexdigest()}  a\n")
    open_input(feeds, feed=None, paths=[path], symbols=(), instruments=InstrumentBook(), seed=1).close()
    assert opened == [path]
