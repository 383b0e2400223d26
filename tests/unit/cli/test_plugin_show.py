"""``plugins show``: what a plugin offers and what its configuration may hold."""

import json
from pathlib import Path
from typing import Any, Literal

import pytest
from attrs import field, frozen, validators
from typer.testing import CliRunner

from flashcrash_core.cli.describe import config_rows
from flashcrash_core.cli.main import app

SOURCE = '''
from attrs import field, frozen, validators
from flashcrash_core.api import IndicatorSpec, PluginInfo, hookimpl

flashcrash_plugin = PluginInfo(api=1, summary="for a test")

@frozen
class Config:
    window_s: int = field(default=10, validator=[validators.ge(1), validators.le(600)])
    """Length (s) of the window."""
    side: str = field(default="buy", validator=validators.in_(("buy", "sell")))

@hookimpl
def flashcrash_indicators():
    return [IndicatorSpec(name="shown", summary="s", config=Config, build=print, statistics=("x",))]
'''


def _odd(_config: Any, _attribute: Any, value: float) -> None:
    if value % 2 == 0:
        raise ValueError("must be odd")


@frozen
class Limits:
    """One key of each form."""

    between: int = field(default=1, validator=[validators.ge(1), validators.lt(9)])
    above: float | None = field(default=None, validator=validators.optional(validators.gt(0.5)))
    word: str = field(default="a", validator=validators.in_(["a", "b"]))
    choice: Literal["x", "y"] = "x"
    mixed: int = field(default=1, validator=[_odd, validators.le(7)])
    free: int = 1


def test_the_range_of_every_form() -> None:
    """attrs' comparisons and in_ are found alone, in lists and behind optional; the author's own functions are passed over."""
    assert {row["key"]: row["range"] for row in config_rows(Limits)} == {
        "between": {"ge": 1, "lt": 9},
        "above": {"gt": 0.5},
        "word": {"one_of": ["a", "b"]},
        "choice": {},
        "mixed": {"le": 7},
        "free": {},
    }


def test_what_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ranges stand behind the type, fields without a value are left out, and a file is named once."""
    monkeypatch.chdir(tmp_path)
    Path("shown.py").write_text(SOURCE)
    text = CliRunner().invoke(app, ["plugins", "show", "./shown.py"]).stdout
    assert "    window_s (integer, >= 1, <= 600) = 10\n        Length (s) of the window.\n" in text
    assert '    side (text, one of buy, sell) = "buy"\n' in text
    assert "from file shown.py\n" in text
    assert "baselines" not in text
    assert "baseline_from" not in text
    document = json.loads(CliRunner().invoke(app, ["plugins", "show", "./shown.py", "--json"]).stdout)
    (offer,) = document["offers"]
    assert [row["range"] for row in offer["config"]] == [{"ge": 1, "le": 600}, {"one_of": ["buy", "sell"]}]
