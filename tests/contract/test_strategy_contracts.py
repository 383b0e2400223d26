"""The shipped strategies keep the contract of strategies, by the same lines that a stranger writes, in each of their modes."""

from flashcrash_core.testing.contracts import StrategyContract


class TestPercentile(StrategyContract):
    """The percentile strategy, as shipped."""

    plugin = "percentile"


class TestPercentileWithMarketOrders(StrategyContract):
    """The percentile strategy that takes at once, at the prices that were traded."""

    plugin = "percentile"
    config = {"order_type": "market", "levels": "empirical", "min_edge_bp": -1000.0}  # noqa: RUF012 - as an author writes it


class TestPercentileOverASwing(StrategyContract):
    """The percentile strategy over the range since the last low, with fractions that follow the volatility."""

    plugin = "percentile"
    config = {"levels": "rolling_range", "adaptive_fractions": True, "range_reset": True, "range_min_samples": 1}  # noqa: RUF012
