"""The commands of docs/recording.md work as shown, against a local exchange."""

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

DOCUMENT = (Path(__file__).resolve().parents[2] / "docs" / "recording.md").read_text(encoding="utf-8")


def commands() -> list[str]:
    """The ``$ flashcrash ...`` lines of the document."""
    return re.findall(r"^\$ flashcrash (.*)$", DOCUMENT, flags=re.MULTILINE)


@pytest.fixture(scope="module")
def exchange() -> Iterator[dict[str, str]]:
    """A local exchange with the symbols of the document; its addresses."""
    words = [sys.executable, "-m", "flashcrash_core", "exchange", "--symbols", "BTCUSDT,ETHUSDT"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())
    finally:
        process.terminate()
        process.communicate(timeout=30)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, exchange: dict[str, str]) -> Path:
    """An empty folder with a configuration that leads to the local exchange."""
    path = tmp_path_factory.mktemp("recording_docs")
    (path / "config").mkdir()
    (path / "config" / "flashcrash.toml").write_text(f'[feeds.binance]\nrest = "{exchange["rest"]}"\nws = "{exchange["ws"]}"\n')
    return path


def test_the_commands_of_the_document_work(folder: Path) -> None:
    """In their order, as one would type them; what would go on until Ctrl-C gets a duration."""
    assert len(commands()) >= 6
    for line in commands():
        words = shlex.split(line)
        if words[:2] == ["tape", "record"] or "--record" in words:
            words += ["--duration", "3"]
        done = subprocess.run(
            [sys.executable, "-m", "flashcrash_core", *words], capture_output=True, text=True, cwd=folder, check=False
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
        assert done.stdout.strip(), line
    files = sorted(path.name for path in (folder / "recordings" / "BTCUSDT").glob("*.gz"))
    assert len(files) == 2  # one of each recorder
    assert (folder / "tapes" / "ETHUSDT").is_dir()


def test_every_line_of_a_recorder_is_explained() -> None:
    """The table of control lines has a row for each kind that the code knows."""
    from flashcrash_binance.recording import control_lines as known

    kinds = {known.TIMER, known.GAP, known.REJECTED, known.BOOK, known.RECORDING}
    assert set(re.findall(r'^\| `\{"flashcrash":"(\w+)"', DOCUMENT, flags=re.MULTILINE)) == kinds
