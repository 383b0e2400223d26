"""The indicator contract on rows of the recorded book: finite or missing, no look-ahead, same future after a snapshot."""

from itertools import islice
from math import isinf
from typing import Any

import msgspec
import pytest
from recorded_data import SPOT, recorded

from flashcrash_core.config import load_config, resolve_plugins
from flashcrash_core.detection.panel import Panel
from flashcrash_core.market.features import FeatureRow
from flashcrash_core.registry import load_registry
from flashcrash_core.runtime.composition import Composition, compose, open_run_input

ROWS = 3_400
"""340 s: past the longest readiness (262 s) with a minute to spare."""


@pytest.fixture(scope="module")
def real() -> tuple[list[FeatureRow], Any]:
    """Rows of the recorded spot book, and a maker of fresh panels of the eight."""
    config = load_config(environ={})
    plugins = resolve_plugins(config, load_registry())
    source, _ = open_run_input(config.settings, plugins, paths=[recorded(SPOT[0])], feed=None)
    composition: Composition = compose(config, plugins, source, trade=False, sweep=False)
    (lane,) = composition.session.lanes.values()
    rows: list[FeatureRow] = []
    watched = lane.panel.on_row
    lane.panel.on_row = lambda row: (rows.append(row), watched(row))  # type: ignore[method-assign, assignment, func-returns-value]
    events = source.events()
    while len(rows) < ROWS and (some := list(islice(events, 2_000))):
        for event in some:
            composition.session.on_event(event)
    source.close()
    return rows, lambda: Panel(lane.setup.entries())


def driven(panel: Panel, rows: list[FeatureRow]) -> list[list[Any]]:
    """The pairs of every row, as text: NaN equals NaN."""
    seen = []
    for row in rows:
        panel.on_row(row)
        seen.append([repr(pair) for pair in panel.pairs])
    assert panel.faults == []
    return seen


def test_readings_are_finite_or_missing_and_become_ready(real: tuple[list[FeatureRow], Any]) -> None:
    """Nothing infinite comes out, and after five and a half minutes each of the eight has a statistic."""
    rows, fresh = real
    panel = fresh()
    for row in rows:
        panel.on_row(row)
        assert not any(isinf(x) for pair in panel.pairs for part in pair for x in part)
    assert panel.faults == []
    missing = [e.name for e, (statistic, _) in zip(panel.entries, panel.pairs, strict=True) if all(x != x for x in statistic)]
    assert missing == []


def test_the_past_does_not_depend_on_the_future(real: tuple[list[FeatureRow], Any]) -> None:
    """A prefix gives the same readings, and so do rows whose future was changed: exactly, not nearly."""
    rows, fresh = real
    whole = driven(fresh(), rows)
    cut = len(rows) * 2 // 3
    assert driven(fresh(), rows[:cut]) == whole[:cut]
    changed = rows[:cut] + [row._replace(price=row.price * 0.9, bid=row.bid * 0.9, sell_notional=1e7) for row in rows[cut:]]
    other = driven(fresh(), changed)
    assert other[:cut] == whole[:cut]
    assert other != whole


def test_a_snapshot_has_the_same_future(real: tuple[list[FeatureRow], Any]) -> None:
    """State through msgpack and back, at several rows: what follows is equal."""
    rows, fresh = real
    whole = driven(fresh(), rows)
    for at in (5, 1_234, len(rows) - 300):
        first, second = fresh(), fresh()
        driven(first, rows[:at])
        second.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(first.snapshot())))
        assert driven(second, rows[at:]) == whole[at:]
