"""The command line as a user meets it: a real process, exit codes, no traceback, one JSON document."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest


def flashcrash(
    folder: Path, *arguments: str, environ: Mapping[str, str] | None = None, path: Path | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run the command in ``folder``; ``path`` is put on the module path."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("FLASHCRASH") and key != "COLUMNS"}
    if path is not None:
        clean["PYTHONPATH"] = str(path)
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "flashcrash_core", *arguments],
        cwd=folder,
        env={**clean, **(environ or {})},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def document(result: "subprocess.CompletedProcess[str]") -> Any:
    """The one JSON document on standard output."""
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def test_help_is_quick_and_imports_nothing_heavy(tmp_path: Path) -> None:
    """--help names the commands and loads neither numpy nor attrs nor tomlkit; its time is printed, not asserted."""
    started = time.perf_counter()
    result = flashcrash(tmp_path, "--help")
    print(f"flashcrash --help: {time.perf_counter() - started:.3f} s (design: 0.3 s)")
    assert result.returncode == 0
    for command in ("run", "backtest", "detect", "plugins", "config", "sessions", "doctor"):
        assert re.search(rf"^  {command} ", result.stdout, re.MULTILINE)
    heavy = "{'numpy', 'attrs', 'cattrs', 'tomlkit', 'pluggy', 'rich', 'sqlite3'}"
    code = f"import sys, flashcrash_core.cli.main; print(sorted({heavy} & set(sys.modules)))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert loaded.stdout.strip() == "[]"


def test_version(tmp_path: Path) -> None:
    """--version is the version of the installed distribution."""
    assert flashcrash(tmp_path, "--version").stdout.strip() == f"flashcrash {metadata.version('flashcrash')}"


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["nonsense"], "No such command 'nonsense'"),
        (["plugins", "list", "--jsn"], "--jsn"),
        (["plugins", "show"], "NAME"),
        (["plugins", "show", "volatilty"], 'there is no plugin "volatilty"; did you mean "volatility"?'),
        (["plugins", "show", "a,b"], "name one plugin"),
        (["plugins", "list", "--plugins", "no:dept"], 'did you mean "depth"?'),
        (["config", "check", "--config", "none.toml"], "none.toml: cannot be read"),
        (
            ["config", "show", "--set", "run.mode=reel"],
            "--set run.mode: must be one of paper, backtest, real; got 'reel'",
        ),
        (["config", "show", "--profile", "sed"], '--profile: there is no profile "sed"; did you mean "seed"?'),
        (["config", "check", "--plugins", "./mine.py"], "./mine.py: there is no such file"),
        (["config", "check", "--plugins", "no:simulated"], 'feed "simulated" is installed but not selected'),
    ],
)
def test_wrong_use_is_one_message_and_exit_code_2(tmp_path: Path, arguments: list[str], text: str) -> None:
    """Usage, configuration and plugin errors: nothing on standard output, the reason on standard error, no traceback."""
    result = flashcrash(tmp_path, *arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert text in result.stderr
    assert "Traceback" not in result.stderr


def test_a_faulty_file_is_reported_line_by_line(tmp_path: Path) -> None:
    """All faults of a configuration, one ``error:`` line each; as JSON the same list and the same exit code."""
    (tmp_path / "local.toml").write_text("[run]\nsed = 1\n[fees]\nmaker_bps = 'x'\n")
    result = flashcrash(tmp_path, "config", "check", "--json")
    expected = [
        'local.toml:2 run.sed: unknown key; did you mean "seed"?',
        "local.toml:4 fees.maker_bps: must be a decimal number, got 'x'",
    ]
    assert result.returncode == 2
    assert json.loads(result.stdout)["problems"] == expected
    assert result.stderr.splitlines() == [f"error: {line}" for line in expected]


def test_config_show_gives_values_with_origins(tmp_path: Path) -> None:
    """File, environment and --set are told apart; text and JSON show the same keys."""
    (tmp_path / "local.toml").write_text("[run]\nseed = 3\n")
    arguments = ["config", "show", "--set", "fees.maker_bps=7.50"]
    environ = {"FLASHCRASH__RUN__SPEED": "2"}
    values = {item["key"]: item for item in document(flashcrash(tmp_path, *arguments, "--json", environ=environ))["values"]}
    found = {key: (values[key]["value"], values[key]["origin"]) for key in ("run.seed", "run.speed", "fees.maker_bps", "run.feed")}
    assert found == {
        "run.seed": (3, "local.toml:2"),
        "run.speed": (2.0, "FLASHCRASH__RUN__SPEED"),
        "fees.maker_bps": ("7.50", "--set"),
        "run.feed": ("simulated", "default"),
    }
    text = flashcrash(tmp_path, *arguments, environ=environ).stdout
    assert [line.split()[0] for line in text.splitlines()[1:]] == list(values)


def test_plugins_list_does_not_import_third_parties(tmp_path: Path) -> None:
    """A foreign plugin is listed with its distribution while its module, which would end the process, stays unread."""
    info = tmp_path / "site" / "fctest_dist-2.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: fctest-dist\nVersion: 2.0\n")
    (info / "entry_points.txt").write_text("[flashcrash]\nforeign = fctest_bomb\n")
    (tmp_path / "site" / "fctest_bomb.py").write_text("import os\nos._exit(77)\n")
    listed = document(flashcrash(tmp_path, "plugins", "list", "--json", path=tmp_path / "site"))["plugins"]
    by_name = {row["name"]: row for row in listed}
    assert (by_name["foreign"]["status"], by_name["foreign"]["distribution"], by_name["foreign"]["version"]) == (
        "listed",
        "fctest-dist",
        "2.0",
    )
    assert (by_name["volatility"]["status"], by_name["volatility"]["kinds"]) == ("loaded", ["indicator"])
    assert {row["status"] for row in listed if row["first_party"]} == {"loaded"}
    named = flashcrash(tmp_path, "plugins", "list", "--plugins", "+foreign", path=tmp_path / "site")
    assert named.returncode == 77  # only now it ran


def test_plugins_show_documents_every_key(tmp_path: Path) -> None:
    """Each key of a plugin's configuration is there with type and default, nested tables with dots."""
    shown = document(flashcrash(tmp_path, "plugins", "show", "volatility", "--json"))
    assert (shown["distribution"], shown["offers"][0]["kind"]) == ("flashcrash", "indicator")
    rows = {row["key"]: row for row in shown["offers"][0]["config"]}
    assert (rows["trigger"]["type"], rows["trigger"]["default"]) == ("number", 5.0)
    assert any(row["doc"] for row in rows.values())


