"""Machine code kept for functions that plugins call with types of their own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("numba")

SCRIPT = """
import sys
from pathlib import Path
from flashcrash_core.batch.compiling import compiled
import shared
for name in sys.argv[1:]:
    module = __import__(name)
    made = compiled(shared.total)
    assert made(module.Pair(1.5, 2.0)) == 3.5
    made.stats and print(name, sum(made.stats.cache_hits.values()), sum(made.stats.cache_misses.values()))
"""


def test_code_for_a_type_of_a_plugin_that_is_not_here_is_left_alone(tmp_path: Path) -> None:
    """Each of two plugins finds its own code again, whoever came first and whatever else is loaded."""
    (tmp_path / "shared.py").write_text("def total(pair):\n    return pair[0] + pair[1]\n")
    for name in ("one", "two"):
        (tmp_path / f"{name}.py").write_text("from typing import NamedTuple\nclass Pair(NamedTuple):\n    a: float\n    b: float\n")
    environment = {**os.environ, "FLASHCRASH_CACHE_DIR": str(tmp_path / "cache"), "PYTHONPATH": str(tmp_path)}

    def run(*names: str) -> list[str]:
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, *names], capture_output=True, text=True, env=environment, check=False, cwd=tmp_path
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    assert run("one") == ["one 0 1"]
    assert run("two") == ["two 0 1"]
    assert run("one") == ["one 1 0"]
    assert run("two") == ["two 1 0"]
    assert run("one", "two")[0] == "one 1 0"
    assert run("two") == ["two 1 0"]
