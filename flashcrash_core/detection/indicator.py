"""What an indicator is made of: a formula over feature rows, and a judgement of its result.

The formula is written once and is *state-free* towards the detector: it yields ``(statistic, baseline)`` pairs, tuples of
floats that depend on the market alone. NaN means "missing". The judgement ``judge(statistic, baseline, levels, was_fired)``
is pure; the detector calls it, because baselines freeze and flags latch with the detector's state
(reference/microstructure.md section 1).

Two kinds of formula:

* :class:`StepIndicator`: ``step(state, row, params)``, O(1) per row. ``state`` is a NamedTuple of lists of floats, mutated in
  place; ``params`` a NamedTuple of floats. Written so, the same source is interpreted live and can be compiled for batch, and
  its snapshot is just its lists.
* :class:`WindowIndicator`: one vectorised causal function over feature columns; the kernel calls it on the last
  ``window_rows`` rows live and over whole tapes in batch.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any

from attrs import field, frozen, validators

from flashcrash_core.market.features import FeatureRow
from flashcrash_core.market.instruments import Instrument

__all__ = [
    "BuildContext",
    "Floats",
    "Indicator",
    "JudgeFn",
    "Reading",
    "Role",
    "StepFn",
    "StepIndicator",
    "WindowFn",
    "WindowIndicator",
]

Floats = tuple[float, ...]
StepFn = Callable[[Any, FeatureRow, Any], tuple[Floats, Floats]]
"""``step(state, row, params) -> (statistic, baseline)``."""
WindowFn = Callable[[Mapping[str, Any], Any], tuple[Sequence[Any], Sequence[Any]]]
"""``window(columns, params) -> (statistic arrays, baseline arrays)``, each array as long as the columns; row i uses rows <= i."""
JudgeFn = Callable[[Floats, Floats, Any, bool], tuple[float, bool]]
"""``judge(statistic, baseline, levels, was_fired) -> (value, fired)``; a NaN value means missing."""


class Role(StrEnum):
    """How the detector uses an indicator."""

    CORE = "core"
    """Counts in C and n (I1..I5)."""
    CONFIRMATION = "confirmation"
    """Relieves K from 3 to 2 while fired (I6)."""
    PATTERN = "pattern"
    """Candle patterns for score, entry and exit (I7)."""
    DEPTH = "depth"
    """Liquidity gate and component (I8); its ``fired`` is a liquidity collapse and blocks entries."""
    EXTRA = "extra"
    """Read, journalled and available to scorers; counts nowhere. The default for third-party indicators."""


@frozen
class BuildContext:
    """What a plugin is told about the run when it is built."""

    symbol: str
    instrument: Instrument
    source_is_mid: bool
    has_book: bool


@frozen
class _Judged:
    judge: JudgeFn
    levels: Any
    persist_us: int = field(default=0, kw_only=True)
    """The raw condition must hold this long before the flag turns on."""
    latch_us: int = field(default=0, kw_only=True)
    """The flag stays on this long after the raw condition ended (impulse indicators)."""


@frozen
class StepIndicator(_Judged):
    """A formula driven row by row."""

    step: StepFn = field(kw_only=True)
    state: Any = field(kw_only=True)
    params: Any = field(kw_only=True)


@frozen
class WindowIndicator(_Judged):
    """A vectorised causal formula over the last ``window_rows`` rows of ``columns`` (names of FeatureRow fields)."""

    window: WindowFn = field(kw_only=True)
    columns: tuple[str, ...] = field(kw_only=True)
    window_rows: int = field(kw_only=True, validator=[validators.ge(1), validators.le(600)])
    params: Any = field(kw_only=True, default=None)


Indicator = StepIndicator | WindowIndicator


@frozen
class Reading:
    """One indicator's reading at one row, for reports, records and scores.

    ``value`` is None when not ``ready``; ``reason`` then says why (``warming_up``, ``no_book``, ``book_unusable``, ``quarantined``,
    ``undefined``). ``provenance`` is ``real_book``, ``real_trades``, ``synthetic_book`` or ``synthetic_trades``, "" when missing.
    """

    name: str
    value: float | None
    fired: bool
    ready: bool
    stale: bool
    reason: str
    provenance: str
