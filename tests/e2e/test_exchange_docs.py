"""What docs/exchange.md shows works as shown."""

import contextlib
import io
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from flashcrash_binance.exchange.faults import FaultName, Step, parse_faults
from flashcrash_binance.exchange.rest import PREFIXES
from flashcrash_feeds.samples import replay_samples

DOCUMENT = (Path(__file__).resolve().parents[2] / "docs" / "exchange.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^\$ flashcrash (.*)$", DOCUMENT, flags=re.MULTILINE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that the commands name."""
    path = tmp_path_factory.mktemp("exchange_docs")
    capture = replay_samples()["whole"](path, 300)
    capture.rename(path / "capture.txt")
    recording = path / "recordings" / "SIMUSDT"
    recording.mkdir(parents=True)
    (recording / "SIMUSDT_20300101T000000Z.jsonl").write_bytes((path / "capture.txt").read_bytes())
    (recording / "recording.json").write_text('{"flashcrash_recording": 1, "symbol": "SIMUSDT", "kind": "spot"}')
    return path


@pytest.mark.parametrize("line", COMMANDS)
def test_the_commands_of_the_document_work(line: str, folder: Path) -> None:
    """Each prints the line of addresses and ends cleanly when it is told to."""
    words = [sys.executable, "-m", "flashcrash_core", *shlex.split(line)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder) as process:
        assert process.stdout is not None
        printed = process.stdout.readline()
        process.terminate()
        _, told = process.communicate(timeout=30)
    assert (process.returncode, told) == (0, "")
    keys = set() if "usdm" in line else {"api_key", "api_secret", "ed25519_key", "ed25519_seed"}
    assert set(json.loads(printed)) == {"rest", "ws", "ws_api"} | keys


def test_the_example_of_the_core_works() -> None:
    """The Python of the document runs as it stands: of 30 diffs one was lost."""
    (source,) = re.findall(r"^```python\n(.*?)^```", DOCUMENT, flags=re.MULTILINE | re.DOTALL)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(source, "docs/exchange.md", "exec"), {})  # noqa: S102
    assert re.fullmatch(r"29 200 \d+ \['lose'\]\n", printed.getvalue())


def test_every_fault_is_in_the_table() -> None:
    """One row for each fault, and every example of the tables is a plan."""
    table = "\n".join(one.split("\n\n")[0] for one in DOCUMENT.split("| fault | what happens |")[1:])
    assert set(re.findall(r"`(\w+)`", "\n".join(re.findall(r"^\|([^|]+)\|", table, flags=re.MULTILINE)))) == set(FaultName)
    examples = re.findall(r"`(\w+[=@][^`]*)`", table)
    assert len(examples) >= 8
    for example in examples:
        assert parse_faults(example).spec == example
    assert set(re.findall(r"`(\w+)`", table)) >= set(Step)


def test_every_option_and_call_is_there() -> None:
    """The tables name all options of the command and all REST calls."""
    done = subprocess.run(
        [sys.executable, "-m", "flashcrash_core", "exchange", "--help"], capture_output=True, text=True, check=True
    )
    options = set(re.findall(r"--[a-z-]+", done.stdout)) - {"--help"}
    assert {option for option in options if f"`{option}" not in DOCUMENT} == set()
    assert all(f"`{prefix}`" in DOCUMENT for prefix in PREFIXES.values())
