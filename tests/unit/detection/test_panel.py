"""The panel runs what plugins bring and contains what they do wrong."""

from math import inf, isnan, nan
from typing import NamedTuple

import numpy as np
import pytest

from flashcrash_core.detection.indicator import Role, StepIndicator, WindowIndicator
from flashcrash_core.detection.panel import Panel, PanelEntry
from flashcrash_core.market.features import GRID_US
from flashcrash_core.testing import EPOCH_US, row

MISSING = ((nan,), (nan,))


class Memory(NamedTuple):
    """State of the counting step below."""

    seen: list[float]


def judge(statistic, baseline, levels, was_fired):
    """Pass through."""
    return statistic[0], False


def counting(state, one, params):
    """The number of rows so far and the row's price."""
    state.seen[0] += 1.0
    return (state.seen[0],), (one.price,)


def step_entry(step=counting, name="s", state=None, **extra):
    """An entry around a step function."""
    state = Memory([0.0]) if state is None else state
    program = StepIndicator(judge=judge, levels=None, step=step, state=state, params=None)
    return PanelEntry(name, name, Role.EXTRA, program, ("x",), ("b",), **extra)


def window_entry(window, rows=5, columns=("price", "trades")):
    """An entry around a window function."""
    program = WindowIndicator(judge=judge, levels=None, window=window, columns=columns, window_rows=rows)
    return PanelEntry("w", "w", Role.EXTRA, program, ("x",), ("b",))


def run(panel, prices):
    """The pairs of the first entry after each row."""
    seen = []
    for i, price in enumerate(prices):
        panel.on_row(row(EPOCH_US + i * GRID_US, price=price, trades=i))
        seen.append(panel.pairs[0])
    return seen


def rolling_mean(columns, params):
    """Causal mean of the price over the rows given, and the running sum of trades."""
    price = columns["price"]
    return [np.cumsum(price) / np.arange(1, len(price) + 1)], [np.cumsum(columns["trades"])]


def test_window_indicators_see_the_last_rows():
    """The newest row last, at most ``window_rows`` of them, only the declared columns; results become plain floats."""
    seen = run(Panel((window_entry(rolling_mean, rows=3),)), [1.0, 2.0, 3.0, 4.0, 5.0])
    assert seen == [((1.0,), (0.0,)), ((1.5,), (1.0,)), ((2.0,), (3.0,)), ((3.0,), (6.0,)), ((4.0,), (9.0,))]
    assert type(seen[0][0][0]) is float
    with_other = Panel((window_entry(rolling_mean, rows=3), window_entry(rolling_mean, rows=50)))
    assert run(with_other, [1.0, 2.0, 3.0, 4.0, 5.0]) == seen
    assert with_other.pairs[1] == ((3.0,), (10.0,))


def test_window_columns_are_the_declared_ones():
    """Another column is a fault of the indicator, not a convenience."""
    panel = Panel((window_entry(rolling_mean, columns=("price",)),))
    run(panel, [1.0])
    assert "KeyError" in panel.faults[0].error


def raises(state, one, params):
    """A step with a bug."""
    raise KeyError("x")


@pytest.mark.parametrize(
    ("result", "word"),
    [
        (None, "returned None"),
        (((1.0,), [1.0]), "a list as its baseline"),
        ([(1.0,), (1.0,)], "returned a list"),
        (((1.0,), (1.0,), (1.0,)), "returned a tuple"),
        (((1.0, 2.0), (1.0,)), "declared (1, 1)"),
        (((1.0,), ()), "declared (1, 1)"),
        (((inf,), (1.0,)), "not finite"),
        (((1.0,), (-inf,)), "not finite"),
        (((np.float64(1.0),), (1.0,)), "holds a float64"),
        (((None,), (1.0,)), "holds None"),
        (((1.0,), ("1",)), "holds a str"),
        (((True,), (1.0,)), "holds a bool"),
        (((1,), (1.0,)), "holds an int"),
        ("raise", "KeyError"),
    ],
)
def test_a_fault_is_missing_and_the_third_is_quarantine(result, word):
    """Every kind of wrong answer: a missing reading each time, told with its row, quarantined at the third and run no more."""
    calls = []

    def step(state, one, params):
        calls.append(one.t_us)
        return raises(state, one, params) if result == "raise" else result

    panel = Panel((step_entry(step, "bad"), step_entry()))
    seen = run(panel, [100.0] * 5)
    assert repr(seen) == repr([MISSING] * 5)
    assert len(calls) == 3
    assert [(f.name, f.t_us, f.quarantined) for f in panel.faults] == [("bad", EPOCH_US + i * GRID_US, i == 2) for i in range(3)]
    assert all(word in f.error for f in panel.faults), panel.faults
    assert panel.missing_reason(0) == "quarantined"
    assert panel.pairs[1] == ((5.0,), (100.0,)), "its neighbour is not disturbed"


def test_faults_need_not_be_in_a_row():
    """Good rows between faults are used and do not pardon."""
    answers = iter([((1.0,), (1.0,)), None, ((2.0,), (1.0,)), None, ((3.0,), (1.0,)), None, ((4.0,), (1.0,))])
    panel = Panel((step_entry(lambda *_: next(answers)),))
    seen = run(panel, [100.0] * 7)
    assert [pair[0][0] for pair in seen if not isnan(pair[0][0])] == [1.0, 2.0, 3.0]
    assert panel.faults[-1].quarantined


def test_a_failing_window_is_contained_too():
    """Window programs are held to the same contract."""
    panel = Panel((window_entry(lambda columns, params: ([columns["price"] * inf], [columns["price"]])),))
    run(panel, [100.0] * 4)
    assert [f.quarantined for f in panel.faults] == [False, False, True]


def test_nan_is_no_fault():
    """Missing is an answer."""
    panel = Panel((step_entry(lambda *_: MISSING),))
    run(panel, [100.0] * 10)
    assert panel.faults == []
    assert panel.missing_reason(0) == "not_ready"


def test_an_inactive_indicator_is_not_run():
    """Without a book the book indicators are missing for that reason and cost nothing."""
    panel = Panel((step_entry(raises, inactive="no_book"),))
    assert repr(run(panel, [100.0])) == repr([MISSING])
    assert (panel.faults, panel.missing_reason(0)) == ([], "no_book")


def test_containing_a_judgement_counts_with_the_rest():
    """Faults of program and judgement add up, and after quarantine nothing more is told."""
    panel = Panel((step_entry(),))
    run(panel, [100.0])
    for _ in range(5):
        panel.contain(0, 7, ValueError("judge"))
    assert [f.quarantined for f in panel.faults] == [False, False, True]
    assert repr(run(panel, [100.0])) == repr([MISSING])


def test_snapshot_gives_the_same_future():
    """States, rings, fault counts and quarantine survive."""

    def make():
        return Panel((step_entry(), window_entry(rolling_mean, rows=4), step_entry(raises, "bad")))

    whole, cut, fresh = make(), make(), make()
    run(whole, [1.0, 2.0])
    run(cut, [1.0, 2.0])
    fresh.restore(cut.snapshot())
    for price in (3.0, 4.0, 5.0):
        whole.on_row(row(EPOCH_US, price=price))
        fresh.on_row(row(EPOCH_US, price=price))
        assert repr(whole.pairs) == repr(fresh.pairs)
    assert repr(whole.snapshot()) == repr(fresh.snapshot())
    assert fresh.missing_reason(2) == "quarantined"
