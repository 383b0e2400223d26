"""Trust in the commands that import what they are told to (list, show, check), and FLASHCRASH_LOAD_PLUGINS."""

import importlib.util
import json
import marshal
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen
from plugin_distributions import flashcrash, write_distribution

SOURCE = """\
import os, pathlib
with pathlib.Path(os.environ["FCTEST_TRACE"]).open("a") as trace:
    trace.write("{word}\\n")
from math import isnan
from typing import NamedTuple
from flashcrash_core.api import IndicatorSpec, PluginInfo, StepIndicator, hookimpl

flashcrash_plugin = PluginInfo(api=1, summary="for a test")


class State(NamedTuple):
    rows: list


def step(state, row, params):
    state.rows[0] += 1.0
    return (state.rows[0],), ()


def judge(statistic, baseline, levels, was_fired):
    return statistic[0], False


@hookimpl
def flashcrash_indicators():
    def build(config, context):
        return StepIndicator(step=step, state=State([0.0]), params=None, judge=judge, levels=None)

    return [IndicatorSpec(name="counting", summary="rows", build=build, statistics=("rows",))]
"""
REAL = {"FLASHCRASH__RUN__MODE": "real"}
LOAD = "FLASHCRASH_LOAD_PLUGINS"
CHECK = ("plugins", "check", "counting", "--quick", "--only", "determinism_across_processes", "--jobs", "1")
SMALL = [
    part
    for key, value in {"calm_s": 30, "quotes_per_s": 5, "trades_per_s": 4, "aftermath_s": 30}.items()
    for part in ("--set", f"feeds.simulated.{key}={value}")
]
SHORT = ["--duration", "20", "--db", "x.db", "--json", *SMALL]


@frozen
class Place:
    """A working directory and a site folder with the third-party plugin ``counting``."""

    cwd: Path
    site: Path

    def __call__(self, *arguments: object, code: int = 0, **environ: str) -> "subprocess.CompletedProcess[str]":
        done = flashcrash(self.site, self.cwd, *arguments, FCTEST_TRACE=str(self.cwd / "trace"), **environ)
        assert done.returncode == code, (done.returncode, done.stdout[-3000:], done.stderr)
        return done

    @property
    def executed(self) -> list[str]:
        trace = self.cwd / "trace"
        return trace.read_text().split() if trace.exists() else []


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path / "cwd", tmp_path / "site")
    made.cwd.mkdir()
    source = SOURCE.replace("{word}", "source")
    write_distribution(made.site, "fctest-counting", {"counting": "fctest_counting"}, {"fctest_counting": source}, head="")
    return made


COMMANDS: dict[str, tuple[str, ...]] = {
    "show": ("plugins", "show", "counting"),
    "show a module": ("plugins", "show", "fctest_counting"),
    "check": ("plugins", "check", "counting"),
    "list": ("plugins", "list", "--plugins", "+counting"),
}


@pytest.mark.parametrize("case", COMMANDS)
def test_an_unlocked_plugin_is_not_imported_where_mode_real_is_configured(place: Place, case: str) -> None:
    """By file or environment, `plugins show`, `check` and `list` say that it is not locked, and no line of it runs."""
    (place.cwd / "local.toml").write_text('[run]\nmode = "real"\n')
    code = 0 if case == "list" else 2
    done = place(*COMMANDS[case], code=code)
    assert "plugins.lock; found record sha256" in " ".join((done.stdout + done.stderr).split())
    (place.cwd / "local.toml").write_text("[run]\nseed = []\n")  # another fault does not open the door
    done = place(*COMMANDS[case], code=code, **REAL)
    assert "plugins.lock; found record sha256" in " ".join((done.stdout + done.stderr).split())
    assert place.executed == []
    (place.cwd / "local.toml").unlink()
    place("plugins", "show", "counting")
    assert place.executed == ["source"]


def test_an_unreadable_configuration_gives_no_leave(place: Place) -> None:
    """Where nobody can tell the mode, third-party plugins are not imported; first-party ones are still shown."""
    (place.cwd / "local.toml").write_text("[run\n")
    for arguments in COMMANDS.values():
        assert "local.toml:1" in place(*arguments, code=2).stderr
    assert place.executed == []
    place("plugins", "show", "volatility")
    place("plugins", "list", "--plugins", "no:depth")


