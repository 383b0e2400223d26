"""Which symbols of an input are delivered."""

from flashcrash_core.errors import DataError, UsageError
from flashcrash_core.market.events import MarketEvent
from flashcrash_core.testing.battery import CheckFailure, check
from flashcrash_core.testing.checks.feed.sources import (
    FeedSubject,
    events_of,
    first_events,
    needs,
    offline,
    require,
    sample,
    shown,
    source_of,
)

__all__ = ["symbols_are_filtered", "unknown_symbol_is_refused"]

_UNKNOWN: str = "NOSUCHUSDT"


@check("feed", applies=offline)
def symbols_are_filtered(subject: FeedSubject) -> None:
    """A request for one symbol gives that symbol's events and no other's, the same as among all of them."""
    key = "two_symbols" if "two_symbols" in subject.spec.samples else "whole"
    with sample(subject, key) as path:
        with source_of(subject, path) as source:
            symbols = source.info.symbols
            together = list(first_events(subject, source))
        if key == "two_symbols":
            require(len(symbols) == 2, subject, f'info of the sample "two_symbols" names {symbols}')
        for symbol in symbols:
            with source_of(subject, path, (symbol,)) as source:
                told = source.info.symbols
                alone = list(first_events(subject, source))
            require(told == (symbol,), subject, f"asked for {symbol}, info.symbols is {told}")
            foreign = [shown(event, index) for index, event in enumerate(alone) if event.symbol != symbol]
            require(not foreign, subject, f"asked for {symbol}, got {foreign[0] if foreign else ''}")
            wanted = [_what(event) for event in together if event.symbol == symbol]
            found = [_what(event) for event in alone[: len(wanted)]] if path is None else [_what(event) for event in alone]
            require(
                found == wanted,
                subject,
                f"asked for {symbol}, got {len(found)} events, but {len(wanted)} or others of it among all symbols",
            )


def _what(event: MarketEvent) -> tuple[str, int | None, int]:
    """Kind and times: what must not depend on the other symbols. The numbers of arrival do."""
    return type(event).__name__, event.exchange_us, event.receive_us


@check("feed", applies=needs("whole"))
def unknown_symbol_is_refused(subject: FeedSubject) -> None:
    """A symbol that a file does not hold is refused with DataError or UsageError, which names the symbols that it holds."""
    with sample(subject) as path:
        with source_of(subject, path) as source:
            held = source.info.symbols
        try:
            read = len(events_of(subject, path, (_UNKNOWN,)))
        except (DataError, UsageError) as error:
            message = str(error)
        except Exception as error:
            raise CheckFailure(
                f"{subject.label}: asked for {_UNKNOWN}, open raised {type(error).__name__}: {error}; raise DataError"
            ) from error
        else:
            raise CheckFailure(f"{subject.label}: was asked for {_UNKNOWN}, which is not in the file, and gave {read} events")
    require(held[0] in message, subject, f"asked for {_UNKNOWN}, the error does not say that the file holds {held}: {message}")
