"""The descriptor, the configuration class, and what a source knows before its first event."""

import inspect
from typing import Final

from flashcrash_core.config.instruments import InstrumentBook
from flashcrash_core.market.feed import DataTier, SourceInfo
from flashcrash_core.market.instruments import Instrument, MarketKind
from flashcrash_core.testing.battery import check
from flashcrash_core.testing.checks.configuration import require_configuration_schema
from flashcrash_core.testing.checks.feed.sources import (
    FeedSubject,
    first_events,
    from_recordings,
    require,
    sample,
    source_of,
)

__all__ = ["configuration_schema", "info", "interface"]

SAMPLES: Final = ("whole", "gap", "broken_line", "truncated", "two_symbols")
"""What FeedSpec.samples may offer."""


@check("feed")
def interface(subject: FeedSubject) -> None:
    """The descriptor says what it offers in terms the kernel knows, and building and opening give objects of the declared form."""
    spec = subject.spec
    require(bool(spec.summary.strip()), subject, "has no summary; it is what `plugins show` prints")
    require(type(spec.live) is bool, subject, f"live is {spec.live!r}, not True or False")
    require(spec.opens is None or _takes(spec.opens, 2), subject, "opens must take a path and the file's head")
    require(not (spec.live and spec.opens), subject, "is live and reads files; offer two feeds")
    unknown = sorted(set(spec.samples) - set(SAMPLES))
    require(not unknown, subject, f"offers samples {unknown}, which switch nothing on; known ones are {', '.join(SAMPLES)}")
    require(not spec.samples or spec.opens is not None, subject, "offers samples but no opens; without it no file is read")
    require(not spec.samples or "whole" in spec.samples, subject, 'offers samples but none that is "whole", which most checks read')
    feed = spec.build(subject.config)
    require(_takes(getattr(feed, "open", None), 1), subject, f"build gave a {type(feed).__name__} without open(request)")
    if from_recordings(subject):
        return
    with sample(subject) as path, source_of(subject, path) as source:
        missing = [name for name in ("events", "progress", "close") if not _takes(getattr(source, name, None), 0)]
        require(not missing, subject, f"a source has no {', '.join(missing)} to call without arguments")
        require(isinstance(source.info, SourceInfo), subject, f"info is a {type(source.info).__name__}, not a SourceInfo")


@check("feed")
def configuration_schema(subject: FeedSubject) -> None:
    """The configuration class is frozen, typed, and its defaults pass its own validators."""
    require_configuration_schema(subject)


class _Resolver:
    """An InstrumentBook that remembers what it gave."""

    def __init__(self) -> None:
        self.given: list[Instrument] = []
        self._book = InstrumentBook()

    def __call__(
        self,
        symbol: str,
        *,
        kind: MarketKind = MarketKind.SPOT,
        sample: tuple[str, str] | None = None,
        venue: Instrument | None = None,
    ) -> Instrument:
        instrument = self._book(symbol, kind=kind, sample=sample, venue=venue)
        self.given.append(instrument)
        return instrument


@check("feed", applies=from_recordings)
def info(subject: FeedSubject) -> None:
    """A source says before its first event what it holds, in the user's own grids, and says the same when it has been read."""
    resolver = _Resolver()
    with sample(subject) as path, source_of(subject, path, instruments=resolver) as source:
        before = source.info
        symbols = before.symbols
        require(isinstance(symbols, tuple) and bool(symbols), subject, f"info.symbols is {symbols!r}, not a tuple of symbols")
        require(all(isinstance(one, str) and one == one.upper() for one in symbols), subject, f"{symbols} are not upper case")
        require(len(set(symbols)) == len(symbols), subject, f"info.symbols names a symbol twice: {symbols}")
        covered = tuple(one.symbol for one in before.instruments)
        require(covered == symbols, subject, f"info.instruments are of {covered}, info.symbols are {symbols}")
        own = [one.symbol for one in before.instruments if one not in resolver.given]
        require(not own, subject, f"made its own grid of {own}; take request.instruments(symbol), or [instruments] is ignored")
        require(type(before.has_book) is bool, subject, f"info.has_book is {before.has_book!r}")
        require(isinstance(before.data_tier, DataTier), subject, f"info.data_tier is {before.data_tier!r}, not a DataTier")
        require(
            before.has_book or before.data_tier is not DataTier.L2,
            subject,
            "info says tier L2 and no book; that is trades",
        )
        require(bool(before.description.strip()), subject, "info.description is empty; it is how reports name the input")
        warnings = before.warnings
        require(
            isinstance(warnings, tuple) and all(isinstance(one, str) for one in warnings),
            subject,
            f"info.warnings is {warnings!r}, not a tuple of sentences",
        )
        for _ in first_events(subject, source):
            pass
        require(source.info == before, subject, f"info changed while reading, from {before} to {source.info}")


def _takes(function: object, arguments: int) -> bool:
    """Whether ``function`` can be called with so many positional arguments."""
    if not callable(function):
        return False
    try:
        inspect.signature(function).bind(*range(arguments))
    except TypeError:
        return False
    except ValueError:  # built in, without a signature
        return True
    return True
