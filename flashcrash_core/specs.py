"""What plugins hand to the kernel: one frozen descriptor per thing they offer.

A descriptor names the thing, its configuration class (an attrs class whose validators are the schema) and how to build it. The
kernel structures the configuration, builds, and never looks inside.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from attrs import field, frozen

from flashcrash_core import spec_fields
from flashcrash_core.detection.indicator import BuildContext, Indicator, Role
from flashcrash_core.detection.scoring import Scorer
from flashcrash_core.market.feed import Feed
from flashcrash_core.runtime.records import Record, SessionRecord
from flashcrash_core.trading.execution import Executor, ExecutorContext
from flashcrash_core.trading.strategy import Strategy

__all__ = [
    "API_VERSION",
    "ExecutorSpec",
    "FeedSpec",
    "Finding",
    "IndicatorSpec",
    "NoConfig",
    "PluginInfo",
    "SampleWriter",
    "ScorerSpec",
    "Spec",
    "StoreHistory",
    "StoreSpec",
    "StrategySpec",
]

API_VERSION = 1
"""The contract's version; a plugin with another is refused."""


@frozen
class PluginInfo:
    """``flashcrash_plugin = PluginInfo(api=1, summary="...")`` in every plugin module."""

    api: int = field(validator=spec_fields.instance(int, "api=1"))
    """Version of the contract that the plugin was written for: :data:`API_VERSION`. Another one is refused at loading."""
    summary: str = field(validator=spec_fields.text)
    """One line for ``plugins list``."""


@frozen
class Finding:
    """One line of ``flashcrash doctor``."""

    check: str = field(validator=spec_fields.text)
    """What was looked at, in a word or two."""
    status: str = field(validator=spec_fields.word("ok", "warn", "fail"))
    """``ok``, ``warn`` (works, with a drawback) or ``fail`` (does not work)."""
    found: str = field(validator=spec_fields.text)
    """What was found."""
    advice: str = field(default="", validator=spec_fields.text)
    """What to do about it, "" where there is nothing to do."""


@frozen
class NoConfig:
    """For plugins without settings."""


@frozen(kw_only=True)
class Spec:
    """Common part of all descriptors."""

    name: str = field(validator=spec_fields.name)
    """Name in the configuration (``use = "name"``): a lower-case letter, then such letters, digits, ``-`` or ``_``, at most 64
    characters. Unique per kind over all loaded plugins."""
    summary: str = field(validator=spec_fields.text)
    """One line for ``plugins show``."""
    config: type[Any] = NoConfig
    """attrs class of the settings. Its types, validators and attribute docstrings are the schema; the kernel makes the instance."""


SampleWriter = Callable[[Path, int], Path]
"""``write(folder, events)`` writes one file of about so many synthetic events into an empty folder and gives its path."""


@frozen(kw_only=True)
class FeedSpec(Spec):
    """A feed."""

    build: Callable[[Any], Feed] = field(validator=spec_fields.function())
    """``build(config)`` gives the feed; it opens nothing yet."""
    opens: Callable[[Path, bytes], bool] | None = field(default=None, validator=spec_fields.function(optional=True))
    """``opens(path, head)`` says whether it reads that file, from its name and first 4 KiB of (decompressed) content.
    None for a feed that reads no file."""
    live: bool = field(default=False, validator=spec_fields.switch)
    """Whether its events come from a running market, and time passes while it waits."""
    samples: Mapping[str, SampleWriter] = field(default=MappingProxyType({}), eq=False, repr=False, validator=spec_fields.writers)
    """Writers of example files for the conformance battery, by what is in the file; each switches checks on. The content must be
    synthetic, and the same for the same number of events. ``whole``: sound data of one symbol; most checks read it. ``gap``: the
    same with some messages lost in the middle. ``broken_line``: the same with one line that cannot be used. ``truncated``: a file
    that breaks off, so that the feed can tell. ``two_symbols``: sound data of two symbols."""


