"""What every test process needs before the first import of the product."""

import os
from pathlib import Path

# pytest's own fixture, for the tests of the pytest plugin, which run pytest inside pytest.
pytest_plugins = ["pytester"]

# Machine code is made once and kept here: in no user's home, and not again for every test. Subprocesses inherit it.
os.environ.setdefault("FLASHCRASH_CACHE_DIR", str(Path(__file__).parents[1] / ".pytest_cache" / "flashcrash"))
