"""Depth sums, bands and walls against a naive calculation in exact decimals."""

import random
from decimal import Decimal
from statistics import median

import pytest

from flashcrash_core.market.book import OrderBook
from flashcrash_core.market.depth_profile import EMPTY_PROFILE, TOP_LEVELS, profile_depth
from flashcrash_core.market.events import Level


def book_of(bids: list[Level], asks: list[Level]) -> OrderBook:
    """A book with these levels."""
    book = OrderBook()
    book.replace(bids, asks)
    return book


def naive_walls(levels: list[Level]) -> tuple[int, ...]:
    """Prices of levels worth more than three times the median one."""
    worth = [price * lots for price, lots in levels]
    if len(worth) < 2:
        return ()
    return tuple(price for price, lots in levels if price * lots > 3 * Decimal(median(map(Decimal, worth))))


@pytest.mark.parametrize("seed", range(40))
def test_profile_equals_the_definition(seed: int) -> None:
    """Bands of 10 bp, exit depth of 25 bp, top 20 sums and walls are those of the definition, in exact arithmetic."""
    rng = random.Random(seed)
    middle = rng.choice([300, 5_000, 6_000_000])
    width = max(middle // 200, 40)
    bids = {middle - rng.randrange(1, width): rng.choice([1, 5, 400]) for _ in range(rng.randrange(1, 200))}
    asks = {middle + rng.randrange(1, width): rng.choice([1, 5, 400]) for _ in range(rng.randrange(1, 200))}
    best_first = sorted(bids.items(), reverse=True), sorted(asks.items())
    mid = Decimal(best_first[0][0][0] + best_first[1][0][0]) / 2
    low, high, exit_low = mid * Decimal("0.999"), mid * Decimal("1.001"), mid * Decimal("0.9975")
    top_bids, top_asks = (side[:TOP_LEVELS] for side in best_first)
    profile = profile_depth(book_of(list(bids.items()), list(asks.items())))
    assert profile == (
        sum(lots for price, lots in bids.items() if price >= low),
        sum(lots for price, lots in asks.items() if price <= high),
        sum(lots for _, lots in top_bids),
        sum(lots for _, lots in top_asks),
        sum(price * lots for price, lots in top_bids),
        sum(price * lots for price, lots in top_asks),
        sum(price * lots for price, lots in bids.items() if price >= exit_low),
        naive_walls(top_bids),
        naive_walls(top_asks),
    ), f"seed {seed}"


def test_one_sided_and_empty_books() -> None:
    """A side that vanished counts zero, and an empty book has an empty profile."""
    profile = profile_depth(book_of([], [(100, 5)]))
    assert (profile.band_bid_lots, profile.band_ask_lots, profile.exit_units) == (0, 5, 0)
    assert profile_depth(OrderBook()) == EMPTY_PROFILE


def test_wall_is_more_than_three_medians() -> None:
    """Exactly three times the median is no wall; one lot more is."""
    asks = [(100, 30), (101, 30), (102, 30)]
    assert profile_depth(book_of([], [*asks, (90, 100)])).ask_walls == ()
    assert profile_depth(book_of([], [*asks, (90, 102)])).ask_walls == (90,)
