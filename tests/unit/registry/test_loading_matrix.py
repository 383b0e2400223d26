"""The loading matrix, over real distributions: every way a plugin can be wrong, the error it is, and the words it must hold.

Each case is also loaded beside good plugins, which must not notice, and listed by ``flashcrash plugins list``, which must say so.
"""

import builtins
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from plugin_distributions import HEAD, SCORER

from flashcrash_core.cli.plugins import list_plugins
from flashcrash_core.errors import PluginConflict, PluginContract, PluginError
from flashcrash_core.registry import load_registry

from .conftest import Install

ROOT = Path(__file__).resolve().parents[3]


class Case(NamedTuple):
    """The plugin's source, the exact class of the error, and what its message must hold."""

    source: str
    error: type[PluginError]
    words: tuple[str, ...]
    target: str = "fctest_broken"


def scorers(body: str, arguments: str = "") -> str:
    """A plugin whose hook has this body."""
    return f"@hookimpl\ndef flashcrash_scorers({arguments}):\n    {body}\n"


ONE = "ScorerSpec(name='one', summary='s', build=lambda config: None)"
IMPORTED = "cannot be imported: "
LEAVE_OUT = "leave it out with --plugins no:broken"

BROKEN = {
    "import error": Case(
        "import nothing_of_this_name", PluginError, (IMPORTED, "ModuleNotFoundError", "fctest_broken.py:", LEAVE_OUT)
    ),
    "missing module": Case("", PluginError, (IMPORTED, "No module named 'fctest_gone'"), "fctest_gone"),
    "syntax error": Case("def (", PluginError, (IMPORTED, "SyntaxError: invalid syntax", "fctest_broken.py:5)")),
    "raises at import": Case("1 / 0", PluginError, (IMPORTED, "ZeroDivisionError: division by zero", "fctest_broken.py:5")),
    "SystemExit at import": Case("raise SystemExit(3)", PluginError, (IMPORTED, "SystemExit: 3")),
    "BaseException at import": Case("raise BaseException('odd')", PluginError, (IMPORTED, "BaseException: odd")),
    "missing flashcrash_plugin": Case(
        "del flashcrash_plugin", PluginContract, ("has no flashcrash_plugin; add flashcrash_plugin = PluginInfo(api=1",)
    ),
    "info of a wrong type": Case("flashcrash_plugin = 1", PluginContract, ("flashcrash_plugin is a int; add",)),
    "wrong api": Case(
        'flashcrash_plugin = PluginInfo(api=2, summary="s")',
        PluginContract,
        ("made for api 2, this flashcrash has api 1", "install a version of fctest-dist made for api 1"),
    ),
    "no hook": Case("x = 1", PluginContract, ("implements no hook; mark a function such as flashcrash_indicators with @hookimpl",)),
    "misspelt hook": Case(
        "@hookimpl\ndef flashcrash_scorer():\n    return []",
        PluginContract,
        ("there is no hook flashcrash_scorer", 'did you mean "flashcrash_scorers"?'),
    ),
    "unmarked hook": Case(
        "def flashcrash_feeds():\n    return []\n" + SCORER,
        PluginContract,
        ("flashcrash_feeds is not marked with @hookimpl and would never be called; mark it",),
    ),
    "extra hook argument": Case(
        scorers("return []", "config"), PluginContract, ("config", "may only take arguments that its specification has")
    ),
    "hook raises": Case(
        scorers("raise ValueError('no')"), PluginError, ("flashcrash_scorers failed: ValueError: no", "fctest_broken.py:7")
    ),
    "hook exits": Case(scorers("raise SystemExit(0)"), PluginError, ("flashcrash_scorers failed: SystemExit: 0",)),
    "generator raises in the middle": Case(
        scorers(f"yield {ONE}\n    raise RuntimeError('later')"), PluginError, ("flashcrash_scorers failed: RuntimeError: later",)
    ),
    "generator exits in the middle": Case(
        scorers(f"yield {ONE}\n    raise SystemExit"), PluginError, ("flashcrash_scorers failed: SystemExit",)
    ),
    "number instead of a list": Case(scorers("return 7"), PluginContract, ("flashcrash_scorers must return a list, got int",)),
    "text instead of a list": Case(scorers("return 'one'"), PluginContract, ("flashcrash_scorers must return a list, got str",)),
    "bare spec": Case(scorers(f"return {ONE}"), PluginContract, ("flashcrash_scorers must return a list, got ScorerSpec",)),
    "spec class instead of a spec": Case(
        scorers("return [ScorerSpec]"), PluginContract, ("flashcrash_scorers must give ScorerSpec, got type",)
    ),
    "spec of another kind": Case(
        scorers("return [FeedSpec(name='f', summary='s', build=lambda config: None)]"),
        PluginContract,
        ("flashcrash_scorers must give ScorerSpec, got FeedSpec",),
    ),
    "name that cannot be one": Case(
        scorers("return [ScorerSpec(name='No Name', summary='s', build=lambda config: None)]"),
        PluginError,
        (
            "flashcrash_scorers failed: ValueError: name 'No Name': lower-case letters, digits, - and _, starting with a letter",
            "fctest_broken.py:7",
        ),
    ),
    "spec field of a wrong type": Case(
        "from flashcrash_core.api import IndicatorSpec\n\n@hookimpl\ndef flashcrash_indicators():\n"
        "    return [IndicatorSpec(name='one', summary='s', build=print, statistics=('x',), warmup_s='five')]\n",
        PluginError,
        ("flashcrash_indicators failed: TypeError: warmup_s 'five': must be a number of seconds, 0 or more", "fctest_broken.py:9"),
    ),
    "config that is no attrs class": Case(
        scorers("yield ScorerSpec(name='s', summary='s', config=dict, build=lambda config: None)"),
        PluginContract,
        ("config of s must be an attrs class",),
    ),
    "one spec name twice": Case(
        scorers(f"return [{ONE}, {ONE}]"), PluginConflict, ("scorer one is offered twice by plugin broken", "a name of its own")
    ),
    "class instead of an instance": Case(
        "class Offer:\n    @hookimpl\n    def flashcrash_scorers(self):\n        return []",
        PluginContract,
        ("fctest_broken:Offer is a class; point to a module or an instance",),
        "fctest_broken:Offer",
    ),
    "missing attribute": Case("", PluginContract, ("module fctest_broken has no attribute offer",), "fctest_broken:offer"),
    "attribute that raises": Case(
        "class Offer:\n    @property\n    def flashcrash_plugin(self):\n        raise ValueError('lazy')\noffer = Offer()",
        PluginError,
        ("cannot be examined: ValueError: lazy", "fctest_broken.py:8"),
        "fctest_broken:offer",
    ),
    "command that is no pair": Case(
        "@hookimpl\ndef flashcrash_commands():\n    return ['fail']", PluginContract, ("must give (name, app) pairs, got 'fail'",)
    ),
    "built-in spec name": Case(
        scorers("return [ScorerSpec(name='weighted', summary='s', build=lambda config: None)]"),
        PluginConflict,
        (
            "scorer weighted is offered twice: by weighted (flashcrash ",
            "and by broken (fctest-dist 1.2",
            "write no:weighted in the list of plugins to use that of broken, or no:broken to use that of weighted",
        ),
    ),
}


