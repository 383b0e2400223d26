"""What plugins hand to the kernel: one frozen descriptor per thing they offer.

A descriptor names the thing, its configuration class (an attrs class whose validators are the schema) and how to build it. The
kernel structures the configuration, builds, and never looks inside.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from attrs import field, frozen, validators

from flashcrash_core.detection.indicator import BuildContext, Indicator, Role
from flashcrash_core.detection.scoring import Scorer
from flashcrash_core.market.feed import Feed
from flashcrash_core.trading.execution import Executor, ExecutorContext
from flashcrash_core.trading.strategy import Strategy

__all__ = [
    "API_VERSION",
    "ExecutorSpec",
    "FeedSpec",
    "IndicatorSpec",
    "NoConfig",
    "PluginInfo",
    "ScorerSpec",
    "Spec",
    "StoreSpec",
    "StrategySpec",
]

API_VERSION = 1
"""The contract's version; a plugin with another is refused."""

_name = validators.matches_re(r"[a-z][a-z0-9_-]{0,63}")


@frozen
class PluginInfo:
    """``flashcrash_plugin = PluginInfo(api=1, summary="...")`` in every plugin module."""

    api: int
    summary: str


@frozen
class NoConfig:
    """For plugins without settings."""


@frozen(kw_only=True)
class Spec:
    """Common part of all descriptors."""

    name: str = field(validator=_name)
    summary: str
    config: type[Any] = NoConfig


@frozen(kw_only=True)
class FeedSpec(Spec):
    """A feed. ``opens(path, head)`` says whether it reads that file, from its name and first 4 KiB of (decompressed) content."""

    build: Callable[[Any], Feed]
    opens: Callable[[Path, bytes], bool] | None = None
    live: bool = False


@frozen(kw_only=True)
class IndicatorSpec(Spec):
    """An indicator. ``statistics`` and ``baselines`` name the tuple elements; a NaN element is missing.

    ``needs`` is a subset of ``{"book", "trades"}``: without a book in the run an indicator that needs one is not run.
    ``baseline_from`` names the indicator instance whose baseline it is judged against. ``invariances`` (``"scale"``,
    ``"time_shift"``) switch conformance checks on.
    """

    build: Callable[[Any, BuildContext], Indicator]
    statistics: tuple[str, ...]
    baselines: tuple[str, ...] = ()
    role: Role = Role.EXTRA
    needs: frozenset[str] = frozenset({"trades"})
    warmup_s: float = 0.0
    baseline_from: str | None = None
    invariances: frozenset[str] = frozenset()


@frozen(kw_only=True)
class ScorerSpec(Spec):
    """A scorer.

    ``research(config)`` gives the ``--set`` overrides of its research variant for data without a book, () when none applies.
    ``shortfall(config, missing)`` says in one sentence what scores lack while those indicator instances are missing, "" if nothing.
    """

    build: Callable[[Any], Scorer]
    research: Callable[[Any], tuple[str, ...]] | None = None
    shortfall: Callable[[Any, frozenset[str]], str] | None = None


@frozen(kw_only=True)
class StrategySpec(Spec):
    """A strategy; built once per symbol."""

    build: Callable[[Any, BuildContext], Strategy]


@frozen(kw_only=True)
class ExecutorSpec(Spec):
    """An executor. ``modes`` are the run modes it may serve (``paper``, ``backtest``, ``real``)."""

    build: Callable[[Any, ExecutorContext], Executor]
    modes: frozenset[str]


@frozen(kw_only=True)
class StoreSpec(Spec):
    """A storage backend; ``build(config, location)`` opens or creates the database at ``location``."""

    build: Callable[[Any, str], Any]
