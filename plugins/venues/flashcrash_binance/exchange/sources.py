"""What the exchange plays: events of one symbol in the order of its own ids and times.

A source is opened anew for every round. Whatever it is made of, it comes out as pairs of exchange time and event
(:func:`in_book_order`), with best quotes between the diffs that contain them.
"""

from collections.abc import Iterable, Iterator
from typing import Final, Protocol

from attrs import field, frozen

from flashcrash_core.api import (
    BestQuote,
    BookDelta,
    BookSnapshot,
    Instrument,
    MarketEvent,
    MarketScenario,
    SimulatedMarket,
    Trade,
    scenario_preset,
    simulated_instrument,
)

__all__ = ["MarketSource", "SimulatedMarketSource", "TimedEvent", "in_book_order", "simulated_sources"]

MarketChange = Trade | BookSnapshot | BookDelta | BestQuote
TimedEvent = tuple[int, MarketChange]
"""Microseconds of the source's exchange time, never falling, and what happened then."""

_MOST_HELD: Final = 4_096
"""Events looked ahead for the diff that contains a quote; a source of trades alone has none."""


class MarketSource(Protocol):
    """The market of one symbol."""

    @property
    def instrument(self) -> Instrument:
        """Grid, symbol and kind."""
        ...

    @property
    def consecutive_ids(self) -> bool:
        """Whether update ids follow spot's rule (each diff begins where the last one ended)."""
        ...

    @property
    def has_snapshot(self) -> bool:
        """Whether a picture of the book comes; without one, the book is built from diffs alone."""
        ...

    def events(self) -> Iterator[TimedEvent]:
        """All of it from the beginning. Raises DataError."""
        ...


@frozen
class SimulatedMarketSource:
    """The kernel's seeded market: a function of scenario and seed."""

    scenario: MarketScenario
    seed: int
    instrument: Instrument
    prepared: bool = False
    """Draw all of it before the first event is asked for, and only once: drawing takes as long as serving."""
    consecutive_ids: bool = True
    has_snapshot: bool = True
    _drawn: list[TimedEvent] = field(factory=list, eq=False, repr=False)

    def events(self) -> Iterator[TimedEvent]:
        """The market from its first second."""
        if not self.prepared:
            return self._draw()
        if not self._drawn:
            self._drawn.extend(self._draw())
        return iter(self._drawn)

    def _draw(self) -> Iterator[TimedEvent]:
        return in_book_order(SimulatedMarket(self.scenario, self.seed, instrument=self.instrument).events())


def simulated_sources(
    symbols: Iterable[str], seed: int, *, preset: str = "crash_and_bounce", prepared: bool = False, **changes: object
) -> dict[str, SimulatedMarketSource]:
    """One independent market for each symbol. ``changes`` are fields of the scenario. Raises ConfigError."""
    sources: dict[str, SimulatedMarketSource] = {}
    for symbol in symbols:
        scenario = scenario_preset(preset, symbol=symbol, **changes)
        sources[symbol] = SimulatedMarketSource(scenario, seed, simulated_instrument(symbol), prepared)
    return sources


def in_book_order(events: Iterable[MarketEvent]) -> Iterator[TimedEvent]:
    """Exchange times for all events, and each best quote between the diff that ends before it and the one that contains it.

    Streams of one venue overtake each other on the way to a recorder. A quote that bears a diff's last id comes after the diff,
    when the whole book is at that id. Spot quotes have no time of their own: theirs is when they arrived, less the way that the
    last event with a time took.
    """
    at_us = way_us = 0
    held: list[TimedEvent] = []
    for event in events:
        if not isinstance(event, Trade | BookSnapshot | BookDelta | BestQuote):
            continue
        if event.exchange_us is not None:
            way_us = event.receive_us - event.exchange_us
            at_us = max(at_us, event.exchange_us)
        else:
            at_us = max(at_us, event.receive_us - way_us)
        if isinstance(event, BookDelta):
            last_id = event.last_id
            early = [one for one in held if not (isinstance(one[1], BestQuote) and one[1].update_id >= last_id)]
            late: list[TimedEvent] = [
                (at_us, one[1]) for one in held if isinstance(one[1], BestQuote) and one[1].update_id >= last_id
            ]
            yield from early
            yield at_us, event
            held = late
        elif isinstance(event, BookSnapshot):
            yield from held
            yield at_us, event
            held = []
        else:
            held.append((at_us, event))
            if len(held) >= _MOST_HELD:
                yield from held
                held = []
    yield from held
