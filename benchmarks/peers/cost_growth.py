"""How the cost of flashcrash's batch engine grows: by days, by workers, and by the share of time that is not calm."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from make_day import plans_of, written
from peer_runs import Engines
from peer_table import growth_table

__all__ = ["growth"]

DAYS: Final = (1, 2, 4, 8)
WORKERS: Final = (("1 worker, one CPU", 1, 1), ("1 worker", 1, 2), ("2 workers", 2, 2))
"""Name, workers, CPUs. A run uses two CPUs when it may: its indicators run beside the pass. What a second worker brings is told by
the one that had one CPU; what it brings to a machine of two by the other."""
AWAKE: Final = (0.0001, 0.001, 0.01, 0.1)


def growth(engines: Engines, options: argparse.Namespace, data: Path) -> Iterator[tuple[str, list[list[str]]]]:
    """Title and table of each series, as they are done. Best of the rounds."""
    folder = data / "days"
    days = [written(plan, folder, peers=False) for plan in plans_of(options, max(DAYS))]
    tapes = [day.tape for day in days]
    events = options.trades + options.books

    def measured(part: str, *these: Path, **named: float) -> dict[str, Any]:
        rounds = [engines.flashcrash(part, *these, **named) for _ in range(options.rounds)]
        return min(rounds, key=lambda one: one["seconds"])

    rows = [(f"{count} days, 1 worker", measured("cold", *tapes[:count])) for count in DAYS]
    yield "Days joined to one session", growth_table(rows, [events * count for count in DAYS])

    count = max(DAYS)
    rows = [(f"{count} days, {name}", measured("folder", folder, workers=workers, cpus=cpus)) for name, workers, cpus in WORKERS]
    yield "Workers, each day a run of its own", growth_table(rows, [events * count] * len(WORKERS))

    rows = []
    for awake in AWAKE:
        (plan,) = plans_of(options, awake=awake)
        tape = written(plan, data / f"awake-{awake:g}", peers=False).tape
        rows += [(f"{awake:.2%} of the time in waves, {part}", measured(part, tape)) for part in ("cold", "warm")]
    yield "Time awake", growth_table(rows, [events] * len(rows))
