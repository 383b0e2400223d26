"""The loading matrix, over real distributions: every way a plugin can be wrong is contained and named."""

import sys
from pathlib import Path
from types import ModuleType
from typing import cast

import pytest

from flashcrash_core.api import PluginInfo, Scorer, ScorerSpec, hookimpl
from flashcrash_core.errors import PluginConflict, PluginContract, PluginError, PluginNotFound
from flashcrash_core.registry import load_registry

from .conftest import Install

GOOD = """
@hookimpl
def flashcrash_scorers():
    return [ScorerSpec(name="fine", summary="s", build=lambda config: None)]
"""

BROKEN = {
    "import error": ("import nothing_of_this_name", PluginError, r"cannot be imported: ModuleNotFoundError.*fctest_broken\.py:\d+"),
    "raises at import": (
        "1 / 0",
        PluginError,
        r"cannot be imported: ZeroDivisionError: division by zero \(.*fctest_broken\.py:5\)",
    ),
    "exits at import": ("raise SystemExit(3)", PluginError, r"cannot be imported: SystemExit: 3"),
    "syntax error": ("def (", PluginError, r"cannot be imported: SyntaxError"),
    "no plugin info": ("del flashcrash_plugin", PluginContract, r"has no flashcrash_plugin; add"),
    "info of a wrong type": ("flashcrash_plugin = 1", PluginContract, r"flashcrash_plugin is a int"),
    "wrong api": (
        'flashcrash_plugin = PluginInfo(api=2, summary="s")',
        PluginContract,
        r"made for api 2, this flashcrash has api 1",
    ),
    "no hook": ("x = 1", PluginContract, r"implements no hook"),
    "misspelt hook": (
        "@hookimpl\ndef flashcrash_scorer():\n    return []",
        PluginContract,
        r'there is no hook flashcrash_scorer; did you mean "flashcrash_scorers"\?',
    ),
    "unmarked hook": (
        "def flashcrash_feeds():\n    return []" + GOOD,
        PluginContract,
        r"flashcrash_feeds is not marked with @hookimpl",
    ),
    "argument not in the specification": (
        "@hookimpl\ndef flashcrash_scorers(config):\n    return []",
        PluginContract,
        r"Argument.*config.*may only take arguments that its specification has",
    ),
    "hook raises": (
        "@hookimpl\ndef flashcrash_scorers():\n    raise ValueError('no')",
        PluginError,
        r"flashcrash_scorers failed: ValueError: no \(.*fctest_broken\.py:7\)",
    ),
    "generator raises in the middle": (
        "@hookimpl\ndef flashcrash_scorers():\n"
        "    yield ScorerSpec(name='half', summary='s', build=lambda config: None)\n    raise RuntimeError('later')",
        PluginError,
        r"flashcrash_scorers failed: RuntimeError: later",
    ),
    "spec of another kind": (
        "@hookimpl\ndef flashcrash_scorers():\n    return [FeedSpec(name='f', summary='s', build=lambda config: None)]",
        PluginContract,
        r"flashcrash_scorers must give ScorerSpec, got FeedSpec",
    ),
    "bare spec": (
        "@hookimpl\ndef flashcrash_scorers():\n    return ScorerSpec(name='s', summary='s', build=lambda config: None)",
        PluginContract,
        r"flashcrash_scorers must return a list, got ScorerSpec",
    ),
    "name that cannot be one": (
        "@hookimpl\ndef flashcrash_scorers():\n    return [ScorerSpec(name='No Name', summary='s', build=lambda config: None)]",
        PluginError,
        r"flashcrash_scorers failed: ValueError",
    ),
    "config that is no attrs class": (
        "@hookimpl\ndef flashcrash_scorers():\n    yield ScorerSpec(name='s', summary='s', config=dict, build=lambda config: None)",
        PluginContract,
        r"config of s must be an attrs class",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_plugin_is_refused_and_named(install: Install, case: str) -> None:
    """Each fault is a PluginError of the right class that names plugin and distribution."""
    source, kind, message = BROKEN[case]
    install("fctest-dist", {"broken": "fctest_broken"}, {"fctest_broken": source})
    with pytest.raises(kind, match=message) as caught:
        load_registry("broken")
    assert str(caught.value).startswith("plugin broken (fctest-dist 1.2): ")
    assert type(caught.value) is kind


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_plugin_does_not_take_others_down(install: Install, case: str) -> None:
    """Loaded for listing, the broken plugin is left out whole and every other one is there, whatever the order."""
    install(
        "fctest-dist", {"broken": "fctest_broken", "fine": "fctest_fine"}, {"fctest_broken": BROKEN[case][0], "fctest_fine": GOOD}
    )
    registry = load_registry("broken,fine,volatility", strict=False)
    assert list(registry.scorers) == ["fine"]
    assert list(registry.indicators) == ["volatility"]
    assert [problem.plugin for problem in registry.problems] == ["broken"]


def test_all_problems_are_listed_at_once(install: Install) -> None:
    """Two broken plugins are two lines of one error."""
    install("fctest-dist", {"one": "fctest_one", "two": "fctest_two"}, {"fctest_one": "1 / 0", "fctest_two": "x = 1"})
    with pytest.raises(PluginError) as caught:
        load_registry(["one", "two"])
    lines = str(caught.value).splitlines()
    assert [line.split(":")[0] for line in lines] == ["plugin one (fctest-dist 1.2)", "plugin two (fctest-dist 1.2)"]


def test_one_spec_name_from_two_distributions_is_a_conflict(install: Install) -> None:
    """The second plugin that offers a taken name is refused; the message names both distributions."""
    install("fctest-first", {"a": "fctest_a"}, {"fctest_a": GOOD})
    install("fctest-second", {"b": "fctest_b"}, {"fctest_b": GOOD}, version="0.9")
    with pytest.raises(PluginConflict, match=r"scorer fine is offered twice: by a \(fctest-first 1\.2.*by b \(fctest-second 0\.9"):
        load_registry("a,b")
    assert load_registry("b").scorers.origin("fine").distribution == "fctest-second"


def test_one_entry_point_name_from_two_distributions_is_a_conflict(install: Install) -> None:
    """A name that two distributions claim cannot be chosen by name; its module can."""
    install("fctest-first", {"twin": "fctest_a"}, {"fctest_a": GOOD})
    install("fctest-second", {"twin": "fctest_b"}, {"fctest_b": GOOD})
    with pytest.raises(PluginConflict, match=r"claimed by fctest-first 1\.2 .*and fctest-second 1\.2"):
        load_registry("twin")
    assert load_registry("fctest_b").plugins[0].candidate.distribution == "fctest-second"


def test_third_party_code_does_not_run_until_it_is_named(install: Install) -> None:
    """Listing and default loading leave an installed third-party module alone; naming it imports it."""
    install("fctest-dist", {"foreign": "fctest_foreign"}, {"fctest_foreign": GOOD})
    registry = load_registry()
    assert "fctest_foreign" not in sys.modules
    assert "foreign" in registry.unselected
    assert [plugin.target for plugin in registry.selection.unselected] == ["fctest_foreign"]
    assert "fine" in load_registry("+foreign").scorers
    assert "fctest_foreign" in sys.modules


def test_a_third_party_name_that_shadows_ours_is_a_warning(install: Install) -> None:
    """A third-party entry point called like one of ours does not replace it, and is pointed out."""
    install("fctest-dist", {"volatility": "fctest_foreign"}, {"fctest_foreign": "1 / 0"})
    registry = load_registry()
    assert registry.indicators.origin("volatility").distribution == "flashcrash"
    assert registry.warnings[0].startswith("plugin name volatility of fctest-dist 1.2 is also a first-party one")


def test_a_plugin_file_is_loaded_by_path(tmp_path: Path) -> None:
    """``./file.py`` is a plugin; two files of one name are two plugins; a missing file is named."""
    head = "from flashcrash_core.api import PluginInfo, ScorerSpec, hookimpl\nflashcrash_plugin = PluginInfo(api=1, summary='s')\n"
    for folder, name in (("x", "fine"), ("y", "finer")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.py").write_text(head + GOOD.replace('"fine"', f'"{name}"'))
    assert list(load_registry(str(tmp_path / "x" / "mine.py")).scorers) == ["fine"]
    assert list(load_registry(str(tmp_path / "y" / "mine.py")).scorers) == ["finer"]
    with pytest.raises(PluginNotFound, match=r"gone\.py: there is no such file"):
        load_registry(str(tmp_path / "gone.py"))


def test_an_attribute_of_a_module_can_be_the_plugin(install: Install) -> None:
    """``pkg.mod:attr`` takes an object with hook methods; a class or a missing attribute is refused."""
    source = """
class Offer:
    @hookimpl
    def flashcrash_scorers(self):
        yield ScorerSpec(name="inner", summary="s", build=lambda config: None)

offer = Offer()
"""
    install("fctest-dist", {}, {"fctest_object": source})
    assert list(load_registry("fctest_object:offer").scorers) == ["inner"]
    with pytest.raises(PluginContract, match="is a class"):
        load_registry("fctest_object:Offer")
    with pytest.raises(PluginContract, match="has no attribute ofer"):
        load_registry("fctest_object:ofer")


def test_a_hook_may_give_a_generator_or_nothing(install: Install) -> None:
    """Generators are run to their end and None means nothing offered."""
    source = """
@hookimpl
def flashcrash_scorers():
    for name in ("one", "two"):
        yield ScorerSpec(name=name, summary="s", build=lambda config: None)

@hookimpl
def flashcrash_feeds():
    return None
"""
    install("fctest-dist", {"gen": "fctest_gen"}, {"fctest_gen": source})
    registry = load_registry("gen")
    assert (list(registry.scorers), len(registry.feeds)) == (["one", "two"], 0)


def test_session_edges_reach_every_plugin_and_contain_what_they_raise(install: Install) -> None:
    """A plugin that raises at a session edge is reported; the others are called all the same, with the arguments they ask for."""
    bad = "@hookimpl\ndef flashcrash_session_start(session_id):\n    raise OSError(session_id)\n"
    good = """
seen = []

@hookimpl
def flashcrash_session_start(mode, symbols):
    seen.append((mode, symbols))

@hookimpl
def flashcrash_session_end(report):
    seen.append(report)
"""
    install("fctest-dist", {"bad": "fctest_bad", "good": "fctest_good"}, {"fctest_bad": bad, "fctest_good": good})
    registry = load_registry("bad,good")
    faults = registry.session_start("s1", "paper", ("BTCUSDT",))
    assert [(fault.plugin, fault.hook, fault.error) for fault in faults] == [("bad", "flashcrash_session_start", "OSError: s1")]
    assert registry.session_end("s1", {"ok": True}) == []
    assert sys.modules["fctest_good"].seen == [("paper", ("BTCUSDT",)), {"ok": True}]


def test_access_by_name_names_the_nearest() -> None:
    """The facade gives typed specs; an unknown name is PluginNotFound with the nearest, a deselected one says so."""
    registry = load_registry("volatility,weighted")
    assert registry.indicators["volatility"].statistics
    assert registry.scorers["weighted"].name == "weighted"
    with pytest.raises(PluginNotFound, match=r'there is no indicator "volatilty"; did you mean "volatility"\?'):
        registry.indicators["volatilty"]
    with pytest.raises(PluginNotFound, match=r'indicator "spread" is installed but not selected; add it to --plugins'):
        registry.indicators["spread"]
    assert registry.versions()["volatility"].startswith("flashcrash ")


def test_a_plugin_object_is_loaded_without_being_installed() -> None:
    """A module or an instance that was handed over is loaded under the name given; a class is refused."""

    class Offer:
        flashcrash_plugin = PluginInfo(api=1, summary="an instance")

        @hookimpl
        def flashcrash_scorers(self) -> list[ScorerSpec]:
            return [ScorerSpec(name="fine", summary="s", build=lambda config: cast(Scorer, None))]

    module = ModuleType("fctest_made")
    module.flashcrash_plugin = PluginInfo(api=1, summary="a module")  # type: ignore[attr-defined]
    module.flashcrash_scorers = Offer().flashcrash_scorers  # type: ignore[attr-defined]
    for plugin in (Offer(), module):
        registry = load_registry("my-plugin", objects={"my-plugin": plugin})
        assert list(registry.scorers) == ["fine"]
        assert registry.plugins[0].candidate.explicit
        assert "volatility" in load_registry(objects={"my-plugin": plugin}).indicators
    with pytest.raises(PluginContract, match="Offer is a class; hand over a module or an instance"):
        load_registry("my-plugin", objects={"my-plugin": Offer})
