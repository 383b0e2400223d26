"""Natural mistakes on the command line: each is answered with the form that is right."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from flashcrash_core.cli.main import app
from flashcrash_core.errors import FlashcrashError

ADDING = """
from flashcrash_core.api import PluginInfo, hookimpl
flashcrash_plugin = PluginInfo(api=1, summary="nothing but itself")

@hookimpl
def flashcrash_indicators():
    return []
"""


def refusal(arguments: str) -> list[str]:
    """The error lines of a command that must end with exit code 2."""
    error = CliRunner().invoke(app, arguments.split()).exception
    assert isinstance(error, FlashcrashError), error
    assert error.exit_code == 2
    return str(error).splitlines()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("run x.csv", "run takes files with --tape: flashcrash run --tape x.csv (or: flashcrash backtest x.csv)"),
        ("run --json a.gz b.gz", "flashcrash run --tape a.gz --tape b.gz"),
        ("backtest --tape x.csv", "backtest takes its files without --tape: flashcrash backtest x.csv"),
        ("detect --tape=x.csv", "detect takes its files without --tape: flashcrash detect x.csv"),
        ("detect x.csv --fills M1", "detect does not trade, so there is nothing to fill; flashcrash backtest has --fills"),
        ("backtest x.csv --duration 5", "backtest has no --duration; flashcrash run has it"),
    ],
)
def test_what_belongs_to_another_command(arguments: str, words: str) -> None:
    """Files and options given to the wrong one of run, backtest and detect: the right command line is named."""
    assert words in refusal(arguments)[0]


@pytest.mark.parametrize("seconds", ["0", "-4", "nan", "inf"])
def test_a_run_of_no_time_is_refused(seconds: str) -> None:
    """--duration must be a positive number of seconds; nothing is run or stored."""
    assert refusal(f"run --duration {seconds} --db :memory:") == [f"--duration {seconds}: must be a positive number of seconds"]


def test_run_takes_a_fill_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--fills is an option of run as of backtest, and a wrong one is named as it was typed."""
    monkeypatch.chdir(tmp_path)
    (fault,) = refusal("run --fills M9")
    assert fault.startswith("--fills: must be one of auto, M0, M1, M2, M3")


@pytest.mark.parametrize("option", ["--config x.toml", "--fills M1", "--duration 0", "--set run.seed=2"])
def test_a_resumed_run_refuses_what_it_would_ignore(option: str) -> None:
    """Every option that a resume cannot follow is refused, none is passed over in silence."""
    (fault,) = refusal(f"run --resume last {option}")
    assert f"drop {option.split(maxsplit=1)[0]} " in fault


@pytest.mark.parametrize("command", ["run", "config check", "config show"])
def test_an_unknown_profile_or_feed_names_the_nearest(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The option is named once, as it was typed, with the nearest name."""
    monkeypatch.chdir(tmp_path)
    assert refusal(f"{command} --profile robst") == ['--profile: there is no profile "robst"; did you mean "robust"?']
    if command == "run":
        assert refusal("run --feed repaly --db x.db") == ['there is no feed "repaly"; did you mean "replay"?']


def test_a_list_meant_to_add(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--plugins without + replaces the defaults: one line says so and how to add instead, and what it says works."""
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(ADDING)
    (fault,) = refusal("config check --plugins ./mine.py")
    assert fault.startswith(
        "--plugins: the list ./mine.py replaces the default plugins; write +./mine.py to add to them (missing: "
    )
    assert CliRunner().invoke(app, ["config", "check", "--plugins", "+./mine.py"]).exit_code == 0
    Path("local.toml").write_text('plugins = ["./mine.py", "depth"]\n')
    (fault,) = refusal("config check")
    assert fault.startswith("local.toml:1 plugins: the list ./mine.py,depth replaces the default plugins; write +./mine.py,depth")


BOUNDED = """
from attrs import field, frozen
from flashcrash_core.api import IndicatorSpec, PluginInfo, ScorerSpec, hookimpl
flashcrash_plugin = PluginInfo(api=1, summary="two levels")

@frozen
class Config:
    trigger: float = 0.8
    release: float = field(default=0.6)

    @release.validator
    def _not_above(self, _attribute, value):
        if value > self.trigger:
            raise ValueError(f"release {value} must not lie above trigger {self.trigger}")

@hookimpl
def flashcrash_indicators():
    return [IndicatorSpec(name="bounded", summary="s", config=Config, build=print, statistics=("x",))]

@hookimpl
def flashcrash_scorers():
    return [ScorerSpec(name="my-scorer", summary="s", build=print)]
"""


def test_a_default_that_does_not_go_with_what_was_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key that was not set is called a default, and no layer is said to have set it; one that was set is named as ever."""
    monkeypatch.chdir(tmp_path)
    Path("bounded.py").write_text(BOUNDED)
    command = "config check --plugins +./bounded.py --set indicators.bounded.trigger=0.5"
    (fault,) = refusal(command)
    assert fault == "--set indicators.bounded: release 0.6 (default) must not lie above trigger 0.5"
    (fault,) = refusal(f"{command} --set indicators.bounded.release=0.7")
    assert fault == "--set indicators.bounded.release: release 0.7 must not lie above trigger 0.5"


def test_a_plugin_chosen_for_what_it_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name of another kind is called what it is, with the key that chooses it, and the names that fit are listed."""
    monkeypatch.chdir(tmp_path)
    Path("bounded.py").write_text(BOUNDED)
    assert refusal("config check --plugins +./bounded.py --set strategy.use=my-scorer --set scorer.use=bounded") == [
        '--set scorer.use: there is no scorer "bounded": bounded is an indicator; scorers: my-scorer, weighted',
        '--set strategy.use: there is no strategy "my-scorer": my-scorer is a scorer (scorer.use=my-scorer); '
        "strategies: percentile",
    ]