def test_doctor_checks_the_machine(tmp_path: Path) -> None:
    """doctor is one JSON document; a data folder that cannot be made is a failure with exit code 1."""
    checks = {check["check"]: check for check in document(flashcrash(tmp_path, "doctor", "--json"))["checks"]}
    assert {"python", "sqlite", "data folder", "terminal", "time zone", "numba", "package pluggy"} <= checks.keys()
    (tmp_path / "file").write_text("")
    broken = flashcrash(tmp_path, "doctor", "--db", "file/x/flashcrash.db", "--json")
    assert broken.returncode == 1
    statuses = {check["check"]: check["status"] for check in json.loads(broken.stdout)["checks"]}
    assert statuses["data folder"] == "fail"


PLUGIN = """
from flashcrash_core.api import HaltedError, PluginInfo, VerificationError, hookimpl
flashcrash_plugin = PluginInfo(api=1, summary="commands for a test")

def fail(how: str) -> None:
    if how == "halted":
        raise HaltedError("drawdown 21 %\\nstopped")
    if how == "verify":
        raise VerificationError("differs")
    if how == "wait":
        print("ready", flush=True)
        import time
        time.sleep(60)
    raise RuntimeError("a defect")

@hookimpl
def flashcrash_commands():
    return [("fail", fail)]
"""


@pytest.mark.parametrize(
    ("how", "code", "text"), [("halted", 3, "error: drawdown 21 %\nerror: stopped\n"), ("verify", 4, "error: differs\n")]
)
def test_every_class_of_error_has_its_exit_code(tmp_path: Path, how: str, code: int, text: str) -> None:
    """A plugin's command is found through the configuration, and what it raises ends as message and exit code."""
    (tmp_path / "mine.py").write_text(PLUGIN)
    (tmp_path / "local.toml").write_text('plugins = ["+./mine.py"]\n')
    result = flashcrash(tmp_path, "fail", how)
    assert (result.returncode, result.stdout, result.stderr) == (code, "", text)


def test_a_plugin_adds_a_command_to_a_group(tmp_path: Path) -> None:
    """A name of two words stands below the group and is listed there; the group's help works while plugins cannot be loaded."""
    (tmp_path / "mine.py").write_text(PLUGIN.replace('("fail", fail)', '("tape fail", fail)'))
    (tmp_path / "local.toml").write_text('plugins = ["+./mine.py"]\n')
    result = flashcrash(tmp_path, "tape", "fail", "verify")
    assert (result.returncode, result.stderr) == (4, "error: differs\n")
    assert "\n  fail\n" in flashcrash(tmp_path, "tape", "--help").stdout
    assert flashcrash(tmp_path, "fail", "verify").returncode == 2
    (tmp_path / "local.toml").write_text("plugins = 3\n")
    broken = flashcrash(tmp_path, "tape", "--help")
    assert (broken.returncode, "  import " in broken.stdout) == (0, True)


def test_a_defect_keeps_its_traceback(tmp_path: Path) -> None:
    """What is not raised on purpose is not dressed up: it shows where it came from and exits 1."""
    (tmp_path / "mine.py").write_text(PLUGIN)
    result = flashcrash(tmp_path, "fail", "other", environ={"FLASHCRASH__PLUGINS": "+./mine.py"})
    assert result.returncode == 1
    assert "RuntimeError: a defect" in result.stderr
    assert "Traceback" in result.stderr


def test_an_interruption_is_one_line_and_exit_code_130(tmp_path: Path) -> None:
    """Ctrl-C ends with a line and 130, without a traceback."""
    (tmp_path / "mine.py").write_text(PLUGIN)
    process = subprocess.Popen(
        [sys.executable, "-m", "flashcrash_core", "fail", "wait"],
        cwd=tmp_path,
        env={**os.environ, "FLASHCRASH__PLUGINS": "+./mine.py"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (130, "interrupted; what was committed is kept\n")


def test_a_reader_that_goes_away_is_no_traceback(tmp_path: Path) -> None:
    """``flashcrash ... | head`` ends quietly."""
    process = subprocess.Popen(
        [sys.executable, "-m", "flashcrash_core", "config", "show"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == ""
