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

import difflib
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final

from attrs import field, frozen

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

MAX_WINDOW_ROWS: Final = 600
"""The longest window (rows of 100 ms) of a window indicator: a minute."""

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


def _is_function(_program: Any, attribute: Any, value: Any) -> None:
    if not callable(value):
        raise TypeError(f"{attribute.name} {value!r} is not a function")


def _is_span(_program: Any, attribute: Any, value: Any) -> None:
    if type(value) is not int or value < 0:
        raise ValueError(f"{attribute.name} {value!r}: a whole number of microseconds, 0 or more")


def _is_row_count(_program: Any, attribute: Any, value: Any) -> None:
    if type(value) is not int or not 1 <= value <= MAX_WINDOW_ROWS:
        raise ValueError(f"{attribute.name} {value!r}: a whole number from 1 to {MAX_WINDOW_ROWS}")


def _is_state(_program: Any, _attribute: Any, value: Any) -> None:
    """What the panel stores and restores without knowing it: lists, in a tuple."""
    if not isinstance(value, tuple):
        raise TypeError(f"state is a {type(value).__name__}; it must be a NamedTuple of lists of numbers")
    for place, part in enumerate(value):
        if not isinstance(part, list):
            name = getattr(value, "_fields", range(len(value)))[place]
            raise TypeError(f"state.{name} is a {type(part).__name__}; every field of the state must be a list of numbers")


def _are_columns(_program: Any, _attribute: Any, value: Any) -> None:
    if not isinstance(value, tuple) or not all(isinstance(name, str) for name in value):
        raise TypeError(f'columns {value!r}: a tuple of names of FeatureRow fields, as in columns=("price",)')
    for name in value:
        if name not in FeatureRow._fields:
            near = difflib.get_close_matches(name, FeatureRow._fields, n=1)
            hint = f'did you mean "{near[0]}"?' if near else f"fields are {', '.join(FeatureRow._fields)}"
            raise ValueError(f'columns: "{name}" is no field of FeatureRow; {hint}')
    if len(set(value)) < len(value):
        raise ValueError(f"columns {value!r}: a name stands there twice")


@frozen
class _Judged:
    judge: JudgeFn = field(validator=_is_function)
    levels: Any
    persist_us: int = field(default=0, kw_only=True, validator=_is_span)
    """The raw condition must hold this long before the flag turns on."""
    latch_us: int = field(default=0, kw_only=True, validator=_is_span)
    """The flag stays on this long after the raw condition ended (impulse indicators)."""


@frozen
class StepIndicator(_Judged):
    """A formula driven row by row. Raises TypeError or ValueError for parts that the panel could not run."""

    step: StepFn = field(kw_only=True, validator=_is_function)
    state: Any = field(kw_only=True, validator=_is_state)
    params: Any = field(kw_only=True)


@frozen
class WindowIndicator(_Judged):
    """A vectorised causal formula over the last ``window_rows`` rows of ``columns`` (names of FeatureRow fields).

    Raises TypeError or ValueError for parts that the panel could not run.
    """

    window: WindowFn = field(kw_only=True, validator=_is_function)
    columns: tuple[str, ...] = field(kw_only=True, validator=_are_columns)
    window_rows: int = field(kw_only=True, validator=_is_row_count)
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
