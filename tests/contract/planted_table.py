"""``make faults``: print the table of checks, the fault planted for each, and whether that check alone caught it.

Each planted plugin goes through the whole battery of its kind. Exit code 1 when a fault was not caught by its check alone.
"""

import os
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from contract.planted import caught_by, failures, fault_of, outcomes, planted_faults

from flashcrash_core.registry import KINDS


def tried(kind: str, path: Path) -> list[str]:
    """The checks that failed on the planted plugin."""
    return list(failures(outcomes(path, kind)))


def main() -> int:
    """Print the table; returns the exit code."""
    planted = [(kind, path) for kind in KINDS for path in planted_faults(kind)]
    missed = 0
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        running = [pool.submit(tried, kind, path) for kind, path in planted]
        sys.stdout.write(f"{'kind':10} {'check':34} {'caught':26} planted fault\n")
        for (kind, path), future in zip(planted, running, strict=True):
            failed, wanted = future.result(), caught_by(path)
            verdict = (
                "yes, by it alone" if failed == [wanted] else "NO" if wanted not in failed else f"{len(failed) - 1} others too"
            )
            missed += failed != [wanted]
            sys.stdout.write(f"{kind:10} {wanted:34} {verdict:26} {path.stem}: {fault_of(path)}\n")
            sys.stdout.flush()
    checks = {(kind, caught_by(path)) for kind, path in planted}
    sys.stdout.write(f"{len(planted)} planted faults over {len(checks)} checks, {missed} not caught by their check alone\n")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
