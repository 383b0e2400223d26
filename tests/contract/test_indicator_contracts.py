"""The eight shipped indicators keep the contract that third-party indicators keep."""

from flashcrash_core.testing import IndicatorContract


class TestVolatility(IndicatorContract):
    plugin = "volatility"


class TestAcceleration(IndicatorContract):
    plugin = "acceleration"


class TestImbalance(IndicatorContract):
    plugin = "imbalance"


class TestSpread(IndicatorContract):
    plugin = "spread"


class TestVolumeDelta(IndicatorContract):
    plugin = "volume_delta"


class TestMessageVelocity(IndicatorContract):
    plugin = "message_velocity"


class TestCandlePatterns(IndicatorContract):
    plugin = "candle_patterns"


class TestDepth(IndicatorContract):
    plugin = "depth"