def test_files_need_leave(place: Place) -> None:
    """A plugin file cannot be locked: show and check take it in mode real only with --allow-path-plugins."""
    (place.cwd / "mine.py").write_text(SOURCE.replace("{word}", "mine"))
    for arguments in (("plugins", "show", "./mine.py"), (*CHECK[:2], "./mine.py", *CHECK[3:])):
        assert "is a file, not an installed distribution" in place(*arguments, code=2, **REAL).stderr
        assert place.executed == []
        place(*arguments, "--allow-path-plugins", **REAL)
        assert set(place.executed) == {"mine"}
        (place.cwd / "trace").unlink()


def test_the_other_processes_of_a_check_are_held_to_the_lock(place: Place) -> None:
    """A check loads the plugin in a second process as well: there too a planted .pyc is passed over and the locked source runs."""
    source = place.site / "fctest_counting.py"
    planted = Path(importlib.util.cache_from_source(str(source)))
    planted.parent.mkdir()
    code = compile(SOURCE.replace("{word}", "bytecode"), str(source), "exec")
    # PEP 552: flags that say the source's hash is never compared
    planted.write_bytes(importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little") + bytes(8) + marshal.dumps(code))
    place("plugins", "lock", "counting")
    place(*CHECK, **REAL)
    locked = place.executed
    assert (len(locked) >= 2, set(locked)) == (True, {"source"})
    (place.cwd / "trace").unlink()
    place(*CHECK)
    assert set(place.executed) == {"bytecode"}  # the attack is real where nothing guards


def test_a_variable_that_only_flashcrash_sets(place: Place) -> None:
    """What hands the lock down to other processes is refused when it is not readable, in place of being ignored."""
    said = place(*CHECK, code=2, FLASHCRASH_TRUST="x").stderr
    assert "FLASHCRASH_TRUST: only flashcrash itself sets this variable" in said
    assert place.executed == []


def report(place: Place, *arguments: object, **environ: str) -> Any:
    return json.loads(place("run", *arguments, *SHORT, **environ).stdout)


@pytest.mark.parametrize("value", ["", " , ", "other,counting2"])
def test_load_plugins_leaves_out_what_it_does_not_name(place: Place, value: str) -> None:
    """Empty it is safe mode; with names, everything else is left out with a warning, and named on the command line refused."""
    (place.cwd / "local.toml").write_text('plugins = ["+counting"]\n')
    environ = {LOAD: value}
    given = report(place, **environ)
    left_out = "plugin counting: is not a first-party plugin; left out by safe mode (FLASHCRASH_LOAD_PLUGINS does not name it)"
    assert left_out in given["warnings"]
    assert len(given["detection"]["SIMUSDT"]["readings"]) == 8
    assert left_out in json.loads(place("plugins", "list", "--json", **environ).stdout)["warnings"]
    for arguments in (("run", "--plugins", "+counting"), *COMMANDS.values()):
        said = place(*arguments, code=2, **environ).stderr
        assert "which FLASHCRASH_LOAD_PLUGINS would leave out" in said, arguments
    assert place.executed == []


@pytest.mark.parametrize("value", ["counting", "other, counting", "fctest_counting"])
def test_load_plugins_permits_what_it_names(place: Place, value: str) -> None:
    """It permits and does not choose: a named plugin is loaded when the list of plugins names it too, and not otherwise."""
    report(place, **{LOAD: value})
    assert place.executed == []
    element = "fctest_counting" if value == "fctest_counting" else "counting"
    assert len(report(place, "--plugins", f"+{element}", **{LOAD: value})["detection"]["SIMUSDT"]["readings"]) == 9
    assert "is not locked" in place("run", "--mode", "real", "--plugins", f"+{element}", code=2, **{LOAD: value}).stderr


def test_load_plugins_takes_files_only_as_written(place: Place) -> None:
    """A file that is called like a permitted plugin is not that plugin."""
    (place.cwd / "counting.py").write_text(SOURCE.replace("{word}", "file"))
    named = ("run", "--plugins", "+./counting.py")
    assert "would leave out" in place(*named, code=2, **{LOAD: "counting"}).stderr
    assert place.executed == []
    report(place, "--plugins", "+./counting.py", **{LOAD: "./counting.py"})
    assert "file" in place.executed


def test_safe_mode_is_stronger(place: Place) -> None:
    """--safe-mode leaves out also what the variable permits."""
    (place.cwd / "local.toml").write_text('plugins = ["+counting"]\n')
    given = report(place, "--safe-mode", **{LOAD: "counting"})
    assert "plugin counting: is not a first-party plugin; left out by safe mode" in given["warnings"]
    assert place.executed == []
    assert LOAD not in os.environ
