"""The plugins' tables against the plugins: nearest names, all faults at once, deselected plugins, indicators that plugins add."""

from pathlib import Path

import pytest

from flashcrash_core.config import (
    LoadedConfig,
    check_config,
    config_from_tree,
    load_config,
    profile_names,
    resolve_plugins,
)
from flashcrash_core.errors import ConfigError
from flashcrash_core.registry import Registry, load_registry


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry()


def load(folder: Path, *overrides: str, profile: str | None = None) -> LoadedConfig:
    return load_config(environ={}, cwd=folder, overrides=overrides, profile=profile)


@pytest.mark.parametrize("profile", profile_names())
@pytest.mark.parametrize("mode", ["paper", "backtest"])
def test_every_shipped_profile_holds(tmp_path: Path, registry: Registry, profile: str, mode: str) -> None:
    """Both profiles are accepted by the shipped plugins in both modes, with the eight indicators."""
    resolved = resolve_plugins(load(tmp_path, f"run.mode={mode}", profile=profile), registry)
    assert len(resolved.indicators) == 8
    assert resolved.executor.spec.name == mode
    assert resolved.warnings == ()


def test_faults_of_all_plugins_come_at_once(tmp_path: Path, registry: Registry) -> None:
    """Unknown plugins, unknown keys and wrong values in several tables are one error, each with file, line and nearest name."""
    text = """\
[indicators.volatility]
triger = 4.0
[indicators.mine]
use = "volatilty"
[scorer]
use = "weigted"
[run]
feed = "replai"
[feeds.simulatd]
x = 1
[storage]
keep_snapshots = 0
"""
    (tmp_path / "local.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        check_config(load(tmp_path), registry)
    starts = [
        'local.toml:2 indicators.volatility.triger: unknown key; did you mean "trigger"?',
        'local.toml:4 indicators.mine.use: there is no indicator "volatilty"; did you mean "volatility"?',
        'local.toml:6 scorer.use: there is no scorer "weigted"; did you mean "weighted"?',
        'local.toml:8 run.feed: there is no feed "replai"; did you mean "replay"?',
        'local.toml:9 feeds.simulatd: there is no feed "simulatd"; did you mean "simulated"?',
        "local.toml:12 storage.keep_snapshots: ",
    ]
    assert len(caught.value.problems) == len(starts)
    for problem, start in zip(caught.value.problems, starts, strict=True):
        assert problem.startswith(start)


def test_an_executor_must_serve_the_mode(tmp_path: Path, registry: Registry) -> None:
    """An executor that cannot serve the mode is refused by name."""
    with pytest.raises(ConfigError, match=r"executor\.use: executor backtest does not serve mode paper, only backtest"):
        check_config(load(tmp_path, "executor.use=backtest"), registry)


def test_a_deselected_plugins_indicator_is_passed_over(tmp_path: Path) -> None:
    """``no:depth`` alone is enough to run without depth; a table of one's own that asks for it draws a warning."""
    registry = load_registry("no:depth")
    assert "depth" not in resolve_plugins(load(tmp_path), registry).indicators
    resolved = resolve_plugins(load(tmp_path, "indicators.mine.use=depth"), registry)
    assert resolved.warnings == ("--set indicators.mine: not built, plugin depth is not selected",)


def test_a_disabled_indicator_is_not_built_and_a_role_can_be_given(tmp_path: Path, registry: Registry) -> None:
    """``enabled`` and ``role`` belong to the kernel; the plugin never sees them."""
    resolved = resolve_plugins(load(tmp_path, "indicators.depth.enabled=false", "indicators.spread.role=extra"), registry)
    assert "depth" not in resolved.indicators
    assert resolved.indicators["spread"].role == "extra"


def test_the_effective_configuration_has_the_plugins_defaults(tmp_path: Path, registry: Registry) -> None:
    """Keys that nobody set are there too, with the origin ``default``; set ones keep theirs."""
    loaded = load(tmp_path, "indicators.volatility.trigger=7")
    values = {item.key: item for item in resolve_plugins(loaded, registry).effective(loaded)}
    assert (values["indicators.volatility.trigger"].value, str(values["indicators.volatility.trigger"].origin)) == (7.0, "--set")
    assert values["storage.keep_snapshots"].origin.layer == "default"
    assert values["executor.use"].value == "paper"


def test_faults_of_kernel_and_plugin_tables_come_together(tmp_path: Path) -> None:
    """One check names what is wrong in the kernel's tables and in the plugins' tables, in the order of the file."""
    (tmp_path / "local.toml").write_text(
        "[run]\nsed = 3\n[detector]\nhold_s = 9\n[indicators.volatility]\ntriger = 3\n", encoding="utf-8"
    )
    loaded = load_config(environ={}, cwd=tmp_path, strict=False)
    with pytest.raises(ConfigError) as caught:
        resolve_plugins(loaded, load_registry())
    assert [problem.split(":")[1].split(" ")[1] for problem in caught.value.problems] == [
        "run.sed", "detector.hold_s", "indicators.volatility.triger",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        (
            "volatilty",
            'indicators.volatilty: there is no indicator "volatilty"; did you mean "volatility"? A new one needs use = "PLUGIN"',
        ),
        ("nothing_like_it", "indicators.nothing_like_it.use: is missing and has no default"),
    ],
)
def test_a_misspelt_indicator_table_names_the_nearest(tmp_path: Path, registry: Registry, name: str, fault: str) -> None:
    """A table that changes an indicator which is not there is told apart from a new one that lacks its plugin."""
    loaded = load_config(environ={}, cwd=tmp_path, overrides=[f"indicators.{name}.trigger=4.0"], strict=False)
    with pytest.raises(ConfigError) as caught:
        resolve_plugins(loaded, registry)
    assert caught.value.problems == [f"--set {fault}"]


