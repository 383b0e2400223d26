"""Write a seeded SYNTHETIC day: a tape, hftbacktest's events and plain arrays.

    python benchmarks/peers/make_day.py OUT [--trades 2000000] [--books 2000000] [--days 1] [--awake 0.0001] [--seed 1]

Each day lies in ``OUT/day-N``: ``arrays.npz``, ``hftbacktest.npz`` and ``tape/SYNUSDT/DATE``. What is there already is kept.
"""

import argparse
import hashlib
import json
from pathlib import Path

import attrs
from attrs import frozen
from day_files import write_arrays, write_hft, write_tape_of
from synthetic_day import DayPlan, make_day

__all__ = ["DayFiles", "add_plan_options", "plans_of", "written"]


@frozen
class DayFiles:
    """Where the files of a day are."""

    plan: DayPlan
    arrays: Path
    hft: Path
    tape: Path
    levels_per_message: float


def written(plan: DayPlan, out: Path, *, peers: bool = True) -> DayFiles:
    """The day's files below ``out``, made unless they are there; without the peers' ones if ``peers`` is False."""
    folder = out / f"day-{plan.day}"
    note = folder / "plan.json"
    wanted = attrs.asdict(plan) | {"peers": peers, "made_by": _source()}
    known = json.loads(note.read_text()) if note.exists() else {}
    if not all(known.get(name) == value or (name == "peers" and known.get(name)) for name, value in wanted.items()):
        folder.mkdir(parents=True, exist_ok=True)
        note.unlink(missing_ok=True)
        day = make_day(plan)
        tape = write_tape_of(day, folder / "tape")
        if peers:
            write_arrays(day, folder / "arrays.npz")
            write_hft(day, folder / "hftbacktest.npz")
        found = {"levels_per_message": day.levels_per_message, "tape": str(tape.relative_to(folder))}
        known = wanted | found
        note.write_text(json.dumps(known))
    tape = folder / known["tape"]
    return DayFiles(plan, folder / "arrays.npz", folder / "hftbacktest.npz", tape, known["levels_per_message"])


def _source() -> str:
    """Hash of the generator's source: a day that another version of it made is made again."""
    here = Path(__file__).resolve().parent
    return hashlib.sha256(b"".join((here / name).read_bytes() for name in ("synthetic_day.py", "day_files.py"))).hexdigest()[:16]


def add_plan_options(parser: argparse.ArgumentParser) -> None:
    """The options that describe a day."""
    parser.add_argument("--trades", type=int, default=2_000_000, help="trades a day")
    parser.add_argument("--books", type=int, default=2_000_000, help="book messages a day")
    parser.add_argument("--span", type=float, default=86_400.0, help="seconds that a day covers")
    parser.add_argument("--awake", type=float, default=0.0001, help="share of the time in crash-like waves (0 to 0.2)")
    parser.add_argument("--changes", type=float, default=3.0, help="mean number of quantities that a message sets")
    parser.add_argument("--seed", type=int, default=1)


def plans_of(options: argparse.Namespace, days: int = 1, **changed: float) -> list[DayPlan]:
    """Plans of so many days in a row."""
    named = {"trades": options.trades, "books": options.books, "span_s": options.span, "awake": options.awake}
    named |= {"changes": options.changes, "seed": options.seed} | changed
    return [DayPlan(**named, day=day) for day in range(days)]


def main() -> None:
    """Write the days and say what is in them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--days", type=int, default=1)
    add_plan_options(parser)
    options = parser.parse_args()
    for plan in plans_of(options, options.days):
        files = written(plan, options.out)
        print(
            f"{files.tape}: SYNTHETIC, {plan.trades:,} trades, {plan.books:,} book messages of {files.levels_per_message:.2f} "
            f"levels on average, {plan.awake:.2%} of {plan.span_s:,.0f} s in crash-like waves"
        )


if __name__ == "__main__":
    main()
