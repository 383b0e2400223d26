"""What plugins are handed: values and views, never executor, store, session, registry, configuration or a secret.

The types are walked from what the seams declare, and real objects from what a composed run handed out. Python hides nothing from
code in the same process (closures, ``gc``): this holds what is handed over, and docs/plugins/trust.md says what it cannot hold.
"""

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from types import FunctionType, MethodType, ModuleType
from typing import Any, get_args, get_origin, get_type_hints

import attrs
import pytest

from flashcrash_core.api import (
    BuildContext,
    Executor,
    ExecutorContext,
    ExecutorSpec,
    FeedRequest,
    FeedSpec,
    Moment,
    PluginInfo,
    ScoreContext,
    ScorerSpec,
    Store,
    StrategySpec,
    hookimpl,
)
from flashcrash_core.config import LoadedConfig, PluginConfigs, Settings, load_config, resolve_plugins
from flashcrash_core.hookspecs import FlashcrashHooks
from flashcrash_core.registry import LoadedPlugin, Registry, load_registry
from flashcrash_core.runtime.composition import Composition, compose, open_run_input
from flashcrash_core.runtime.runner import Runner, RunOptions
from flashcrash_core.runtime.session import Session
from flashcrash_core.trading.blotter import Blotter
from flashcrash_core.trading.risk import RiskGate

FORBIDDEN: tuple[type, ...] = (
    Blotter, Composition, LoadedConfig, LoadedPlugin, PluginConfigs, Registry, RiskGate, Runner, Session, Settings,
)  # fmt: skip
SECRET = re.compile(r"secret|password|passphrase|api_?key|private_?key|token|credential", re.IGNORECASE)
SMALL = {"calm_s": 330, "quotes_per_s": 5, "trades_per_s": 4, "aftermath_s": 60}


# -- types ---------------------------------------------------------------------------------------------------------------


def mentioned(hint: Any) -> Iterator[type]:
    """Every class in a type hint, those inside generics and callables included."""
    if isinstance(hint, list | tuple):
        for inner in hint:
            yield from mentioned(inner)
        return
    if isinstance(hint, type) and get_origin(hint) is None:
        yield hint
    yield from mentioned(get_args(hint))


def hints_of(cls: type) -> Iterator[tuple[str, Any]]:
    """Fields, and what public properties and methods give."""
    yield from get_type_hints(cls).items()
    for name, member in inspect.getmembers(cls):
        function = member.fget if isinstance(member, property) else member
        if not name.startswith("_") and isinstance(function, FunctionType):
            yield name, get_type_hints(function).get("return")


def declared(start: type) -> dict[type, str]:
    """Every class of flashcrash that the hints reach from ``start``, with the way to it."""
    ways: dict[type, str] = {start: start.__name__}
    todo = [start]
    while todo:
        cls = todo.pop()
        for name, hint in hints_of(cls):
            assert not SECRET.search(name), f"{ways[cls]}.{name}"
            for found in mentioned(hint):
                if found not in ways and found.__module__.startswith("flashcrash"):
                    ways[found] = f"{ways[cls]}.{name}"
                    todo.append(found)
    return ways


@pytest.mark.parametrize("start", [BuildContext, FeedRequest, ScoreContext, Moment, ExecutorContext])
def test_no_declared_type_reaches_what_is_not_for_plugins(start: type) -> None:
    """Following the type hints of what a plugin is handed never comes to an executor, a store or the parts around them."""
    ways = declared(start)
    assert len(ways) > 1 or start is ScoreContext
    assert {ways[cls] for cls in (*FORBIDDEN, Executor, Store) if cls in ways} == set()


def test_the_walk_over_types_finds_what_it_should() -> None:
    """A field, a generic's argument, a callable's argument and a property are each a way."""

    class Inner:
        def view(self) -> "Mapping[str, Registry]": ...  # type: ignore[empty-body]

    Inner.view.__annotations__["return"] = Mapping[str, Registry]
    Inner.__module__ = "flashcrash_test"

    @attrs.frozen
    class Handed:
        build: Callable[[Session], Any]
        inner: list[Inner]

    Handed.__module__ = "flashcrash_test"
    Handed.__annotations__.update(build=Callable[[Session], Any], inner=list[Inner])
    ways = declared(Handed)
    assert ways[Session] == "Handed.build"
    assert ways[Registry].startswith("Handed.inner.view")


def test_hooks_are_handed_plain_data() -> None:
    """Hook arguments are text, tuples of text and the report: nothing that could act."""
    plain = {str, tuple, dict, Any, ...}
    for name, hook in inspect.getmembers(FlashcrashHooks, inspect.isfunction):
        hints = get_type_hints(hook)
        hints.pop("return")
        for argument, hint in hints.items():
            assert {get_origin(hint) or hint, *get_args(hint)} <= plain, f"{name}({argument}: {hint})"


# -- objects -------------------------------------------------------------------------------------------------------------


def attributes(value: Any) -> Iterator[tuple[str, Any]]:
    """What code that holds ``value`` can get at by public names, by index, or from a bound method."""
    if isinstance(value, MethodType):
        yield "__self__", value.__self__
    elif isinstance(value, partial):
        yield "func", value.func
        yield from ((f"args[{place}]", inner) for place, inner in enumerate(value.args))
        yield from value.keywords.items()
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield f"[{key!r}]", inner
    elif isinstance(value, list | tuple | set | frozenset):
        for place, inner in enumerate(value):
            yield f"[{place}]", inner
    for name in dir(value):
        if not name.startswith("_"):
            try:
                inner = getattr(value, name)
            except Exception:  # a property that has nothing to give now
                continue
            yield name, inner


