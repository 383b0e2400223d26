"""What is asked of the venue over REST outside the feed core: which symbols are listed, with which grids."""

from collections.abc import Sequence

from flashcrash_binance.endpoints import Endpoints
from flashcrash_binance.exchange_info import ListedSymbol, exchange_info_query, listed_symbols, require_trading
from flashcrash_binance.transport.failures import Failure, failure_of_status
from flashcrash_binance.transport.rest import Answer, RestClient, Unanswered
from flashcrash_core.api import MarketKind, UsageError, VenueError

__all__ = ["ask", "listed", "refusal_of", "traded", "where_it_is"]

_NO_SUCH_SYMBOL = "-1121"


def where_it_is(where: Endpoints) -> str:
    """The market in words, as messages name it."""
    return "Binance USD-M futures" if where.kind is MarketKind.USDM else "Binance spot"


def refusal_of(answer: Answer) -> Failure | None:
    """The failure that an answer stands for, None for success."""
    return None if answer.status == 200 else failure_of_status(answer.status, answer.url, answer.headers, answer.body)


async def ask(rest: RestClient, path: str, query: dict[str, str] | None = None) -> Answer:
    """A successful answer. Raises VenueError with the failure and what to do."""
    try:
        answer = await rest.get(path, query)
    except Unanswered as unanswered:
        raise VenueError(str(unanswered.failure)) from unanswered
    if (failure := refusal_of(answer)) is not None:
        raise VenueError(str(failure))
    return answer


async def listed(rest: RestClient, where: Endpoints, symbols: Sequence[str]) -> dict[str, ListedSymbol]:
    """Those of ``symbols`` that the venue lists. Raises VenueError; UsageError where one of several is unknown."""
    path = where.path("exchangeInfo")
    try:
        answer = await rest.get(path, exchange_info_query(symbols, where.kind))
    except Unanswered as unanswered:
        raise VenueError(str(unanswered.failure)) from unanswered
    failure = refusal_of(answer)
    if failure is not None and failure.status == 400 and _NO_SUCH_SYMBOL in failure.detail:
        one_of = "one of them is unknown" if len(symbols) > 1 else "no such symbol"
        raise UsageError(
            f"--symbols {','.join(symbols)}: {where_it_is(where)} says {failure.detail} ({one_of}); check the spelling"
        )
    if failure is not None:
        raise VenueError(str(failure))
    return listed_symbols(answer.body, where.kind, symbols)


async def traded(rest: RestClient, where: Endpoints, symbols: Sequence[str]) -> dict[str, ListedSymbol]:
    """All of ``symbols``, each listed and traded. Raises UsageError, VenueError."""
    found = await listed(rest, where, symbols)
    require_trading(found, symbols, where_it_is(where))
    return found
