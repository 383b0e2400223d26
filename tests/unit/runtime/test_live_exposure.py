"""While a position or an order is open a live feed is told so: hearing the market is then worth any effort."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from flashcrash_core.market.events import MarketEvent
from flashcrash_core.market.feed import FeedSource, SourceInfo, WatchedSource
from flashcrash_core.runtime.composition import compose, open_run_input
from flashcrash_core.runtime.launch import prepare
from flashcrash_core.runtime.request import RunRequest
from flashcrash_core.runtime.runner import Runner, RunOptions


class Watched:
    """A source that writes down what it is told; its events are another's."""

    def __init__(self, inner: FeedSource) -> None:
        self.inner = inner
        self.told: list[bool] = []

    @property
    def position_open(self) -> bool:
        return self.told[-1] if self.told else False

    @position_open.setter
    def position_open(self, is_open: bool) -> None:
        self.told.append(is_open)

    @property
    def info(self) -> SourceInfo:
        return self.inner.info

    def events(self) -> Iterator[MarketEvent]:
        return self.inner.events()

    def progress(self) -> float | None:
        return None

    def close(self) -> None:
        self.inner.close()

    def health(self) -> dict[str, Any]:
        return {"heard": 7}


def run(*, live: bool) -> tuple[list[bool], int]:
    """What the source was told during a run with trades, and how many fills there were."""
    prepared = prepare(RunRequest(keep=False))
    source, _ = open_run_input(prepared.config.settings, prepared.plugins, paths=(), feed="simulated")
    watched = Watched(source._sources[0])
    assert isinstance(watched, WatchedSource)
    source._sources[0] = watched
    source.live = live
    composition = compose(prepared.config, prepared.plugins, source)
    Runner(composition.session, composition.executor, None, "", RunOptions()).run(source)
    assert source.health() == {"heard": 7}
    source.close()
    return watched.told, composition.session.blotter.ledger.fills


def test_a_live_feed_is_told_when_something_opens_and_when_nothing_is_left() -> None:
    """Told at each change and at no other time: it opens first, and ends closed."""
    told, fills = run(live=True)
    assert fills > 0
    assert told[:1] == [True]
    assert told[-1:] == [False]
    assert all(now is not before for before, now in pairwise(told))


def test_a_feed_of_the_past_is_not_told() -> None:
    """Nothing depends on hearing what is recorded."""
    told, fills = run(live=False)
    assert fills > 0
    assert told == []
