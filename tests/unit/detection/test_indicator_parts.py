"""What an indicator's program refuses when it is built, in words for the plugin's author."""

from typing import Any, NamedTuple

import pytest

from flashcrash_core.api import StepIndicator, WindowIndicator
from flashcrash_core.errors import PluginContract
from flashcrash_core.runtime.composition import built

WINDOW: dict[str, Any] = {"judge": print, "levels": None, "window": print, "columns": ("price",), "window_rows": 3}
STEP: dict[str, Any] = {"judge": print, "levels": None, "step": print, "state": ([0.0],), "params": None}


class Half(NamedTuple):
    """One field is no list."""

    prices: list[float]
    rows: int


@pytest.mark.parametrize(
    ("cls", "field", "value", "said"),
    [
        (WindowIndicator, "columns", ("price", "prize"), 'columns: "prize" is no field of FeatureRow; did you mean "price"?'),
        (WindowIndicator, "columns", ("zzzzzz",), "fields are t_us, "),
        (WindowIndicator, "columns", "price", "columns 'price': a tuple of names of FeatureRow fields"),
        (WindowIndicator, "columns", ("price", "price"), "a name stands there twice"),
        (WindowIndicator, "window_rows", 601, "window_rows 601: a whole number from 1 to 600"),
        (WindowIndicator, "window_rows", 3.0, "window_rows 3.0: a whole number"),
        (WindowIndicator, "window", None, "window None is not a function"),
        (StepIndicator, "state", [0.0], "state is a list; it must be a NamedTuple of lists of numbers"),
        (StepIndicator, "state", Half([0.0], 0), "state.rows is a int; every field of the state must be a list of numbers"),
        (StepIndicator, "step", "step", "step 'step' is not a function"),
        (StepIndicator, "persist_us", -1, "persist_us -1: a whole number of microseconds"),
        (StepIndicator, "judge", None, "judge None is not a function"),
    ],
)
def test_a_part_that_the_panel_could_not_run(cls: Any, field: str, value: Any, said: str) -> None:
    """It is refused where it is built, with its name, its value and what it must be."""
    with pytest.raises((TypeError, ValueError)) as caught:
        cls(**(WINDOW if cls is WindowIndicator else STEP) | {field: value})
    assert said in str(caught.value)


def test_sound_parts_are_taken() -> None:
    """The longest window and a state of lists pass."""
    assert WindowIndicator(**WINDOW | {"window_rows": 600}).window_rows == 600
    assert StepIndicator(**STEP).state == ([0.0],)


def test_the_plugin_and_the_line_of_its_build_are_named() -> None:
    """What composes a run says which plugin could not be built, what was wrong, and the author's file and line."""

    def build() -> WindowIndicator:
        return WindowIndicator(**WINDOW | {"columns": ("prize",)})

    with pytest.raises(PluginContract) as caught:
        built("indicator", "mine (plugin mine) for BTCUSDT", build)
    line = build.__code__.co_firstlineno + 1
    assert str(caught.value) == (
        'indicator mine (plugin mine) for BTCUSDT could not be built: ValueError: columns: "prize" is no field of FeatureRow; '
        f'did you mean "price"? (test_indicator_parts.py:{line}); check its table in the configuration, or repair the plugin'
    )
