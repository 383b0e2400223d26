"""docs/live-market.md: every setting and every number of the feed's health is in it, and its commands are real."""

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Final

import attrs
import pytest

from flashcrash_binance.feed_config import BinanceConfig
from flashcrash_binance.market_feed.health import FeedHealth, LinkHealth, SymbolHealth

DOCUMENT: Final = (Path(__file__).parents[2] / "docs" / "live-market.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    """The text under a heading."""
    return DOCUMENT.split(f"\n## {title}\n")[1].split("\n## ")[0]


def named(text: str) -> set[str]:
    """What the first cells of a table's rows name."""
    cells = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    return {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}


def fields(one: type) -> set[str]:
    """Names of a class's fields."""
    return {field.name for field in attrs.fields(one)}


def test_every_setting_is_there_and_no_other() -> None:
    """The table of settings is that of the class."""
    assert named(section("Settings")) == fields(BinanceConfig)


def test_every_number_of_the_health_is_explained() -> None:
    """Of the feed, of a symbol, of a connection; what a live source adds, too."""
    whole, by_symbol = section("How it is doing").split("\nBy symbol:\n")
    by_symbol, by_connection = by_symbol.split("\nBy connection:")
    added = {"transport", "connections_opened", "last_failure", "filters_age_s", "warnings", "recording"}
    assert named(whole) == fields(FeedHealth) | added
    assert named(by_symbol) == fields(SymbolHealth)
    assert fields(LinkHealth) <= set(re.findall(r"`(\w+)`", by_connection))


@pytest.mark.parametrize("line", [line[2:] for line in DOCUMENT.splitlines() if line.startswith("$ ")])
def test_the_commands_are_understood(line: str, tmp_path: Path) -> None:
    """There is no venue here: each command ends with the one message for that, not with a misspelt option."""
    words = [*shlex.split(line)[1:], "--set", "feeds.binance.rest=http://127.0.0.1:9", "--set", "feeds.binance.ws=ws://127.0.0.1:9"]
    done = subprocess.run(
        [sys.executable, "-m", "flashcrash_core", *words], capture_output=True, text=True, cwd=tmp_path, check=False, timeout=60
    )
    told = done.stdout + done.stderr
    assert done.returncode != 0
    assert "127.0.0.1:9" in told, told
    assert "No such option" not in told
    assert "Traceback" not in told
