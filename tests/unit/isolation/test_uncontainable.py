"""What cannot be contained ends the process, and the session goes on without the plugin: shown with real processes."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from .uncontainable import UNCONTAINABLE

ROOT = Path(__file__).resolve().parents[3]
SMALL = ["calm_s=330", "quotes_per_s=5", "trades_per_s=4", "aftermath_s=60"]
PLUGIN = """
import os, time
from typing import NamedTuple
from flashcrash_core.api import IndicatorSpec, NoConfig, PluginInfo, StepIndicator, hookimpl

flashcrash_plugin = PluginInfo(api=1, summary="ends badly")


class State(NamedTuple):
    rows: list


def step(state, row, params):
    state.rows[0] += 1.0
    if state.rows[0] == 3400.0:
        {deed}
    return (state.rows[0],), ()


def judge(statistic, baseline, levels, was_fired):
    return statistic[0], False


@hookimpl
def flashcrash_indicators():
    build = lambda config, context: StepIndicator(judge, config, step=step, state=State([0.0]), params=None)
    return [IndicatorSpec(name="doomed", summary="x", config=NoConfig, build=build, statistics=("rows",))]
"""


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "flashcrash_core", *arguments, "--db", "x.db"]


def sessions(folder: Path) -> list[dict[str, Any]]:
    done = subprocess.run(command("sessions", "list", "--json"), cwd=folder, capture_output=True, text=True, timeout=60, check=True)
    found: list[dict[str, Any]] = json.loads(done.stdout)["sessions"]
    return found


def start(folder: Path, deed: str) -> list[str]:
    (folder / "doomed.py").write_text(PLUGIN.format(deed=deed), encoding="utf-8")
    settings = [part for key in SMALL for part in ("--set", f"feeds.simulated.{key}")]
    return command("run", "--json", "--plugins", "+./doomed.py", *settings)


def goes_on_without_it(folder: Path) -> None:
    """``--resume --quarantine`` finishes the session; the database tells why; and verifying it imposes the quarantine again."""
    (crashed,) = sessions(folder)
    assert crashed["status"] == "crashed"
    resume = command("run", "--json", "--resume", crashed["id"], "--quarantine", "doomed")
    done = subprocess.run(resume, cwd=folder, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["status"] == "done"
    assert report["indicators"]["doomed"]["quarantined"]
    assert report["faults"][-1]["kind"] == "operator"
    assert len(report["trades"]) >= 3
    verify = command("sessions", "verify", crashed["id"], "--json")
    checked = subprocess.run(verify, cwd=folder, capture_output=True, text=True, timeout=100, check=False)
    assert checked.returncode == 0, checked.stderr
    document = json.loads(checked.stdout)
    assert document["equal"]
    assert document["decision_hash"] == report["decision_hash"]


def test_a_plugin_that_ends_the_process_loses_nothing_that_was_stored(tmp_path: Path) -> None:
    """os._exit: the process is gone with the plugin's code; the session is crashed and goes on without the plugin."""
    done = subprocess.run(start(tmp_path, "os._exit(7)"), cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 7
    assert done.stdout == ""
    goes_on_without_it(tmp_path)


def test_a_plugin_that_hangs_is_ended_from_outside(tmp_path: Path) -> None:
    """A hang is for a watchdog: a kill from outside, then the session goes on without the plugin."""
    process = subprocess.Popen(
        start(tmp_path, "open('hanging', 'w').close(); time.sleep(10**6)"), cwd=tmp_path, stdout=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 90
        while not (tmp_path / "hanging").exists():
            assert process.poll() is None, "it ended by itself"
            assert time.monotonic() < deadline, "it never came to hang"
            time.sleep(0.05)
        assert process.poll() is None
        os.kill(process.pid, signal.SIGKILL)
        assert process.wait(timeout=20) == -signal.SIGKILL
    finally:
        process.kill()
        process.wait()
    goes_on_without_it(tmp_path)


def test_a_real_interrupt_is_not_swallowed(tmp_path: Path) -> None:
    """A second Ctrl-C gets out of a plugin that hangs: KeyboardInterrupt is the user's and passes every guard."""
    process = subprocess.Popen(
        start(tmp_path, "open('hanging', 'w').close(); time.sleep(10**6)"),
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 90
        while not (tmp_path / "hanging").exists():
            assert time.monotonic() < deadline, "it never came to hang"
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=0.5)  # the first one waits for the plugin
        process.send_signal(signal.SIGINT)
        process.wait(timeout=90)  # a third one would end the interpreter while it ends by itself
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 130
    (session,) = sessions(tmp_path)
    assert session["status"] == "interrupted"


def test_the_readme_says_the_same() -> None:
    """What the table names, the README's paragraph on plugins names."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    paragraph = " ".join(text.split("**Plugins are code in your process.**")[1].split("\n\n")[0].split())
    named = {"hang": "hang", "os._exit": "_exit", "ctypes": "ctypes", "memory": "memory", "threads": "threads", "kernel": "kernel"}
    for word, key in named.items():
        assert word in paragraph, word
        assert any(key in entry for entry in UNCONTAINABLE), key
    assert re.search(r"--resume \S+ --quarantine", paragraph)
