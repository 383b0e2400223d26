"""``plugins check`` of what could not be asked much: it has not failed, and is not said to keep the contract."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flashcrash_core.cli.main import app

EXECUTOR = """
from flashcrash_core.api import ExecutorSpec, PluginInfo, hookimpl

flashcrash_plugin = PluginInfo(api=1, summary="sends orders")


def build(config, context):
    raise AssertionError("connected")


@hookimpl
def flashcrash_executors():
    return [ExecutorSpec(name="venue", summary="a venue", build=build, modes=frozenset({"real"}))]
"""


@pytest.fixture
def venue(tmp_path: Path) -> str:
    """The path of a plugin with an executor of real runs only."""
    path = tmp_path / "venue.py"
    path.write_text(EXECUTOR, encoding="utf-8")
    return str(path)


def test_a_mostly_skipped_battery_is_not_proven(venue: str) -> None:
    """The last line counts what was skipped instead of saying that the contract is kept; the exit code stays 0."""
    done = CliRunner().invoke(app, ["plugins", "check", venue, "--quick"])
    assert done.exit_code == 0, done.output
    assert done.output.splitlines()[-1].startswith("not proven: 25 of 27 skipped: 27 checks, 2 passed, 25 skipped; ")


def test_of_several_plugins_the_one_that_is_not_proven_is_named(venue: str) -> None:
    """Beside a plugin that keeps the contract the other one is named."""
    arguments = ["plugins", "check", "simulated", venue, "--quick", "--only", "interface", "--only", "commands_never_raise"]
    done = CliRunner().invoke(app, [*arguments, "--only", "commands_never_block", "--jobs", "1"])
    assert done.exit_code == 0, done.output
    assert f"not proven: executor venue (file {venue}) (2 of 3 skipped): 4 checks" in done.output.splitlines()[-1]


@pytest.mark.parametrize(("only", "proven"), [("interface", True), ("commands_never_raise", False)])
def test_json_says_whether_it_is_proven(venue: str, only: str, proven: bool) -> None:
    """The document has `proven` for all and for each, beside `passed`."""
    done = CliRunner().invoke(app, ["plugins", "check", venue, "--quick", "--only", only, "--json"])
    document = json.loads(done.output)
    assert (document["passed"], document["proven"]) == (True, proven)
    assert [one["proven"] for one in document["subjects"]] == [proven]