@pytest.fixture
def broken(install: Install) -> Callable[[str], Case]:
    """Installs a case as plugin ``broken``, with a good plugin ``fine`` of another distribution."""

    def build(name: str) -> Case:
        case = BROKEN[name]
        install("fctest-dist", {"broken": case.target}, {"fctest_broken": case.source})
        install("fctest-other", {"fine": "fctest_fine"}, {"fctest_fine": SCORER})
        return case

    return build


def listed(capsys: pytest.CaptureFixture[str], plugins: str) -> dict[str, dict[str, Any]]:
    """The rows of ``flashcrash plugins list --json`` by name."""
    list_plugins(plugins=plugins, as_json=True)
    return {row["name"]: row for row in json.loads(capsys.readouterr().out)["plugins"]}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_plugin_is_refused_and_named(broken: Callable[[str], Case], name: str) -> None:
    """Each fault is a PluginError of the right class that names plugin and distribution and says what to do."""
    case = broken(name)
    with pytest.raises(PluginError) as caught:
        load_registry("+broken")
    assert type(caught.value) is case.error
    text = str(caught.value)
    assert "broken (fctest-dist 1.2" in text
    assert [word for word in case.words if word not in text] == [], text


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_plugin_does_not_take_others_down(
    broken: Callable[[str], Case], capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """Without strict it is left out whole, the plugins before and after it are there, and the list shows it as failed."""
    case = broken(name)
    registry = load_registry("+broken,fine", strict=False)
    assert {"weighted", "fine"} == set(registry.scorers)
    assert "volatility" in registry.indicators
    assert [problem.plugin for problem in registry.problems] == ["broken"]
    rows = listed(capsys, "+broken,fine")
    assert [rows[plugin]["status"] for plugin in ("broken", "fine", "volatility")] == ["failed", "loaded", "loaded"]
    assert [word for word in case.words if word not in rows["broken"]["error"]] == []


@pytest.mark.parametrize(
    ("selection", "listed_as", "words"),
    [
        ("+twin", "twin", ("plugin name twin is claimed by fctest-first 1.2 (fctest_a) and fctest-second 0.9 (fctest_b)",)),
        ("+a,b", "b", ("scorer fine is offered twice", "by a (fctest-first 1.2, fctest_a)", "by b (fctest-second 0.9, fctest_b)")),
        ("+fctest_pkg.volatility", "volatility", ("plugin name volatility is claimed twice", "write no:volatility before it")),
    ],
    ids=["plugin name in two distributions", "spec name in two distributions", "module with a built-in's name"],
)
def test_a_name_that_is_claimed_twice(
    install: Install, capsys: pytest.CaptureFixture[str], selection: str, listed_as: str, words: tuple[str, ...]
) -> None:
    """It is a conflict that names both owners; the other plugins load, and the list shows it as failed."""
    install("fctest-first", {"twin": "fctest_a", "a": "fctest_a"}, {"fctest_a": SCORER})
    install("fctest-second", {"twin": "fctest_b", "b": "fctest_b"}, {"fctest_b": SCORER}, version="0.9")
    install("fctest-third", {}, {"fctest_pkg/__init__.py": "", "fctest_pkg/volatility.py": SCORER})
    with pytest.raises(PluginConflict) as caught:
        load_registry(selection)
    assert [word for word in words if word not in str(caught.value)] == [], str(caught.value)
    registry = load_registry(selection, strict=False)
    assert len(registry.plugins) >= 17
    assert [problem.plugin for problem in registry.problems] == [listed_as]
    list_plugins(plugins=selection, as_json=True)
    rows = json.loads(capsys.readouterr().out)["plugins"]
    assert [row["name"] for row in rows if row["status"] == "failed"] == [listed_as]


def test_a_contested_name_can_be_had_by_its_module(install: Install) -> None:
    """What two distributions call alike is chosen by the module that is meant."""
    install("fctest-first", {"twin": "fctest_a"}, {"fctest_a": SCORER})
    install("fctest-second", {"twin": "fctest_b"}, {"fctest_b": SCORER})
    assert load_registry("fctest_b").plugins[0].candidate.distribution == "fctest-second"
    assert load_registry("fctest_b").scorers.origin("fine").distribution == "fctest-second"


def test_the_list_marks_a_name_that_several_bear(
    install: Install, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anybody named it, both rows of a contested name give what to type for that one; so does one that shadows ours."""
    monkeypatch.delenv("COLUMNS", raising=False)  # a test runner may set it, and the table would wrap
    install("fctest-first", {"twin": "fctest_a"}, {"fctest_a": SCORER})
    install("fctest-second", {"twin": "fctest_b", "depth": "fctest_c"}, {"fctest_b": SCORER, "fctest_c": SCORER})
    list_plugins(plugins="no:spread", as_json=True)
    rows = [row for row in json.loads(capsys.readouterr().out)["plugins"] if row["distribution"].startswith("fctest")]
    assert {row["target"]: row["how_to_name"].partition("write ")[2] for row in rows} == {
        "fctest_a": "--plugins +fctest_a",
        "fctest_b": "--plugins +fctest_b",
        "fctest_c": "--plugins no:depth,+fctest_c",
    }
    list_plugins(plugins="no:spread", as_json=False)
    assert capsys.readouterr().out.count("the name twin is borne by ") == 2


def test_what_loading_cannot_contain(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    """An imported plugin can reach into the interpreter and nobody can stop it: docs/plugins/trust.md names that."""
    monkeypatch.setattr(builtins, "fctest_mark", "before", raising=False)
    monkeypatch.setitem(sys.modules, "fctest_replaced", sys)
    source = 'import builtins, sys\nbuiltins.fctest_mark = "changed"\nsys.modules["fctest_replaced"] = None\n' + SCORER
    install("fctest-dist", {"reaching": "fctest_reaching"}, {"fctest_reaching": source})
    assert "fine" in load_registry("+reaching").scorers
    assert vars(builtins)["fctest_mark"] == "changed"
    assert sys.modules["fctest_replaced"] is None
    page = (ROOT / "docs" / "plugins" / "trust.md").read_text(encoding="utf-8")
    assert "not a sandbox" in page
    assert "`builtins`" in page
    assert "`sys.modules`" in page


def test_a_file_is_named_once_and_only_to_be_repaired(tmp_path: Path) -> None:
    """In a conflict a file plugin has no version to be shown; one that cannot be imported cannot be reinstalled."""
    same = HEAD + scorers("return [ScorerSpec(name='weighted', summary='s', build=print)]")
    (tmp_path / "fctest_same.py").write_text(same)
    with pytest.raises(PluginConflict) as conflict:
        load_registry(f"+{tmp_path / 'fctest_same.py'}")
    assert f"and by fctest_same (file {tmp_path / 'fctest_same.py'}); leave one out" in str(conflict.value)
    (tmp_path / "fctest_torn.py").write_text("def (")
    with pytest.raises(PluginError) as torn:
        load_registry(f"+{tmp_path / 'fctest_torn.py'}")
    assert str(torn.value).endswith(
        f"SyntaxError: invalid syntax ({tmp_path / 'fctest_torn.py'}:1); repair it, or take it out of the list of plugins"
    )
