"""Composing a run: configuration and plugins in, a session with its executor and input out.

Everything that can be wrong is found here, before the first event.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import count
from pathlib import Path
from typing import TypeVar

import attrs
from attrs import define

from flashcrash_core.config import IndicatorConfig, LoadedConfig, PluginConfigs, Settings, did_you_mean
from flashcrash_core.config.instruments import InstrumentBook
from flashcrash_core.detection.containment import describe, let_interrupt_pass, named
from flashcrash_core.detection.indicator import BuildContext, StepIndicator, WindowIndicator
from flashcrash_core.detection.panel import PanelEntry
from flashcrash_core.detection.scoring import Scorer
from flashcrash_core.errors import ConfigError, FlashcrashError, PluginContract, UsageError
from flashcrash_core.market.feed import DataTier
from flashcrash_core.market.instruments import to_money
from flashcrash_core.market.recordings import RecordingOptions
from flashcrash_core.registry import raised_at
from flashcrash_core.runtime.inputs import Input, SymbolInput, open_input
from flashcrash_core.runtime.lane import LaneSetup
from flashcrash_core.runtime.session import Session, SessionSetup
from flashcrash_core.trading.execution import Executor, ExecutorContext
from flashcrash_core.trading.strategy import Fees, NoStrategy, Strategy

__all__ = ["Composition", "built", "compose", "open_run_input"]

T = TypeVar("T")


@define
class Composition:
    """A run, ready to go. ``executor`` is None for detection only."""

    session: Session
    executor: Executor | None
    source: Input
    fill_models: dict[str, str]
    warnings: list[str]
    idle_blind: bool = False
    """The executor sees nothing while it holds no order."""


def open_run_input(
    settings: Settings, plugins: PluginConfigs, *, paths: Sequence[Path], feed: str | None, record: RecordingOptions | None = None
) -> tuple[Input, InstrumentBook]:
    """Open the run's tapes, or the configured feed when there are none. ``feed`` None lets each tape choose its own.

    ``record`` keeps what a running market says.
    """
    instruments = InstrumentBook({symbol: attrs.asdict(table) for symbol, table in settings.instruments.items()})
    name = feed or (None if paths else settings.run.feed)
    if name is not None and name not in plugins.feeds:
        raise UsageError(f'there is no feed "{name}"; {did_you_mean(name, plugins.feeds, what="loaded")}')
    feeds = {
        known: (plugin.spec, built("feed", known, partial(plugin.spec.build, plugin.config)))
        for known, plugin in plugins.feeds.items()
    }
    run = settings.run
    source = open_input(feeds, feed=name, paths=paths, symbols=run.symbols, instruments=instruments, seed=run.seed, record=record)
    return source, instruments


def compose(
    config: LoadedConfig,
    plugins: PluginConfigs,
    source: Input,
    *,
    client_prefix: str = "fc",
    arming: str = "",
    trade: bool = True,
    sweep: bool = True,
) -> Composition:
    """Build session and executor for an opened input. Raises ConfigError, PluginError or UsageError."""
    settings = config.settings
    indicators = list(plugins.indicators.values())
    _check_indicators(indicators)
    scorer = built("scorer", plugins.scorer.spec.name, lambda: plugins.scorer.spec.build(plugins.scorer.config))
    fees = Fees(settings.fees.maker_bps, settings.fees.taker_bps)
    lanes = tuple(
        _lane(known, source, settings, indicators, plugins, scorer, fees, trade=trade, sweep=sweep)
        for known in source.symbols.values()
    )
    session = Session(
        SessionSetup(
            lanes,
            settings.risk,
            fees,
            to_money(settings.risk.equity_start),
            client_prefix,
            plugins.executor.spec.name,
            real_venue=settings.run.mode == "real",
        )
    )
    executor = _executor(settings, plugins, session, arming) if trade else None
    models = {symbol: _fill_model(settings.fills.model, known) for symbol, known in source.symbols.items()}
    warnings = [*plugins.warnings, *_warnings(settings, source, indicators)]
    return Composition(session, executor, source, models, warnings, executor is None or plugins.executor.spec.idle_blind)


def built(kind: str, name: str, build: Callable[[], T]) -> T:
    """What a plugin builds. Raises PluginContract naming the plugin for whatever it raises, except the product's own errors."""
    try:
        return build()
    except FlashcrashError:
        raise
    except BaseException as error:
        let_interrupt_pass(error)
        place = Path(raised_at(error)).name  # it may end in the journal of faults, which is compared on other machines too
        message = f"{kind} {name} could not be built: {describe(error)[1]}" + (f" ({place})" if place else "")
        raise PluginContract(f"{message}; check its table in the configuration, or repair the plugin") from error


def _executor(settings: Settings, plugins: PluginConfigs, session: Session, arming: str) -> Executor:
    """The executor that the mode asks for, over the session's own view of the markets."""
    lanes = session.lanes
    context = ExecutorContext(
        markets={symbol: lane.market for symbol, lane in lanes.items()},
        fees=session.setup.fees,
        seed=settings.run.seed,
        next_seq=count(1).__next__,
        fill_model=settings.fills.model,
        volatility=lambda symbol: lanes[symbol].sigma(),
        mode=settings.run.mode,
        arming=arming,
    )
    spec = plugins.executor.spec
    return built("executor", spec.name, lambda: spec.build(plugins.executor.config, context))


