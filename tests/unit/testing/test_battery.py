"""How one check is run: what raises becomes a row, and a warning is a failure wherever the battery runs."""

import warnings
from typing import Any

import pytest
from attrs import frozen

from flashcrash_core.testing.battery import Check, CheckFailure, Outcome, check, run_check


@frozen
class Plugin:
    """A subject of the battery."""

    kind: str = "indicator"
    label: str = "indicator mine"


def checked(function: Any, applies: Any = lambda _subject: "") -> Check:
    """A check of this function."""
    return Check("indicator", "a_check", "what a pass proves", function, applies)


def test_a_condition_that_raises_is_a_failed_row() -> None:
    """A plugin whose descriptor breaks the question "does it apply" fails the check; nothing comes out as a traceback."""

    def applies(_subject: Any) -> str:
        return "" if "s" in 5 else "no"  # type: ignore[operator]

    row = run_check(checked(lambda _subject: None, applies), Plugin())
    assert row.outcome is Outcome.FAILED
    assert row.message.startswith("indicator mine: whether this check applies cannot be said: TypeError: ")
    assert "test_battery.py:" in row.message


@pytest.mark.parametrize(
    ("category", "said"),
    [
        (RuntimeWarning, ("raised a RuntimeWarning: divide by zero (", "wrap it in np.errstate(...)")),
        (
            DeprecationWarning,
            ("raised a DeprecationWarning: divide by zero (", "warnings are errors in the checks: mend its cause"),
        ),
    ],
)
def test_a_warning_is_a_failure_under_every_filter(category: type[Warning], said: tuple[str, ...]) -> None:
    """``plugins check`` sets no filter and an author's pytest may have any: both see the same row, with what to do."""

    def warns(_subject: Any) -> None:
        warnings.warn("divide by zero", category, stacklevel=1)

    for action in ("ignore", "error"):
        with warnings.catch_warnings():
            warnings.simplefilter(action)
            row = run_check(checked(warns), Plugin())
        assert row.outcome is Outcome.FAILED, action
        assert [words for words in said if words not in row.message] == [], row.message


def test_a_warning_within_the_panel_is_advised_on_too() -> None:
    """The panel contains a warning as a fault of the row: the row that the check gives says what to do all the same."""

    def contained(_subject: Any) -> None:
        raise CheckFailure("indicator mine: row 3 (t_us 5): RuntimeWarning: invalid value")

    assert run_check(checked(contained), Plugin()).message.endswith("wrap it in np.errstate(...)")


def test_the_filters_of_the_caller_are_left_as_they_were() -> None:
    """After a check warnings are treated as before it."""
    before = list(warnings.filters)
    run_check(checked(lambda _subject: None), Plugin())
    assert list(warnings.filters) == before


def test_a_failure_of_the_condition_counts_as_announced() -> None:
    """expected_failures covers a check whose condition fails, like any other failure."""

    def applies(_subject: Any) -> str:
        raise CheckFailure("no descriptor")

    row = run_check(checked(lambda _subject: None, applies), Plugin(), expected_failure="to be mended")
    assert (row.outcome, row.message) == (Outcome.EXPECTED_FAILURE, "to be mended: no descriptor")


def test_a_check_needs_a_docstring() -> None:
    """A check that does not say what a pass proves cannot be made."""

    def silent(_subject: Any) -> None: ...

    with pytest.raises(TypeError, match="check silent has no docstring"):
        check("indicator")(silent)
