"""Exit rules 2 to 8 of reference/microstructure.md section 5.4: each alone at its limit, each switchable, first match wins."""

from collections.abc import Callable
from typing import Any

import pytest

from flashcrash_core.api import Bar, Position
from flashcrash_strategies.config import PercentileConfig
from flashcrash_strategies.exits import EXIT_RULES, ExitView, Note, bearish_or_gapped, first_exit, track_trailing_stop

RULES = ("hard_stop", "negative_gap", "buying_climax", "trailing_stop", "max_hold")
ENTRY_US = 1_000_000_000
ALL_OFF = dict.fromkeys((*RULES, "target", "time_decay"), False)


def view(**changes: Any) -> ExitView:
    """A position of 100 lots bought at 10,000 ticks with a target of 10,100, where no rule fires."""
    position = Position(1, "TESTUSDT", "t0")
    position.buy(10_000, 100, 0, ENTRY_US)
    note = Note(ENTRY_US, 9_900, 10_200, 0.8, 10_100)
    note.stop_ticks = changes.pop("stop_ticks", 0.0)
    base: dict[str, Any] = {"price": 10_000, "now_us": ENTRY_US, "bad_bar_end_us": 0, "climax": False}
    return ExitView(position, note, **(base | changes))


FIRES: dict[str, dict[str, Any]] = {
    "hard_stop": {"price": 9_920},
    "negative_gap": {"bad_bar_end_us": ENTRY_US + 1},
    "buying_climax": {"climax": True, "price": 10_001},
    "trailing_stop": {"stop_ticks": 10_010.5, "price": 10_010},
    "max_hold": {"now_us": ENTRY_US + 20_000_000},
}
SILENT: dict[str, dict[str, Any]] = {
    "hard_stop": {"price": 9_921},
    "negative_gap": {"bad_bar_end_us": ENTRY_US},
    "buying_climax": {"climax": True, "price": 10_000},
    "trailing_stop": {"stop_ticks": 10_010.5, "price": 10_011},
    "max_hold": {"now_us": ENTRY_US + 19_999_999},
}


def test_rules_stand_in_the_references_order() -> None:
    """2, 3, 4, 5, 8; rules 6 and 7 are the resting target."""
    assert tuple(reason for reason, _ in EXIT_RULES) == RULES


@pytest.mark.parametrize("rule", RULES)
def test_each_rule_fires_alone_at_its_limit_and_not_before(rule: str) -> None:
    """With all other rules off, the rule fires at its limit and is silent one step before it."""
    config = PercentileConfig(**(ALL_OFF | {rule: True}))
    assert first_exit(view(**FIRES[rule]), config) == rule
    assert first_exit(view(**SILENT[rule]), config) == ""


@pytest.mark.parametrize("rule", RULES)
def test_each_rule_can_be_switched_off(rule: str) -> None:
    """With only this rule off, its own case does not fire it."""
    config = PercentileConfig(**{rule: False})
    assert first_exit(view(**FIRES[rule]), config) == ""


@pytest.mark.parametrize("first", range(len(RULES)))
def test_first_match_wins(first: int) -> None:
    """With the earlier rules off and all cases present, the first one left gives the reason."""
    everything = {"price": 9_920, "bad_bar_end_us": ENTRY_US + 1, "now_us": ENTRY_US + 20_000_000, "stop_ticks": 20_000.0}
    climax = RULES[first] == "buying_climax"
    if climax:
        everything |= {"climax": True, "price": 10_001}
    off = dict.fromkeys(RULES[:first], False)
    assert first_exit(view(**everything), PercentileConfig(**off)) == RULES[first]


@pytest.mark.parametrize(
    ("open_", "close", "previous", "bad"),
    [
        (9_990, 9_990, 10_000, False),
        (9_989, 9_989, 10_000, True),
        (10_000, 9_990, 10_000, False),
        (10_000, 9_989, 10_000, True),
        (9_000, 9_000, 0, False),
        (10_000, 10_500, 10_000, False),
    ],
)
def test_negative_gap_and_bearish_body(bar: Callable[..., Bar], open_: int, close: int, previous: int, bad: bool) -> None:
    """More than 0.1 % below the close before, or a body falling by more than 0.1 %; exactly 0.1 % is not more."""
    sample = bar(0, 8_000, 11_000, open=open_, close=close)
    assert bearish_or_gapped(sample, previous, 0.1, 0.1) is bad


def test_trailing_stop_arms_at_half_the_way_and_only_rises() -> None:
    """Target distance 100: at +49 it is not armed, at +50 the stop is high-water less two mean ranges, and it never falls."""
    config, note = PercentileConfig(), Note(0, 9_900, 10_200, 0.8, 10_100)
    track_trailing_stop(note, 10_000.0, 10_049, 10.0, config)
    assert (note.high_water_ticks, note.stop_ticks) == (10_049, 0.0)
    track_trailing_stop(note, 10_000.0, 10_050, 10.0, config)
    assert note.stop_ticks == 10_030.0
    track_trailing_stop(note, 10_000.0, 10_040, 30.0, config)
    assert (note.high_water_ticks, note.stop_ticks) == (10_050, 10_030.0)
    track_trailing_stop(note, 10_000.0, 10_080, 10.0, config)
    assert note.stop_ticks == 10_060.0


def test_trailing_stop_needs_a_mean_range() -> None:
    """Without any bar there is no ATR and so no stop, but the high-water mark is kept."""
    note = Note(0, 9_900, 10_200, 0.8, 10_100)
    track_trailing_stop(note, 10_000.0, 10_099, float("nan"), PercentileConfig())
    assert (note.high_water_ticks, note.stop_ticks) == (10_099, 0.0)
