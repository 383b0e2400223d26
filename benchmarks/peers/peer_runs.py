"""Running one engine's script in its own process and Python, and reading what it measured."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from attrs import frozen
from make_day import DayFiles

__all__ = ["Engines", "PartFailed"]

_HERE: Final = Path(__file__).resolve().parent
_THREADS: Final = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "POLARS_MAX_THREADS", "RAYON_NUM_THREADS")


class PartFailed(Exception):
    """A script ended with an error; its last words."""


@frozen
class Engines:
    """The three engines, each ready to be run over a day."""

    work: Path
    small: DayFiles
    """A short day to compile on."""
    hft_python: Path | None = None
    nautilus_python: Path | None = None

    def hft(self, day: DayFiles) -> dict[str, Any]:
        """hftbacktest."""
        return _run(self.hft_python, "hft_peer.py", day.hft, self.small.hft)

    def nautilus(self, day: DayFiles, share: float) -> dict[str, Any]:
        """NautilusTrader over a share of the day."""
        return _run(self.nautilus_python, "nautilus_peer.py", day.arrays, "--share", share)

    def flashcrash(self, part: str, *tapes: Path, **options: float) -> dict[str, Any]:
        """flashcrash: ``stream``, ``cold``, ``warm``, ``folder`` or ``rule``."""
        named = [word for name, value in options.items() for word in (f"--{name}", value)]
        arguments = (part, *tapes, "--cache", self.work / "cache", "--small", self.small.tape, *named)
        return _run(Path(sys.executable), "flashcrash_peer.py", *arguments)


def _run(python: Path | None, script: str, *arguments: object) -> dict[str, Any]:
    if python is None:
        raise PartFailed(f"{script}: its environment is missing")
    command = [str(python), str(_HERE / script), *map(str, arguments)]
    # One process is compared with one process: hidden thread pools would blur it. Extra workers are asked for by name.
    environment = os.environ | dict.fromkeys(_THREADS, "1") | {"PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}").splitlines()[-1]
        raise PartFailed(f"{script} {arguments[0] if script.startswith('flashcrash') else ''}: {last}")
    measured: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return measured