LEAVES = (str, bytes, int, float, complex, bool, type(None), type, ModuleType, FunctionType)


def reached(start: object, shown: str) -> Iterator[tuple[str, Any]]:
    """Every object that can be got at from ``start`` with the way to it."""
    seen: dict[int, Any] = {}
    todo = [(shown, start)]
    while todo:
        way, value = todo.pop()
        if isinstance(value, LEAVES) or id(value) in seen:
            continue
        seen[id(value)] = value
        module = type(value).__module__
        yield way, value
        if module.startswith(("flashcrash", "builtins", "functools", "collections")):
            todo += [(f"{way}.{name}", inner) for name, inner in attributes(value)]


def is_store(value: Any) -> bool:
    return all(hasattr(value, name) for name in ("begin_session", "commit", "save_snapshot"))


def is_executor(value: Any) -> bool:
    return all(hasattr(value, name) for name in ("submit", "cancel", "due"))


def ways_to_forbidden(start: object, shown: str) -> list[str]:
    """Where something that is not for plugins can be got at."""
    out = []
    for way, value in reached(start, shown):
        if isinstance(value, FORBIDDEN) or is_store(value) or is_executor(value) or SECRET.search(way):
            out.append(f"{way}: {type(value).__name__}")
    return out


class Probe:
    """First-party plugins under another name; keeps everything that they are handed."""

    flashcrash_plugin = PluginInfo(api=1, summary="keeps what it is handed")

    def __init__(self) -> None:
        own = load_registry()
        self.handed: dict[str, Any] = {}
        self._strategy = own.strategies["percentile"]
        self._scorer = own.scorers["weighted"]
        self._feed = own.feeds["simulated"]
        self._executor = own.executors["paper"]

    def keep(self, name: str, value: Any) -> None:
        self.handed[name] = value

    @hookimpl
    def flashcrash_strategies(self) -> list[StrategySpec]:
        def build(config: Any, context: BuildContext) -> Any:
            self.keep("strategy context", context)
            return _Recording(
                self._strategy.build(config, context), self, "strategy", ("decide", "on_bar", "on_entered", "on_closed")
            )

        return [attrs.evolve(self._strategy, name="probe", build=build)]

    @hookimpl
    def flashcrash_scorers(self) -> list[ScorerSpec]:
        def build(config: Any) -> Any:
            return _Recording(self._scorer.build(config), self, "scorer", ("score",))

        return [attrs.evolve(self._scorer, name="probe", build=build)]

    @hookimpl
    def flashcrash_feeds(self) -> list[FeedSpec]:
        def build(config: Any) -> Any:
            return _Recording(self._feed.build(config), self, "feed", ("open",))

        return [attrs.evolve(self._feed, name="probe", build=build)]

    @hookimpl
    def flashcrash_executors(self) -> list[ExecutorSpec]:
        def build(config: Any, context: ExecutorContext) -> Any:
            self.keep("executor context", context)
            return self._executor.build(config, context)

        return [attrs.evolve(self._executor, name="probe", build=build)]


class _Recording:
    """A built plugin whose named methods keep their arguments."""

    def __init__(self, inner: Any, probe: Probe, kind: str, methods: tuple[str, ...]) -> None:
        self._inner, self._probe, self._kind, self._methods = inner, probe, kind, methods

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name not in self._methods:
            return found

        def recorded(*arguments: Any) -> Any:
            self._probe.keep(f"{self._kind}.{name}", arguments)
            return found(*arguments)

        return recorded


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Composition]:
    """What plugins were handed in a run through a crash, and the run."""
    probe = Probe()
    registry = load_registry("+probe", objects={"probe": probe})
    overrides = [f"{kind}.use=probe" for kind in ("strategy", "scorer", "executor")] + ["run.feed=probe"]
    overrides += [f"feeds.probe.{key}={value}" for key, value in SMALL.items()]
    folder: Path = tmp_path_factory.mktemp("reach")
    config = load_config(environ={}, cwd=folder, overrides=overrides)
    plugins = resolve_plugins(config, registry)
    source, _ = open_run_input(config.settings, plugins, paths=(), feed=None)
    composition = compose(config, plugins, source)
    options = RunOptions(speed=None, duration_us=None, snapshot_us=60_000_000, snapshot_awake_us=5_000_000)
    Runner(composition.session, composition.executor, None, "", options, None).run(source)
    source.close()
    return probe.handed, composition


def test_nothing_handed_out_reaches_what_is_not_for_plugins(ran: tuple[dict[str, Any], Composition]) -> None:
    """From the real arguments of a run, over attributes and bound methods, no way leads to executor, store or session."""
    handed, _ = ran
    expected = {
        "strategy context", "executor context", "feed.open", "strategy.decide", "strategy.on_bar", "strategy.on_entered",
        "strategy.on_closed", "scorer.score",
    }  # fmt: skip
    assert expected <= handed.keys()
    ways = [way for name, value in handed.items() for way in ways_to_forbidden(value, name)]
    assert ways == []


def test_the_walk_over_objects_finds_what_it_should(ran: tuple[dict[str, Any], Composition]) -> None:
    """From the run itself the walk comes to the executor and the session; from a bound method to its object."""
    _, composition = ran
    assert [way for way in ways_to_forbidden(composition, "run") if way.startswith("run.executor:")]
    assert "x.[0].__self__: Session" in ways_to_forbidden([composition.session.take], "x")
    assert ways_to_forbidden({"api_key": object()}, "x") == ["x.['api_key']: object"]