def _check_indicators(indicators: list[IndicatorConfig]) -> None:
    if not indicators:
        raise ConfigError("indicators: none is configured; choose a profile (--profile robust) or add [indicators.NAME] tables")
    names = {indicator.name for indicator in indicators}
    problems = [
        f"indicators.{i.name}: is judged against the baseline of {i.spec.baseline_from!r}, which is not configured or not enabled"
        for i in indicators
        if i.spec.baseline_from is not None and i.spec.baseline_from not in names
    ]
    if problems:
        raise ConfigError(problems)


def _entry(indicator: IndicatorConfig, context: BuildContext) -> PanelEntry:
    spec = indicator.spec
    name = f"{indicator.name} (plugin {spec.name}) for {context.symbol}"
    program = built("indicator", name, lambda: spec.build(indicator.config, context))
    if not isinstance(program, StepIndicator | WindowIndicator):
        raise PluginContract(f"indicator {name} was built as {named(program)}, neither a StepIndicator nor a WindowIndicator")
    return PanelEntry(
        name=indicator.name,
        plugin=spec.name,
        role=indicator.role,
        indicator=program,
        statistics=spec.statistics,
        baselines=spec.baselines,
        inactive="no_book" if "book" in spec.needs and not context.has_book else "",
        baseline_from=spec.baseline_from,
    )


def _lane(
    known: SymbolInput,
    source: Input,
    settings: Settings,
    indicators: Iterable[IndicatorConfig],
    plugins: PluginConfigs,
    scorer: Scorer,
    fees: Fees,
    *,
    trade: bool,
    sweep: bool,
) -> LaneSetup:
    price_source = settings.run.price_source
    if price_source == "mid" and not known.has_book:
        raise UsageError(f"run.price_source is mid, but the data of {known.instrument.symbol} has no book; use auto or trade")
    source_is_mid = known.has_book if price_source == "auto" else price_source == "mid"
    context = BuildContext(known.instrument.symbol, known.instrument, source_is_mid, known.has_book)
    held = list(indicators)

    # Factories, because a lane starts over with fresh programs after a long silence.
    first: dict[str, PanelEntry] = {}

    def entry(indicator: IndicatorConfig) -> PanelEntry:
        known = first.get(indicator.name)
        if known is None:
            known = first[indicator.name] = _entry(indicator, context)
            return known
        try:
            return _entry(indicator, context)
        except PluginContract as error:  # the session has begun: this costs the indicator, not the session
            return attrs.evolve(known, inactive="quarantined", failed=str(error))

    def entries() -> tuple[PanelEntry, ...]:
        return tuple(entry(indicator) for indicator in held)

    def strategy() -> Strategy:
        if not trade:
            return NoStrategy()
        spec = plugins.strategy.spec
        return built("strategy", spec.name, lambda: spec.build(plugins.strategy.config, context))

    return LaneSetup(
        instrument=known.instrument,
        has_book=known.has_book,
        source_is_mid=source_is_mid,
        detector=settings.detector,
        entries=entries,
        strategy=strategy,
        scorer=scorer,
        fees=fees,
        max_silence_us=round(settings.run.max_silence_s * 1e6),
        synthetic_book=source.synthetic_book,
        synthetic_market=source.data_tier is DataTier.SYNTHETIC,
        sweep=sweep,
        needs_book=frozenset(i.spec.name for i in held if "book" in i.spec.needs),
        scorer_name=plugins.scorer.spec.name,
        strategy_name=plugins.strategy.spec.name,
        bar_memory=_bar_memory(plugins) if trade else 0,
    )


def _bar_memory(plugins: PluginConfigs) -> int | None:
    spec, config = plugins.strategy.spec, plugins.strategy.config
    told = spec.bar_memory
    return None if told is None else built("strategy", spec.name, lambda: told(config))


def _fill_model(configured: str, known: SymbolInput) -> str:
    if configured != "auto":
        return configured
    return "M2" if known.has_book else "M1"


def _warnings(settings: Settings, source: Input, indicators: Iterable[IndicatorConfig]) -> list[str]:
    warnings = list(source.warnings)
    made = source.data_tier is DataTier.SYNTHETIC
    if made and not source.from_files:
        warnings.append("SYNTHETIC market: made by this program, not evidence of detection or profit")
    elif source.synthetic_book:
        warnings.append("SYNTHETIC BOOK - not evidence of detection or profit")
    elif made:
        warnings.append("SYNTHETIC trades - not evidence of detection or profit")
    warnings += _short_calibration(settings, indicators)
    if settings.fills.model == "M0":
        warnings.append("fill model M0 (touch = fill) is an upper bound, never a result")
    return warnings


def _short_calibration(settings: Settings, indicators: Iterable[IndicatorConfig]) -> list[str]:
    """A baseline learnt from less data than the definitions ask for must be said in every report (reference section 3.2)."""
    full_s = attrs.fields(type(settings.detector)).warmup_s.default
    short = [f"warm-up {settings.detector.warmup_s:g} s instead of {full_s:g} s"] if settings.detector.warmup_s < full_s else []
    if settings.profile != "seed":  # the seed reading has smaller samples of its own
        for indicator in indicators:
            full = attrs.fields_dict(type(indicator.config)).get("min_samples")
            if full is not None and indicator.config.min_samples < full.default:
                short.append(f"{indicator.name}.min_samples {indicator.config.min_samples} instead of {full.default}")
    return [f"calibration: short ({', '.join(short)})"] if short else []