@frozen(kw_only=True)
class IndicatorSpec(Spec):
    """An indicator."""

    build: Callable[[Any, BuildContext], Indicator] = field(validator=spec_fields.function())
    """``build(config, context)`` gives a fresh program for one symbol. What it returns shares no state with another call."""
    statistics: tuple[str, ...] = field(validator=spec_fields.names)
    """Names of the elements of the statistic tuple; a NaN element is missing."""
    baselines: tuple[str, ...] = field(default=(), validator=spec_fields.names)
    """Names of the elements of the baseline tuple. The detector freezes them while an event lasts."""
    role: Role = field(default=Role.EXTRA, validator=spec_fields.instance(Role, "Role.EXTRA or Role.CORE"))
    """How the detector uses it unless the configuration says otherwise; ``extra`` counts nowhere."""
    needs: frozenset[str] = field(default=frozenset({"trades"}), validator=spec_fields.subset({"book", "trades"}))
    """Subset of ``{"book", "trades"}``. Without a book in the run an indicator that needs one is not run."""
    warmup_s: float = field(default=0.0, validator=spec_fields.seconds)
    """Event time (s) from the first row until the first value on healthy data. Before it every value is missing."""
    baseline_from: str | None = field(
        default=None, validator=spec_fields.instance(str, "the name of an indicator, or None", optional=True)
    )
    """Name of the indicator instance whose baseline it is judged against instead of its own; None for its own."""
    invariances: frozenset[str] = field(default=frozenset(), validator=spec_fields.subset({"scale", "time_shift"}))
    """What does not change its readings: ``"scale"`` (all prices and the tick times a constant) and ``"time_shift"``
    (all times plus whole minutes). Declared ones are checked by the conformance battery."""


@frozen(kw_only=True)
class ScorerSpec(Spec):
    """A scorer."""

    build: Callable[[Any], Scorer] = field(validator=spec_fields.function())
    """``build(config)`` gives the scorer of all symbols; it keeps no state between calls."""
    research: Callable[[Any], tuple[str, ...]] | None = field(default=None, validator=spec_fields.function(optional=True))
    """``research(config)`` gives the ``--set`` overrides of its research variant for data without a book, () when none applies."""
    shortfall: Callable[[Any, frozenset[str]], str] | None = field(default=None, validator=spec_fields.function(optional=True))
    """``shortfall(config, missing)`` says in one sentence what scores lack while those indicator instances are missing, "" if
    nothing."""


@frozen(kw_only=True)
class StrategySpec(Spec):
    """A strategy; built once per symbol."""

    build: Callable[[Any, BuildContext], Strategy] = field(validator=spec_fields.function())
    """``build(config, context)`` gives a fresh strategy for one symbol."""
    bar_memory: Callable[[Any], int | None] | None = field(default=None, validator=spec_fields.function(optional=True))
    """``bar_memory(config)``: after so many bars with trades, and the empty ones between them, nothing that came before decides
    anything. A backtest that slept for hours then shows only those. None, or a function that returns None: it must see every
    bar."""


@frozen(kw_only=True)
class ExecutorSpec(Spec):
    """An executor."""

    build: Callable[[Any, ExecutorContext], Executor] = field(validator=spec_fields.function())
    """``build(config, context)`` gives the executor of the run, for all symbols."""
    modes: frozenset[str] = field(validator=spec_fields.subset({"backtest", "paper", "real"}))
    """Run modes it may serve: ``paper``, ``backtest``, ``real``."""
    idle_blind: bool = field(default=False, validator=spec_fields.instance(bool, "True or False"))
    """It needs to see no event while it holds no order and :meth:`Executor.pending` is false. Then a backtest may sleep through the
    time in which nothing is decided; else every event is stepped."""


@frozen
class StoreHistory:
    """Databases of other versions of a store, made on demand: the conformance battery opens them. Nothing else uses it."""

    newest: int = field(validator=spec_fields.instance(int, "newest=1"))
    """Version of the database that this plugin writes; the first one is 1."""
    write: Callable[[str, int, SessionRecord, Sequence[Record]], None] = field(validator=spec_fields.function())
    """``write(location, version, session, records)`` leaves at ``location`` what that version left after that session.
    ``version`` is 1 to ``newest`` + 1; the last stands for a future one, and only has to say so. Kinds of record that the version
    did not know are left out."""


@frozen(kw_only=True)
class StoreSpec(Spec):
    """A storage backend."""

    build: Callable[[Any, str], Any] = field(validator=spec_fields.function())
    """``build(config, location)`` opens or creates the database at ``location`` and gives a :class:`Store`; raises StorageError."""
    history: StoreHistory | None = field(
        default=None, validator=spec_fields.instance(StoreHistory, "StoreHistory(...)", optional=True)
    )
    """Older and newer versions of its database, for a test of its migrations. None for a store that has had only one version."""
    locations: Callable[[Path], str] | None = field(default=None, validator=spec_fields.function(optional=True))
    """For a store whose locations are no paths: ``locations(folder)`` gives, for the conformance battery, one where there is no
    database yet, a new one at each call (a fresh schema of a test server, say), or "" when there is no server to ask. ``folder`` is
    empty and goes when the database is done with. None: a location is the path of a file, or of a folder, that need not exist."""
