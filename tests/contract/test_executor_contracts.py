"""The shipped executors pass the conformance battery."""

from flashcrash_core.testing import ExecutorContract


class TestPaper(ExecutorContract):
    plugin = "paper"


class TestBacktest(ExecutorContract):
    plugin = "backtest"
