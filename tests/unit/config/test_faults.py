"""Every fault of the configuration at once, each as ``file:line table.key: message`` with the nearest valid key."""

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

import pytest
from attrs import field, frozen, validators

from flashcrash_core.config import load_config, structure_plugin_config
from flashcrash_core.errors import ConfigError

FAULTY = """\
# nine faults
plugns = ["a"]
[run]
seed = "10"
speed = true
mode = "reel"
snapshot_s = 0

[detector]
hold_s = 9 # at most 5
warmup_s = "3"
entry_states = [
    "ACTIVE",
    "SLEEPY",
]
[instruments.POLUSDT]
lot = 1
kind = "spto"
tick_size = -0.1
[fees]
maker_bps = "x"
[indicators]
volatility.enabled = 1
volatility.role = "cor"
fresh = {use = "", trigger = 5}
"""

EXPECTED = [
    'faulty.toml:2 plugns: unknown key; did you mean "plugins"?',
    "faulty.toml:4 run.seed: must be a whole number, got '10'",
    "faulty.toml:5 run.speed: must be text or a number, got true",
    "faulty.toml:6 run.mode: must be one of paper, backtest, real; got 'reel'",
    "faulty.toml:7 run.snapshot_s: must be > 0: 0.0",
    "faulty.toml:10 detector.hold_s: must be <= 5: 9.0",
    "faulty.toml:11 detector.warmup_s: must be a number, got '3'",
    "faulty.toml:12 detector.entry_states: element 2 must be one of SLEEP, ALERT, ACTIVE, RECOVERY, SHUTDOWN, got 'SLEEPY'; "
    'did you mean "SLEEP"?',
    'faulty.toml:17 instruments.POLUSDT.lot: unknown key; did you mean "lot_size"?',
    "faulty.toml:18 instruments.POLUSDT.kind: must be one of spot, usdm, got 'spto'; did you mean \"spot\"?",
    "faulty.toml:19 instruments.POLUSDT.tick_size: must be positive; got -0.1",
    "faulty.toml:21 fees.maker_bps: must be a decimal number, got 'x'",
    "faulty.toml:23 indicators.volatility.enabled: must be true or false, got 1",
    "faulty.toml:24 indicators.volatility.role: must be one of core, confirmation, pattern, depth, extra, got 'cor'; "
    'did you mean "core"?',
    "faulty.toml:25 indicators.fresh.use: must not be empty",
]


