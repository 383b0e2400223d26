"""Feeds and stores that turn on their host: what they break ends the run, with their name and what was recorded."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from flashcrash_core.api import DataError, FeedSource, FillRecord, StorageError

from .conftest import Play, Played
from .stand_in import StandIn, built_as
from .test_hostile_indicators import _later


def feeding(change: Callable[[Iterator[Any]], Iterator[Any]], **changed: Callable[..., Any]) -> Callable[[Any], Any]:
    """The simulated feed with another stream of events."""

    def opened(inner: Any, request: Any) -> FeedSource:
        source: Any = StandIn(inner.open(request), {"events": lambda source: change(source.events())} | changed)
        return source

    return built_as(open=opened)


def after(number: int, then: Callable[[], Any]) -> Callable[[Iterator[Any]], Iterator[Any]]:
    """``number`` events, then something else, then the rest."""

    def change(events: Iterator[Any]) -> Iterator[Any]:
        for count, event in enumerate(events):
            if count == number:
                yield then()
            yield event

    return change


@pytest.mark.parametrize(
    "error", [OSError("unplugged"), SystemExit(3), GeneratorExit(), KeyboardInterrupt()], ids=lambda e: type(e).__name__
)
def test_a_feed_that_raises_is_named(play: Play, plain: Played, error: BaseException) -> None:
    """The run ends with a DataError naming the feed; what was recorded is kept."""

    def raising() -> Any:
        raise error

    played = play(feeds=feeding(after(21_000, raising)))
    assert isinstance(played.error, DataError)
    assert "feed hostile failed after 21000 events" in str(played.error)
    assert played.of(FillRecord) == plain.of(FillRecord)[: len(played.of(FillRecord))] != []


def test_an_item_that_is_no_event_is_rejected_and_journalled(play: Play, plain: Played) -> None:
    """One costs nothing but itself: counted among the rejected, told as a fault, decisions as without it."""
    played = play(feeds=feeding(after(21_000, lambda: "tick")))
    (fault,) = played.faults
    assert (fault.stage, fault.name, fault.kind, fault.quarantined) == ("feed", "hostile", "not_an_event", False)
    assert played.report()["data"]["SIMUSDT"]["rejected"] == {"not_an_event": 1}
    assert played.session.hash.hex == plain.session.hash.hex


def test_the_third_item_that_is_no_event_ends_the_run(play: Play) -> None:
    """A feed that does not speak events cannot be trusted with any."""

    def change(events: Iterator[Any]) -> Iterator[Any]:
        for count, event in enumerate(events):
            yield _later() if count > 21_000 else event

    played = play(feeds=feeding(change))
    assert isinstance(played.error, DataError)
    assert "feed hostile: yielded a coroutine" in str(played.error)
    assert [f.kind for f in played.faults] == ["not_an_event"] * 3


@pytest.mark.parametrize("method", ["write", "commit", "save_snapshot"])
def test_a_store_that_raises_is_named(play: Play, method: str, tmp_path: Any) -> None:
    """What cannot be recorded must not be executed: the run ends with a StorageError naming the store."""
    from flashcrash_core.runtime.store_guard import opened_store
    from flashcrash_storage.sqlite import SqliteConfig, SqliteStore

    def broken(inner: Any, *arguments: Any) -> None:
        raise OSError("no space")

    inner = SqliteStore(SqliteConfig(), str(tmp_path / "x.db"))
    store: Any = opened_store("hostile", lambda: StandIn(inner, {method: broken}))  # type: ignore[arg-type, return-value]
    with pytest.raises(StorageError, match=f"store hostile failed at {method}: OSError: no space \\(test_hostile_\\w+.py:"):
        getattr(store, method)(*{"write": ("s", []), "commit": (), "save_snapshot": ("s", None)}[method])
    store.close()
    with pytest.raises(StorageError, match="store hostile failed at opening"):
        opened_store("hostile", lambda: broken(None))  # type: ignore[arg-type, return-value]
