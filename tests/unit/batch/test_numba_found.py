"""Which numba is used: one that cannot be is said, and the run streams; one without private options compiles without them."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from flashcrash_core.api import DataTier, SimulatedMarket, TapeMarket, scenario_preset, simulated_instrument, write_tape
from flashcrash_core.batch import compiling, numba_found
from flashcrash_core.batch.compiling import compiled_in_one

numba = pytest.importorskip("numba", reason="numba is not installed; nothing is compiled")


@pytest.fixture
def asked_anew() -> Iterator[None]:
    """Answers are those of the moment, and of none after it."""
    for answer in (numba_found.why_unusable, numba_found.missing_options):
        answer.cache_clear()
    yield
    for answer in (numba_found.why_unusable, numba_found.missing_options):
        answer.cache_clear()


@pytest.mark.parametrize(
    ("version", "why"),
    [("0.60.9", "numba 0.60.9 is older than 0.61"), ("0.61.0", ""), ("0.100.1", ""), ("1.0rc1", ""), ("unknown", "")],
)
@pytest.mark.usefixtures("asked_anew")
def test_a_numba_that_is_too_old_is_not_used(monkeypatch: pytest.MonkeyPatch, version: str, why: str) -> None:
    """Versions are compared as numbers; one that has none is tried."""
    monkeypatch.setattr(metadata, "version", lambda _name: version)
    assert numba_found.why_unusable().startswith(why)
    assert bool(numba_found.why_unusable()) == bool(why)


def test_a_numba_that_cannot_be_imported_costs_the_batch_engine_only(tmp_path: Path) -> None:
    """As when numpy is newer than it allows: the run streams and says why; asked for by name, the batch engine is an error."""
    market = SimulatedMarket(scenario_preset("calm", symbol="SIMUSDT", calm_s=20), 1)
    markets = {"SIMUSDT": TapeMarket(simulated_instrument("SIMUSDT"), has_book=True, data_tier=DataTier.SYNTHETIC)}
    (tape,) = write_tape(tmp_path / "tapes", market.events(), markets)
    (tmp_path / "site" / "numba").mkdir(parents=True)
    (tmp_path / "site" / "numba" / "__init__.py").write_text('raise ImportError("Numba needs NumPy 2.3 or less")\n')

    def backtest(engine: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "flashcrash_core", "backtest", str(tape.path), "--engine", engine, "--json"]
        environ = os.environ | {"PYTHONPATH": str(tmp_path / "site")}
        return subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)

    done = backtest("auto")
    assert done.returncode == 0, done.stderr
    why = "cannot be imported: ImportError: Numba needs NumPy 2.3 or less"
    assert [
        warning for warning in json.loads(done.stdout)["warnings"] if "engine: stream, because numba" in warning and why in warning
    ]
    refused = backtest("batch")
    assert refused.returncode == 2
    assert why in refused.stderr
    assert "Traceback" not in refused.stderr


def nth(values: Any, index: int) -> float:
    """Reads where it is told."""
    value: float = values[index]
    return value


@pytest.mark.usefixtures("asked_anew")
def test_a_numba_without_private_options_compiles_without_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It would refuse what it does not know; results are the same."""
    import numpy as np
    from numba.core import cpu

    class WithoutThem:
        """Options of a numba to come."""

    told: list[set[str]] = []
    njit = numba.njit

    def noting(*functions: Any, **options: Any) -> Any:
        if "boundscheck" in options:  # ours; numba compiles parts of itself when they are first used
            told.append(set(options))
        return njit(*functions, **options)

    monkeypatch.setenv("FLASHCRASH_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(compiling, "_done", {})
    monkeypatch.setattr(numba, "njit", noting)
    assert compiled_in_one(nth, guarded=True)(np.arange(3.0), 2) == 2.0
    assert told[-1] > {"_nrt"}
    monkeypatch.setattr(cpu, "CPUTargetOptions", WithoutThem)
    monkeypatch.setattr(compiling, "_done", {})
    numba_found.missing_options.cache_clear()
    assert numba_found.missing_options() == {"_nrt", "forceinline"}
    assert compiled_in_one(nth, guarded=True)(np.arange(3.0), 2) == 2.0
    assert told[-1] == {"nogil", "error_model", "boundscheck"}