ADDED = """\
from attrs import frozen

from flashcrash_core.api import IndicatorSpec, PluginInfo, hookimpl

flashcrash_plugin = PluginInfo(api=1, summary="two indicators of a third party")


@frozen
class Config:
    trigger: float = 0.5


@hookimpl
def flashcrash_indicators():
    return [
        IndicatorSpec(name=name, summary="-", config=Config, build=print, statistics=("x",))
        for name in ("my-vpin", "my-other")
    ]
"""


@pytest.fixture
def added(tmp_path: Path) -> Registry:
    """The shipped plugins and one in a file, named beside them."""
    path = tmp_path / "my_plugin.py"
    path.write_text(ADDED, encoding="utf-8")
    return load_registry(f"+{path}")


def test_indicators_of_a_named_plugin_are_used_under_their_names(tmp_path: Path, added: Registry) -> None:
    """Naming a plugin is enough: what it offers stands beside the eight, counts nowhere, and has its defaults."""
    resolved = resolve_plugins(load(tmp_path), added)
    assert list(resolved.indicators)[8:] == ["my-vpin", "my-other"]
    mine = resolved.indicators["my-vpin"]
    assert (mine.spec.name, mine.role, mine.config.trigger) == ("my-vpin", "extra", 0.5)


def test_a_first_party_plugin_that_is_named_adds_nothing(tmp_path: Path) -> None:
    """The profile's tables alone decide about shipped indicators, whether they are loaded by default or named."""
    loaded = load(tmp_path, "indicators.depth.enabled=false")
    assert "depth" not in resolve_plugins(loaded, load_registry("+depth")).indicators


def test_a_table_that_uses_the_added_indicator_replaces_the_instance(tmp_path: Path, added: Registry) -> None:
    """With a table of any name for it, only that instance is built; the plugin's other indicator is added as before."""
    resolved = resolve_plugins(load(tmp_path, "indicators.toxic.use=my-vpin", "indicators.toxic.role=core"), added)
    assert list(resolved.indicators)[8:] == ["toxic", "my-other"]
    assert resolved.indicators["toxic"].role == "core"


def test_a_table_of_an_added_indicator_needs_no_use(tmp_path: Path, added: Registry) -> None:
    """A table that bears the indicator's name changes its keys, and survives the way through a session's record."""
    loaded = load(tmp_path, "indicators.my-vpin.trigger=0.7")
    for config in (loaded, config_from_tree(loaded.as_plain(), "session x")):
        mine = resolve_plugins(config, added).indicators["my-vpin"]
        assert (mine.spec.name, mine.config.trigger) == ("my-vpin", 0.7)


