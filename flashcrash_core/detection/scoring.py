"""The seam for scorers: what they are given and what they return. Formulas are plugins (``weighted``).

A scorer is asked only when the strategy considers an entry, so it may look back over the kept rows instead of working on every
one. It is pure: same context, same score.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from attrs import field, frozen

__all__ = ["JudgedRow", "Score", "ScoreContext", "Scorer"]


class JudgedRow(NamedTuple):
    """The judged values of all indicators at one row, in panel order; NaN is missing."""

    t_us: int
    values: tuple[float, ...]


@frozen
class ScoreContext:
    """What an entry is scored on.

    ``history`` holds the judged rows of at least the last 10 s, oldest first, the newest row last. ``statistics`` maps indicator
    instance to its named statistics at the newest row (``{"depth": {"total": ...}}``); missing ones are absent.
    ``entry_price``, ``target_price`` and ``order_notional`` describe the order considered (quote currency).
    """

    t_us: int
    names: tuple[str, ...]
    history: Sequence[JudgedRow]
    statistics: Mapping[str, Mapping[str, float]]
    entry_price: float
    target_price: float
    order_notional: float


@frozen
class Score:
    """0 to 100. ``total`` is compared with the strategy's threshold after subtracting ``relief`` from the latter.

    ``refusal`` names a hard gate that forbids the entry whatever the total (``liquidity``, ``weight_unavailable``), else "".
    ``components`` are points earned by name; ``missing`` the components without data; ``renormalised`` flags research scores.
    """

    total: float
    components: dict[str, float]
    missing: tuple[str, ...] = ()
    refusal: str = ""
    relief: float = 0.0
    renormalised: bool = False
    band: str = ""
    notes: dict[str, Any] = field(factory=dict)


class Scorer(Protocol):
    """A built scorer plugin."""

    def score(self, context: ScoreContext) -> Score:
        """Score the entry described by ``context``. Must not keep state between calls."""
        ...
