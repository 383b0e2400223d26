"""Loading what is right, over real distributions: by name, file, attribute and object; session edges; access by name."""

import sys
from pathlib import Path
from types import ModuleType
from typing import cast

import pytest
from plugin_distributions import SCORER

from flashcrash_core.api import PluginInfo, Scorer, ScorerSpec, hookimpl
from flashcrash_core.errors import PluginContract, PluginError, PluginNotFound
from flashcrash_core.registry import load_registry

from .conftest import Install


def test_all_problems_are_listed_at_once(install: Install) -> None:
    """Two broken plugins are two lines of one error."""
    install("fctest-dist", {"one": "fctest_one", "two": "fctest_two"}, {"fctest_one": "1 / 0", "fctest_two": "x = 1"})
    with pytest.raises(PluginError) as caught:
        load_registry(["one", "two"])
    lines = str(caught.value).splitlines()
    assert [line.split(":")[0] for line in lines] == ["plugin one (fctest-dist 1.2)", "plugin two (fctest-dist 1.2)"]


def test_third_party_code_does_not_run_until_it_is_named(install: Install) -> None:
    """Listing and default loading leave an installed third-party module alone; naming it imports it."""
    install("fctest-dist", {"foreign": "fctest_foreign"}, {"fctest_foreign": SCORER})
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
        (tmp_path / folder / "mine.py").write_text(head + SCORER.replace('"fine"', f'"{name}"'))
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


def test_each_plugin_gets_a_report_of_its_own(install: Install) -> None:
    """What a plugin changes in the report at the end of a session, neither the next plugin nor the caller sees."""
    source = """
seen = []

@hookimpl
def flashcrash_session_end(report):
    seen.append(report["trades"][:])
    report["trades"].append("invented")
    report.clear()
"""
    install("fctest-dist", {"one": "fctest_one", "two": "fctest_two"}, {"fctest_one": source, "fctest_two": source})
    report = {"trades": ["real"]}
    assert load_registry("one,two").session_end("s1", report) == []
    assert report == {"trades": ["real"]}
    assert sys.modules["fctest_one"].seen == sys.modules["fctest_two"].seen == [["real"]]


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
