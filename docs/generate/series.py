"""What an indicator reads over a scene, through the real panel and the real detector: the data of the plots.

The rows are driven as a session drives them: panel, then detector, whose baselines freeze while an event lasts. Numbers are rounded
before they are plotted or digested, so that the last bit of a platform's logarithm changes nothing.
"""

import hashlib
import json
from functools import lru_cache
from math import isnan
from typing import Any, Final

import attrs
from attrs import frozen

from flashcrash_core.api import GRID_US, BuildContext, DetectorConfig, FeatureRow, IndicatorSpec, State
from flashcrash_core.detection.detector import Detector
from flashcrash_core.detection.panel import Panel, PanelEntry
from flashcrash_core.registry import load_registry
from generate.scenes import Candle, Scene, scene

__all__ = ["Series", "Span", "digest", "indicator_specs", "series"]

DRAWN_ROWS: Final = 450
"""Of a longer scene every second or third row is drawn; spans are exact."""

Span = tuple[float, float]
"""Start and end in seconds after the scene's zero."""
Value = float | None


@frozen(kw_only=True)
class Series:
    """One indicator over a scene; times in seconds after the scene's zero."""

    name: str
    title: str
    zero: str
    times_s: tuple[float, ...]
    prices: tuple[Value, ...]
    """Mid, quote currency."""
    candles: tuple[Candle, ...]
    candles_from_s: float
    values: tuple[Value, ...]
    """Judged value; None while missing."""
    limits: tuple[Value, ...]
    """The trigger where it moves with a baseline (acceleration); empty where it is a constant."""
    fired: tuple[Span, ...]
    """Where the flag was on, to the row."""
    climax: tuple[Span, ...]
    """Where a buying climax was valid (candle patterns)."""
    active: tuple[Span, ...]
    """Where the detector was in ACTIVE."""
    low_s: Value
    """The lowest point of the drawn path."""
    fall_pct: float
    """From the price at zero to the lowest price after it."""
    first_fired_s: Value
    fall_when_fired_pct: Value
    """How far the price had fallen when it first fired."""
    fired_before_s: float
    """For how long it was fired before zero: false alarms in calm trading."""
    before_s: float
    """Length of the scene before zero."""
    least: Value
    """The smallest judged value of the part that is drawn."""
    greatest: Value
    """The greatest one."""


@frozen
class _Seen:
    """What the detector held after one row."""

    t_us: int
    price: float
    state: State
    values: list[float]
    fired: list[bool]
    sigma_b: float
    climax: bool


def indicator_specs() -> list[IndicatorSpec]:
    """The first-party indicators, in loading order."""
    return load_registry("").indicators.values()


def digest(series: Series) -> str:
    """Short hash of everything that is plotted or said about the scene."""
    document = json.dumps(attrs.asdict(series), sort_keys=True)
    return hashlib.sha256(document.encode()).hexdigest()[:32]


def series(key: str, name: str) -> Series:
    """The series of one indicator over one scene."""
    names, seen, levels = _driven(key)
    index = names.index(name)
    return _series(scene(key), name, index, seen, levels[index])


@lru_cache(maxsize=3)
def _driven(key: str) -> tuple[list[str], list[_Seen], list[Any]]:
    shown = scene(key)
    context = BuildContext(shown.instrument.symbol, shown.instrument, source_is_mid=True, has_book=True)
    entries = tuple(_entry(spec, context) for spec in indicator_specs())
    names = [entry.name for entry in entries]
    patterns = names.index("candle_patterns")
    panel, detector = Panel(entries), Detector(shown.instrument.symbol, entries, DetectorConfig())
    judgement = detector.judgement

    def step(row: FeatureRow) -> _Seen:
        panel.on_row(row)
        detector.on_row(row, panel.pairs, flat=True)
        climax = panel.pairs[patterns][0][1] == 1.0
        return _Seen(row.t_us, row.price, detector.state, [*judgement.values], [*judgement.fired], detector.sigma()[1], climax)

    seen = [step(row) for row in shown.rows]
    if panel.faults or judgement.faults:
        raise RuntimeError(f"{key}: a first-party indicator failed: {panel.faults} {judgement.faults}")
    return names, seen, [entry.indicator.levels for entry in entries]


def _entry(spec: IndicatorSpec, context: BuildContext) -> PanelEntry:
    return PanelEntry(
        name=spec.name,
        plugin=spec.name,
        role=spec.role,
        indicator=spec.build(spec.config(), context),
        statistics=spec.statistics,
        baselines=spec.baselines,
        baseline_from=spec.baseline_from,
    )


def _series(of: Scene, name: str, index: int, seen: list[_Seen], levels: Any) -> Series:
    zero_us = of.zero_us
    shown = [row for row in seen if of.from_us < row.t_us <= of.until_us]
    drawn = shown[:: -(-len(shown) // DRAWN_ROWS)]
    after = [row for row in shown if row.t_us > zero_us]
    start_price = after[0].price
    first = next((row for row in after if row.fired[index]), None)
    known = [row.values[index] for row in shown if not isnan(row.values[index])]
    moving = name == "acceleration"
    return Series(
        name=name,
        title=of.title,
        zero=of.zero,
        times_s=tuple(_seconds(row.t_us - zero_us) for row in drawn),
        prices=() if of.candles else tuple(_rounded(row.price, 7) for row in drawn),
        candles=of.candles,
        candles_from_s=_seconds(of.from_us - zero_us),
        values=tuple(_rounded(row.values[index], 5) for row in drawn),
        limits=tuple(_rounded(-max(levels.level, levels.sigmas * row.sigma_b), 5) for row in drawn) if moving else (),
        fired=_spans([(row.t_us, row.fired[index]) for row in shown], zero_us),
        climax=_spans([(row.t_us, row.climax) for row in shown], zero_us) if name == "candle_patterns" else (),
        active=_spans([(row.t_us, row.state is State.ACTIVE) for row in shown], zero_us),
        low_s=None if of.low_us is None else _seconds(of.low_us - zero_us),
        fall_pct=_percent(start_price, min(row.price for row in after)),
        first_fired_s=None if first is None else _seconds(first.t_us - zero_us),
        fall_when_fired_pct=None if first is None else _percent(start_price, first.price),
        fired_before_s=_seconds(GRID_US * sum(row.fired[index] for row in seen if row.t_us <= zero_us)),
        before_s=_seconds(zero_us - seen[0].t_us + GRID_US),
        least=_rounded(min(known), 3) if known else None,
        greatest=_rounded(max(known), 3) if known else None,
    )


def _seconds(span_us: int) -> float:
    return round(span_us / 1e6, 1)


def _percent(start: float, price: float) -> float:
    return round(100 * (1 - price / start), 1)


def _rounded(value: float, digits: int) -> Value:
    """To so many significant digits; None for a missing value."""
    return None if isnan(value) else float(f"{value:.{digits}g}")


def _spans(flags: list[tuple[int, bool]], zero_us: int) -> tuple[Span, ...]:
    spans: list[Span] = []
    since: int | None = None
    for t_us, on in flags:
        if on and since is None:
            since = t_us
        elif not on and since is not None:
            spans.append((_seconds(since - zero_us), _seconds(t_us - zero_us)))
            since = None
    if since is not None:
        spans.append((_seconds(since - zero_us), _seconds(flags[-1][0] - zero_us)))
    return tuple(spans)