@pytest.mark.parametrize("table", ["my-vpin.enabled=false", "off={use='my-vpin', enabled=false}"])
def test_a_disabled_table_keeps_an_added_indicator_off(tmp_path: Path, added: Registry, table: str) -> None:
    """``enabled = false`` in a table of its name, or in one that uses it, is a way to load the plugin without the indicator."""
    assert list(resolve_plugins(load(tmp_path, f"indicators.{table}"), added).indicators)[8:] == ["my-other"]


def test_an_added_indicator_and_a_table_of_its_name_collide(tmp_path: Path, added: Registry) -> None:
    """A table of that name that builds something else is refused at its line; neither silently takes the other's place."""
    (tmp_path / "local.toml").write_text('[indicators.my-vpin]\nuse = "volatility"\n', encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        resolve_plugins(load(tmp_path), added)
    assert caught.value.problems == [
        "local.toml:1 indicators.my-vpin: is the name of an indicator of a plugin that was named, but this table builds "
        '"volatility"; rename the table, or add one for the plugin: [indicators.NAME] with use = "my-vpin" '
        "(and enabled = false to do without it)"
    ]


def test_added_indicators_are_shown_with_their_origin(tmp_path: Path, added: Registry) -> None:
    """Every key of one that no table speaks of comes from ``plugin``; a key that somebody set keeps its place."""
    loaded = load(tmp_path, "indicators.my-other.trigger=0.7")
    values = {item.key: item for item in resolve_plugins(loaded, added).effective(loaded)}
    shown = {key: (item.value, str(item.origin)) for key, item in values.items() if "my-" in key}
    assert shown == {
        "indicators.my-vpin.use": ("my-vpin", "plugin"),
        "indicators.my-vpin.enabled": (True, "plugin"),
        "indicators.my-vpin.role": ("extra", "plugin"),
        "indicators.my-vpin.trigger": (0.5, "plugin"),
        "indicators.my-other.use": ("my-other", "default"),
        "indicators.my-other.enabled": (True, "default"),
        "indicators.my-other.trigger": (0.7, "--set"),
    }


def test_faults_of_a_table_without_use_come_once(tmp_path: Path, added: Registry) -> None:
    """A wrong key in the table of an added indicator is one fault, not also one of an instance with defaults."""
    loaded = load_config(environ={}, cwd=tmp_path, overrides=["indicators.my-vpin.role=cor"], strict=False)
    with pytest.raises(ConfigError) as caught:
        resolve_plugins(loaded, added)
    assert [problem.split(":")[0] for problem in caught.value.problems] == ["--set indicators.my-vpin.role"]


REPLACEMENT = """\
from attrs import frozen
from flashcrash_core.api import IndicatorSpec, PluginInfo, StepIndicator, hookimpl

flashcrash_plugin = PluginInfo(api=1, summary="another volatility")

@frozen
class Config:
    span_s: float = 5.0

def build(config, context):
    judge, step = lambda s, b, levels, fired: (s[0], False), lambda state, row, params: ((0.0,), ())
    return StepIndicator(judge, None, step=step, state=(), params=None)

@hookimpl
def flashcrash_indicators():
    return [IndicatorSpec(name="volatility", summary="s", config=Config, build=build, statistics=("x",))]
"""


def test_a_named_plugin_may_replace_a_shipped_indicator(tmp_path: Path) -> None:
    """A shipped profile speaks to the shipped indicator; its replacement gets its own defaults and what the user set."""
    path = tmp_path / "my_volatility.py"
    path.write_text(REPLACEMENT, encoding="utf-8")
    registry = load_registry(f"no:volatility,+{path}")
    assert resolve_plugins(load(tmp_path), registry).indicators["volatility"].config.span_s == 5.0
    loaded = load(tmp_path, "indicators.volatility.span_s=7.0")
    resolved = resolve_plugins(loaded, registry)
    assert resolved.indicators["volatility"].config.span_s == 7.0
    shown = {value.key for value in resolved.effective(loaded) if value.key.startswith("indicators.volatility.")}
    assert shown >= {"indicators.volatility.span_s", "indicators.volatility.use"}
    assert "indicators.volatility.baseline_s" not in shown
    with pytest.raises(ConfigError, match=r"indicators\.volatility\.spam_s: unknown key"):
        resolve_plugins(load(tmp_path, "indicators.volatility.spam_s=7.0"), registry)
