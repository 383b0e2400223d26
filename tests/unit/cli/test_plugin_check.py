"""``plugins check``: which checks it takes, and how it counts."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from flashcrash_core.cli.main import app
from flashcrash_core.cli.plugin_check import _counts
from flashcrash_core.errors import UsageError
from flashcrash_core.testing.battery import CheckResult, Outcome, battery_of


def refused(*arguments: str) -> str:
    """What a refused ``plugins check`` says."""
    error = CliRunner().invoke(app, ["plugins", "check", *arguments]).exception
    assert isinstance(error, UsageError), error
    return str(error)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("causalty", "did you mean causality_by_truncation or causality_by_perturbation?"),
        ("interfac", 'did you mean "interface"?'),
    ],
)
def test_a_misspelt_check_names_the_nearest(given: str, said: str) -> None:
    """One word of a check's name is enough to be understood."""
    assert refused("spread", "--only", given) == f'there is no check "{given}"; {said}'


def test_an_unknown_check_lists_those_of_the_kind() -> None:
    """Only the checks that the plugin's kind has are listed, not those of all kinds."""
    said = refused("spread", "--only", "zzz")
    listed = said.partition("checks of indicator plugins: ")[2].split(", ")
    assert listed == [check.name for check in battery_of("indicator")]


def test_outcomes_are_counted_in_one_order() -> None:
    """Passed, failed, skipped, whatever came first; outcomes that did not occur are left out."""
    rows = [
        CheckResult(str(place), "indicator", "mine", outcome, "", 0.0)
        for place, outcome in enumerate((Outcome.SKIPPED, Outcome.FAILED, Outcome.PASSED, Outcome.PASSED, Outcome.EXPECTED_FAILURE))
    ]
    assert _counts(rows) == "5 checks, 2 passed, 1 failed, 1 skipped, 1 expected failure"
    assert _counts(rows[2:3]) == "1 check, 1 passed"


def test_a_program_that_cannot_be_built_is_named_with_the_authors_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run with a window over a column that does not exist ends with the column that was meant and the author's line."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COLUMNS", raising=False)  # a test runner may set it, and the table would wrap
    Path("prize.py").write_text(
        "from flashcrash_core.api import IndicatorSpec, PluginInfo, WindowIndicator, hookimpl\n"
        'flashcrash_plugin = PluginInfo(api=1, summary="s")\n'
        "def build(config, context):\n"
        '    return WindowIndicator(print, None, window=print, columns=("prize",), window_rows=3)\n'
        "@hookimpl\n"
        "def flashcrash_indicators():\n"
        '    return [IndicatorSpec(name="prize", summary="s", build=build, statistics=("x",))]\n'
    )
    done = CliRunner().invoke(app, ["plugins", "check", "./prize.py", "--only", "interface"])
    assert done.exit_code == 1
    assert 'columns: "prize" is no field of FeatureRow; did you mean "price"? (' in done.stdout
    assert "prize.py:4)" in done.stdout
    error = CliRunner().invoke(app, ["run", "--plugins", "+./prize.py", "--db", ":memory:"]).exception
    assert str(error).startswith("indicator prize (plugin prize) for SIMUSDT could not be built: ValueError: columns: ")
    assert getattr(error, "exit_code", None) == 2


def test_a_plugin_that_offers_only_commands_does_not_stop_the_others_from_being_checked() -> None:
    """Without names every plugin is checked that offers something; one that has only hooks has nothing to check."""
    done = CliRunner().invoke(app, ["plugins", "check", "--only", "configuration_schema", "--jobs", "1"])
    assert done.exit_code == 0, done.output
    assert "indicator spread" in done.output
    assert "binance_archive" not in done.output
