"""How the feed is doing, in numbers for the user."""

from collections import deque
from typing import TYPE_CHECKING, Final

from attrs import define, field, frozen

from flashcrash_binance.market_feed.link import Link
from flashcrash_binance.market_feed.symbol_feed import SymbolFeed

if TYPE_CHECKING:
    from flashcrash_binance.market_feed.core import FeedCore

__all__ = ["FeedHealth", "LinkHealth", "MessageRate", "SymbolHealth", "feed_health"]

RATE_US: Final = 10_000_000
"""Messages a second are those of the last ten seconds."""


@define(eq=False)
class MessageRate:
    """Messages a second of late, from counts noted now and then."""

    _noted: deque[tuple[int, int]] = field(factory=deque)

    def note(self, now_us: int, messages: int) -> None:
        """So many until now."""
        noted = self._noted
        noted.append((now_us, messages))
        while len(noted) > 1 and noted[1][0] <= now_us - RATE_US:
            noted.popleft()

    def per_s(self, now_us: int, messages: int) -> float:
        """The rate up to now."""
        if not self._noted:
            return 0.0
        since_us, before = self._noted[0]
        return round((messages - before) / max((now_us - since_us) / 1e6, 1e-6), 1) if now_us > since_us else 0.0


@frozen(kw_only=True)
class SymbolHealth:
    """One symbol. Times are seconds; None where nothing is known yet."""

    usable: bool
    """The book is whole."""
    messages: int
    trades_lost: int
    """Trades that neither connection brought."""
    trades_late: int
    """Trades that filled a hole, out of order."""
    duplicates: int
    holes: int
    healed: int
    """Holes that the other connection filled, without a snapshot."""
    resyncs: int
    stale_snapshots: int
    snapshot_age_s: float | None
    bid_levels: int
    ask_levels: int
    blind_s: float
    """Time since the start without a usable book."""
    verified: int
    differences: int
    ticker_differences: int
    last_difference: str


@frozen(kw_only=True)
class LinkHealth:
    """One connection."""

    number: int
    group: str
    open_s: float | None
    messages: int
    silent_s: float
    copies: int
    """Messages that another connection had brought before."""
    lag_ms: float
    """How far its messages come behind the first copy."""
    leaving: str


@frozen(kw_only=True)
class FeedHealth:
    """The whole feed. Latency is receive time, on the venue's clock, less the venue's stamp."""

    messages: int
    messages_per_s: float
    duplicates: int
    """Messages that another connection had brought before."""
    latency_p50_ms: float | None
    latency_p99_ms: float | None
    clock_offset_ms: float
    round_trip_ms: float | None
    reconnections: int
    replacements: int
    rejected: dict[str, int]
    requests: int
    requests_failed: int
    weight_refusals: int
    overflows: int
    silent_streams: list[str]
    """Subscribed, and never heard of."""
    last_close: str
    blind_s: float
    symbols: dict[str, SymbolHealth]
    connections: list[LinkHealth]


def feed_health(core: "FeedCore", now_us: int) -> FeedHealth:
    """The numbers of a core."""
    offset_us, symbols, links = core.clock.offset_us, core.symbols.values(), core.links
    waits = [(one.latency.percentile_us(0.5, offset_us), one.latency.percentile_us(0.99, offset_us)) for one in symbols]
    halves, tails = [half for half, _ in waits if half is not None], [tail for _, tail in waits if tail is not None]
    return FeedHealth(
        messages=core.messages,
        messages_per_s=core.rate.per_s(now_us, core.messages),
        duplicates=core.copies + sum(one.trades.duplicates + one.quotes.old + one.keeper.duplicates for one in symbols),
        latency_p50_ms=round(sum(halves) / len(halves) / 1e3, 3) if halves else None,
        latency_p99_ms=round(max(tails) / 1e3, 3) if tails else None,
        clock_offset_ms=round(offset_us / 1e3, 3),
        round_trip_ms=None if core.clock.round_trip_us is None else round(core.clock.round_trip_us / 1e3, 3),
        reconnections=links.counts["closed"] + links.counts["failed"],
        replacements=links.counts["replaced"],
        rejected=dict(core.rejected),
        requests=core.requests.sent,
        requests_failed=core.requests.failed,
        weight_refusals=core.requests.weight.refusals,
        overflows=core.overflows,
        silent_streams=links.silent_streams(now_us),
        last_close=links.last_reason,
        blind_s=round(sum(one.blind_s(now_us) for one in symbols), 3),
        symbols={one.symbol: _symbol_health(one, now_us) for one in symbols},
        connections=[_link_health(link, links.bundles[link.bundle][0], now_us) for link in links.by_number.values()],
    )


def _link_health(link: Link, group: str, now_us: int) -> LinkHealth:
    return LinkHealth(
        number=link.number,
        group=group,
        open_s=round((now_us - link.opened_us) / 1e6, 1) if link.is_open else None,
        messages=link.messages,
        silent_s=round((now_us - (link.heard_us or link.asked_us)) / 1e6, 1),
        copies=link.copies,
        lag_ms=round(link.lag_us / 1e3, 3),
        leaving=link.leaving,
    )


def _symbol_health(one: SymbolFeed, now_us: int) -> SymbolHealth:
    keeper = one.keeper
    return SymbolHealth(
        usable=keeper.usable,
        messages=one.messages,
        trades_lost=one.trades.lost + len(one.trades.missing),
        trades_late=one.trades.filled,
        duplicates=one.trades.duplicates + one.quotes.old + keeper.duplicates,
        holes=keeper.holes,
        healed=keeper.healed,
        resyncs=keeper.resyncs,
        stale_snapshots=keeper.stale_snapshots,
        snapshot_age_s=round((now_us - keeper.snapshot_us) / 1e6, 1) if keeper.snapshot_us else None,
        bid_levels=len(keeper.book.bids),
        ask_levels=len(keeper.book.asks),
        blind_s=one.blind_s(now_us),
        verified=one.verified,
        differences=one.differences,
        ticker_differences=one.ticker_differences,
        last_difference=one.last_difference,
    )
