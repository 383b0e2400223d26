"""What a tape is: named, seeded events, where in them something happens, and the feature rows that they make."""

from collections.abc import Iterator, Sequence
from typing import Final

from attrs import field, frozen

from flashcrash_core.market.accumulator import FeatureAccumulator
from flashcrash_core.market.events import MarketEvent
from flashcrash_core.market.features import FeatureRow
from flashcrash_core.market.instruments import Instrument

__all__ = ["Facts", "Span", "Tape", "feature_rows"]

Span = tuple[int, int]
"""Start and end in exchange microseconds, the end exclusive."""


@frozen(kw_only=True)
class Facts:
    """Where on the tape something happens, in exchange microseconds. None or () where it does not apply."""

    start_us: int
    """First microsecond of the market."""
    calm_until_us: int
    """Until here nothing happens but calm trading. It is later than the warm-up of every shipped indicator, if the tape is not
    shortened below its default."""
    end_us: int
    """End of the market; the closing timer is 400 ms later, so that the last bar is seen."""
    fall_us: int | None = None
    """Start of the fall."""
    trough_us: int | None = None
    """Lowest point of the drawn price."""
    rebound_us: int | None = None
    """When a third of the fall (in log price) has been won back for the first time after the trough; of a wick, all of it."""
    bad_print_us: int | None = None
    """Exchange time of the one trade far off the book."""
    gaps: tuple[Span, ...] = ()
    """Each from the last event before something was lost to the snapshot that makes the book whole."""
    freeze: Span | None = None
    """Nothing arrives in this span; all that happened in it arrives at its end."""
    one_sided: Span | None = None
    """The book has asks only."""
    empty: Span | None = None
    """The book has no level at all."""
    bursts: tuple[int, ...] = ()
    """Exchange times that are shared by many events."""


@frozen(eq=False)
class Tape:
    """A seeded recording for tests: the same for the same name, seed, length and ``has_book``, in every process.

    ``events`` are in order of arrival and end with a Timer that closes the last row. Two tapes are equal only if they are the same
    object: :func:`~flashcrash_core.testing.tapes.tape` gives the same one again.
    """

    name: str
    seed: int
    instrument: Instrument
    has_book: bool
    """False: trades only, as in a file of trades."""
    events: tuple[MarketEvent, ...] = field(repr=False)
    facts: Facts
    _rows: list[tuple[FeatureRow, ...]] = field(init=False, factory=list, repr=False)

    def rows(self) -> tuple[FeatureRow, ...]:
        """The feature rows of the tape, one per 100 ms, made by the real accumulator; computed once."""
        if not self._rows:
            self._rows.append(tuple(feature_rows(self.events, self.instrument, has_book=self.has_book)))
        return self._rows[0]

    @property
    def seconds(self) -> float:
        """Length of the market in seconds."""
        return (self.facts.end_us - self.facts.start_us) / 1e6


_ENDLESS_ROWS: Final = 200_000
"""Rows that one silence may make: more is a stamp that leapt, and would fill the memory."""


def feature_rows(
    events: Sequence[MarketEvent], instrument: Instrument, *, has_book: bool, source_is_mid: bool | None = None
) -> Iterator[FeatureRow]:
    """The rows that a session would show its indicators for these events.

    The price source is the mid with a book and the last trade without one, if ``source_is_mid`` does not say otherwise. Unlike a
    session it never starts over after a long silence. Raises ValueError for a silence of more than 20,000 s.
    """
    market = FeatureAccumulator(instrument, has_book=has_book, source_is_mid=has_book if source_is_mid is None else source_is_mid)
    for event in events:
        act_us = market.admit(event)
        if act_us < 0:
            market.apply_late(event)
            continue
        if market.next_row_us:
            if (act_us - market.next_row_us) // 100_000 > _ENDLESS_ROWS:
                raise ValueError(f"event {event.seq} comes {(act_us - market.next_row_us) / 1e6:.0f} s after the last one")
            while market.next_row_us <= act_us:
                yield market.close_row()
        market.apply(event, act_us)