def test_all_faults_of_a_file_come_at_once(tmp_path: Path) -> None:
    """One load names every fault of a file in the order of its lines: types, ranges, choices, unknown and empty keys."""
    (tmp_path / "faulty.toml").write_text(FAULTY, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_config(environ={}, cwd=tmp_path, config_file="faulty.toml")
    assert caught.value.problems == EXPECTED


def test_faults_of_several_layers_come_at_once(tmp_path: Path) -> None:
    """Each fault names the layer that set the value: a file with its line, a variable, or --set."""
    (tmp_path / "local.toml").write_text("[risk]\nmax_positions = 0\n", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_config(environ={"FLASHCRASH__RUN__DB": "7"}, cwd=tmp_path, overrides=["run.feed=[]", "fills.model=M4"])
    assert caught.value.problems == [
        "--set run.feed: must be text in quotes, got []",
        "--set fills.model: must be one of auto, M0, M1, M2, M3, got 'M4'",
        "FLASHCRASH__RUN__DB run.db: must be text in quotes, got 7",
        "local.toml:2 risk.max_positions: must be >= 1: 0",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[run]\nseed = = 1\n", "local.toml:2: not valid TOML: "),
        ("[run]\nseed = 1\nseed = 2\n", 'local.toml:3: not valid TOML: Key "seed" already exists.'),
        ("[run]\nseed = 1\n[fees]\nmaker_bps = 1\n[run]\ndb = 'x'\n", "local.toml:5: not valid TOML: "),
        ("[run]\nsymbols = [\n'A',\n", "local.toml:3: not valid TOML: the text ends inside a value"),
        ("run = 5\n", "local.toml:1 run: must be a table, got 5"),
        ("[run]\nsymbols = 'AB'\n", "local.toml:2 run.symbols: must be a list, got 'AB'"),
        ("[risk]\nmax_drawdown_pct = nan\n", "local.toml:2 risk.max_drawdown_pct: must be a finite number, got nan"),
        ("[run]\nseed = 1.0\n", "local.toml:2 run.seed: must be a whole number, got 1.0"),
        ("profile = 'robst'\n", 'local.toml:1 profile: there is no profile "robst"; did you mean "robust"?'),
        ("[detektor]\nhold_s = 1\n", 'local.toml:1 detektor: unknown key; did you mean "detector"?'),
    ],
)
def test_one_fault_one_line(tmp_path: Path, text: str, message: str) -> None:
    """Syntax faults, wrong shapes and unknown names are one line that begins with file and line."""
    (tmp_path / "local.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_config(environ={}, cwd=tmp_path)
    assert len(caught.value.problems) == 1
    assert caught.value.problems[0].startswith(message)


def test_text_that_is_not_utf8_is_named_by_line(tmp_path: Path) -> None:
    """A file in another encoding is an error with the line of the first bad byte."""
    (tmp_path / "local.toml").write_bytes(b"[run]\n# caf\xe9\n")
    with pytest.raises(ConfigError, match=r"^local\.toml:2: not UTF-8 text"):
        load_config(environ={}, cwd=tmp_path)


@pytest.mark.parametrize("text", ["run.seed", "=5", "run..seed=5", "run.=5"])
def test_a_malformed_set_is_explained(tmp_path: Path, text: str) -> None:
    """``--set`` without a key or a value says what it should look like."""
    with pytest.raises(ConfigError, match=r"not of the form table\.key=value"):
        load_config(environ={}, cwd=tmp_path, overrides=[text])


def test_whole_numbers_are_good_for_numbers(tmp_path: Path) -> None:
    """``hold_s = 3`` is 3.0; nothing else is converted."""
    hold_s = load_config(environ={}, cwd=tmp_path, overrides=["detector.hold_s=3"]).settings.detector.hold_s
    assert (hold_s, type(hold_s)) == (3.0, float)


class Level(StrEnum):
    LOW = "low"
    HIGH = "high"


@frozen
class Inner:
    width: float = field(default=1.0, validator=validators.gt(0))


def _ordered(instance: Any, _attribute: Any, value: float) -> None:
    if value < instance.low:
        raise ValueError("must not be below low")


@frozen(kw_only=True)
class PluginConfig:
    """As plugins write them: nested tables, choices, fixed pairs, a validator over two fields."""

    low: float = 1.0
    high: float = field(default=2.0, validator=_ordered)
    level: Level = Level.LOW
    mode: Literal["a", "b"] = "a"
    pair: tuple[float, float] = (0.0, 1.0)
    weights: Mapping[str, float] = field(factory=dict)
    inner: Inner = field(factory=Inner)
    limit: float | None = None
    size: Decimal = Decimal(1)
    names: frozenset[str] = frozenset()


def test_a_plugins_config_is_structured_by_its_class() -> None:
    """Nested tables, enums, literals, tuples, mappings and optional values arrive as the class declares them."""
    raw = {"low": 0, "level": "high", "pair": [1, 2.5], "weights": {"a": 1}, "inner": {"width": 2}, "limit": 3, "names": ["x"]}
    config = structure_plugin_config(PluginConfig, raw, "scorer")
    assert config == PluginConfig(
        low=0.0, level=Level.HIGH, pair=(1.0, 2.5), weights={"a": 1.0}, inner=Inner(2.0), limit=3.0, names=frozenset({"x"})
    )


def test_a_plugins_faults_come_at_once() -> None:
    """Types, validators of one field, of two fields and of a nested table are all reported by one call."""
    raw = {"low": 5, "high": 4, "mode": "c", "pair": [1], "weights": {"a": "1"}, "inner": {"width": -1, "wdth": 1}, "limit": "x"}
    with pytest.raises(ConfigError) as caught:
        structure_plugin_config(PluginConfig, raw, "scorer")
    assert sorted(caught.value.problems) == [
        "scorer.high: must not be below low",
        'scorer.inner.wdth: unknown key; did you mean "width"?',
        "scorer.inner.width: must be > 0: -1.0",
        "scorer.limit: must be a number, got 'x'",
        "scorer.mode: must be one of a, b, got 'c'",
        "scorer.pair: must have 2 elements, got 1",
        "scorer.weights.a: must be a number, got '1'",
    ]
