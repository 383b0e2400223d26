"""The runs behind docs/results.md: each is one command line of flashcrash with ``--json``, run as a process of its own."""

import csv
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from attrs import field, frozen

__all__ = ["FILES", "LOOSENED", "PROFILES", "RENORMALISED", "Outcome", "Run", "first_runs", "run_all", "sensitivity_runs"]

PROFILES: Final = ("robust", "seed")
POL: Final = "binance_spot_POLUSDT_trades_2025-10-10.csv.gz"
SPOT: Final = ("binance_spot_BTCUSDT_raw_2024-08-08.gz", "binance_spot_BTCUSDT_raw_2024-08-09.gz")
USDM: Final = "binance_usdm_BTCUSDT_raw_2024-08-08.gz"
ATOM: Final = "atomusdt_sweep_2025-10-10.csv"
FILES: Final = (POL, *SPOT, USDM, ATOM)
SEEDS: Final = (1, 2, 3, 4, 5)
RENORMALISED: Final = ("scorer.mode=renormalise", "scorer.liquidity_gate=false")
LOOSENED: Final = (
    *RENORMALISED, "strategy.volume_ratio=0", "strategy.score_threshold=50", 'detector.entry_states=["ACTIVE","RECOVERY"]',
)  # fmt: skip
"""The reference's own loosening (section 5.2): no volume gate, threshold 50, RECOVERY too. It trades, so fills can be measured."""
_TIMEOUT_S: Final = 900


@frozen
class Run:
    """One command. ``files`` are names inside FLASHCRASH_DATA; ``settings`` become ``--set`` options."""

    group: str
    title: str
    profile: str
    command: str
    files: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    fills: str = ""
    keep_states: bool = False
    processes: int = 1
    """Processes that it starts: a backtest without a book runs the research variant beside the strict one."""

    def arguments(self, folder: str) -> list[str]:
        """Arguments of flashcrash, files below ``folder``."""
        paths = [f"{folder}/{name}" for name in self.files]
        if self.command == "run" and paths:
            paths = ["--feed", "replay", *[part for path in paths for part in ("--tape", path)]]
        options = ["--profile", self.profile, *[part for text in self.settings for part in ("--set", text)]]
        if self.fills:
            options += ["--fills", self.fills]
        return [self.command, *paths, *options]

    @property
    def shown(self) -> str:
        """The command as a reader types it."""
        words = [f"'{word}'" if any(c in word for c in '"[ ') else word for word in self.arguments("$FLASHCRASH_DATA")]
        return " ".join(["flashcrash", *words])


@frozen
class Outcome:
    """A run and the report that it printed; ``states`` are the rows of its states.csv, if kept."""

    run: Run
    report: dict[str, Any]
    states: tuple[dict[str, str], ...] = field(default=())


def first_runs() -> list[Run]:
    """Every profile on every input."""
    runs = []
    for profile in PROFILES:
        runs.append(Run("pol", "POLUSDT 2025-10-10", profile, "backtest", (POL,), keep_states=True, processes=2))
        runs.append(Run("spot", "BTCUSDT spot 2024-08-08/09", profile, "run", SPOT))
        runs.append(Run("usdm", "BTCUSDT USD-M 2024-08-08", profile, "detect", (USDM,)))
        runs.append(Run("atom", "ATOMUSDT sweep 2025-10-10", profile, "detect", (ATOM,)))
        runs += [
            Run("sim", f"SYNTHETIC simulated market, seed {seed}", profile, "run", settings=(f"run.seed={seed}",)) for seed in SEEDS
        ]
    return runs


def sensitivity_runs(profiles: Iterable[str]) -> list[Run]:
    """Fill model, latency and fees, for the research variant and for the loosened one, on POLUSDT."""
    cheap = ("fees.maker_bps=2", "fees.taker_bps=2")
    cases = (
        ("M0: touch = fill, an UPPER BOUND, never a result", (), "M0"),
        ("M1, latency x1, fees 10/10 bp", (), "M1"),
        ("M1, latency x2, fees 10/10 bp", ("executor.latency_factor=2",), "M1"),
        ("M1, latency x1, fees 2/2 bp", cheap, "M1"),
        ("M1, latency x2, fees 2/2 bp", (*cheap, "executor.latency_factor=2"), "M1"),
    )
    return [
        Run(group, title, profile, "backtest", (POL,), (*base, *more), fills)
        for profile in profiles
        for group, base in (("research", RENORMALISED), ("loosened", LOOSENED))
        for title, more, fills in cases
    ]


def run_all(runs: Sequence[Run], folder: Path, scratch: Path) -> list[Outcome]:
    """Run them with two processes at most; outcomes in the order of ``runs``. Raises SystemExit when a command fails."""
    alone = [run for run in runs if run.processes > 1]
    shared = [run for run in runs if run.processes == 1]
    done = {id(run): _run(run, folder, scratch) for run in alone}
    with ThreadPoolExecutor(max_workers=2) as pool:
        for run, outcome in zip(shared, pool.map(lambda run: _run(run, folder, scratch), shared), strict=True):
            done[id(run)] = outcome
    return [done[id(run)] for run in runs]


def _run(run: Run, folder: Path, scratch: Path) -> Outcome:
    # A directory of its own: a fresh database, and no config/flashcrash.toml of the project that would change the figures.
    place = Path(tempfile.mkdtemp(dir=scratch))
    command = [sys.executable, "-m", "flashcrash_core", *run.arguments(str(folder)), "--json"]
    if run.keep_states:
        command += ["--out", "out"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FLASHCRASH__")}
    print(f"  {run.shown}", file=sys.stderr, flush=True)
    done = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    if done.returncode:
        raise SystemExit(
            f"{run.shown}\nended with exit code {done.returncode}; docs/results.md was not written:\n{done.stderr.strip()}"
        )
    states: tuple[dict[str, str], ...] = ()
    if run.keep_states:
        with (place / "out" / "states.csv").open(newline="") as file:
            states = tuple(csv.DictReader(file))
    return Outcome(run, json.loads(done.stdout, parse_float=Decimal), states)
