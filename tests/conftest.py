"""What every test process needs before the first import of the product."""

import os
from pathlib import Path

import pytest

# pytest's own fixture, for the tests of the pytest plugin, which run pytest inside pytest.
pytest_plugins = ["pytester"]

# Machine code is made once and kept here: in no user's home, and not again for every test. Subprocesses inherit it.
os.environ.setdefault("FLASHCRASH_CACHE_DIR", str(Path(__file__).parents[1] / ".pytest_cache" / "flashcrash"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that mostly wait for other processes come first: at the end nothing would be left to do beside them."""
    items.sort(key=lambda item: item.path.parent.name != "binance" or item.get_closest_marker("slow") is None)
