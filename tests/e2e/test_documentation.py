"""What the documents show works as shown: every command of the README, and the plugin of the architecture page."""

import gzip
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from archive_server import archive_server, zipped

DAY_FILE = "BTCUSDT-aggTrades-2025-10-10.zip"
ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def commands() -> list[str]:
    """The `$ flashcrash ...` lines of the README, without comments."""
    lines = re.findall(r"^\$ (flashcrash .*)$", README, flags=re.MULTILINE)
    return [line.split("   #")[0].split("  #")[0].strip() for line in lines]


def flashcrash(arguments: list[str], cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run the command as a user would, in an empty folder."""
    return subprocess.run(
        [sys.executable, "-m", "flashcrash_core", *arguments], capture_output=True, text=True, cwd=cwd, check=False
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds what the README's examples name: tapes (tiny ones), a configuration, a plugin, a session."""
    path = tmp_path_factory.mktemp("readme")
    level = '["{price}","5.0000"]'
    for number, name in enumerate(("spot_capture_1.gz", "spot_capture_2.gz")):
        start = 1_700_000_000_000 + number * 5_000
        first = 1_000 + number * 100
        lines = []
        if number == 0:
            bids, asks = level.format(price="100.00"), level.format(price="100.02")
            lines.append(f'{start}000000 {{"lastUpdateId":{first - 1},"bids":[{bids}],"asks":[{asks}]}}')
        for i in range(50):
            at = start + i * 100
            bid = f'["100.00","{i + 1}.00000"]'
            ids = f'"U":{first + i * 2},"u":{first + i * 2 + 1}'
            data = f'{{"e":"depthUpdate","E":{at},"s":"BTCUSDT",{ids},"b":[{bid}],"a":[]}}'
            lines.append(f'{at}000000 {{"stream":"btcusdt@depth@100ms","data":{data}}}')
        path.joinpath(name).write_bytes(gzip.compress("\n".join(lines).encode()))
    rows = ["exchange,symbol,timestamp,local_timestamp,id,side,price,amount"]
    rows += [
        f"binance,POLUSDT,{1_700_000_000_000_000 + i * 200_000},{1_700_000_000_003_000 + i * 200_000},{i + 1},buy,0.2361,47.8"
        for i in range(60)
    ]
    path.joinpath("POLUSDT_trades_2025-10-10.csv.gz").write_bytes(gzip.compress("\n".join(rows).encode()))
    path.joinpath("TAPE").write_bytes(gzip.compress("\n".join(rows).encode()))
    bulk = "\n".join(f"{i},100.0{i % 3},0.5,{i},{i},{1_700_000_000_000_000 + i * 300_000},True,True" for i in range(1, 60))
    path.joinpath("BTCUSDT-aggTrades-2025-10-10.zip").write_bytes(_zip("BTCUSDT-aggTrades-2025-10-10.csv", bulk))
    path.joinpath("raw").mkdir()
    path.joinpath("raw", DAY_FILE).write_bytes(zipped(DAY_FILE.replace(".zip", ".csv"), day_of_trades()))
    imported = flashcrash(["tape", "import", f"raw/{DAY_FILE}", "--out", "tapes"], path)
    assert imported.returncode == 0, imported.stderr
    path.joinpath("mine.toml").write_text("[run]\nseed = 4\n")
    path.joinpath("my_indicator.py").write_text(plugin_source())
    first_run = flashcrash(["run", "--duration", "60"], path)
    assert first_run.returncode == 0, first_run.stderr
    return path


def day_of_trades() -> str:
    """Some trades of 2025-10-10 as Binance's archive has them."""
    start_us = 1_760_054_400_000_000
    return "\n".join(f"{i},100.0{i % 3},0.5,{i},{i},{start_us + i * 300_000},True,True" for i in range(1, 60))


def _zip(name: str, text: str) -> bytes:
    import io
    import zipfile

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, text)
    return buffer.getvalue()


def plugin_source() -> str:
    """The example plugin of docs/architecture.md, as it stands there."""
    match = re.search(r"```python\n(.*?)```", ARCHITECTURE, flags=re.DOTALL)
    assert match is not None
    return match.group(1)


@pytest.mark.parametrize("line", commands())
def test_readme_command_works(line: str, folder: Path) -> None:
    """Each command of the README ends well when run as written, in a folder that holds the files it names.

    ``*`` is expanded as a shell does, and what would be fetched from the archive is fetched from a server on loopback.
    """
    words = [found for word in shlex.split(line)[1:] for found in expanded(word, folder)]
    with archive_server() as served:
        if words[:2] == ["tape", "fetch"]:
            served.add(f"data/spot/daily/aggTrades/BTCUSDT/{DAY_FILE}", zipped(DAY_FILE.replace(".zip", ".csv"), day_of_trades()))
            words += ["--base", served.base]
        done = flashcrash(words, folder)
    assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
    assert done.stdout.strip()


def expanded(word: str, folder: Path) -> list[str]:
    """The files that a shell would put in place of the word."""
    return [str(path.relative_to(folder)) for path in sorted(folder.glob(word))] if "*" in word else [word]


def test_readme_shows_commands() -> None:
    """The list that the test above runs over is not empty by a change of layout."""
    assert len(commands()) >= 12


def test_architecture_plugin_is_read_in_a_run(folder: Path) -> None:
    """The plugin printed in the architecture page loads, runs beside the eight, and shows a reading."""
    import json

    plugin = folder / "seller_share.py"
    plugin.write_text(plugin_source())
    arguments = [
        "run",
        "--duration",
        "30",
        "--plugins",
        "+./seller_share.py",
        "--set",
        "indicators.seller-share.use=seller-share",
        "--json",
    ]
    done = flashcrash(arguments, folder)
    assert done.returncode == 0, done.stderr
    readings = json.loads(done.stdout)["detection"]["SIMUSDT"]["readings"]
    reading = next(r for r in readings if r["name"] == "seller-share")
    assert reading["ready"]
    assert 0 <= reading["value"] <= 1
