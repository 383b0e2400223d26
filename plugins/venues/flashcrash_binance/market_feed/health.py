"""How the feed is doing, in numbers for the user."""

from attrs import frozen

__all__ = ["FeedHealth", "LinkHealth", "SymbolHealth"]


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
    leaving: str


@frozen(kw_only=True)
class FeedHealth:
    """The whole feed. Latency is receive time, on the venue's clock, less the venue's stamp."""

    messages: int
    messages_per_s: float
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
