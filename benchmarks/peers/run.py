"""flashcrash against hftbacktest and NautilusTrader: the same synthetic day, one table of ratios.

    python benchmarks/peers/run.py [--work DIR] [--rounds 3] [--growth] [--results]

Makes the day (SYNTHETIC) and the peers' environments once under the work folder, measures every engine in a process of its own, in
turns, and compares the best rounds. What is compared is the same work: the mid of every row and the state changes of the simple
rule (simple_rule.py) must be equal, or the engine gets no ratio and the exit code is 1. An event is one trade or one whole book
message, however many levels it changes.
"""

import argparse
import os
import platform
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import attrs
from attrs import define, field
from cost_growth import growth
from kept_section import replaced_section
from make_day import DayFiles, add_plan_options, plans_of, written
from peer_environments import PeerUnavailable, environment, hftbacktest, nautilus
from peer_runs import Engines, PartFailed
from peer_table import Measured, best, machine, main_table, markdown, ratio_table
from synthetic_day import DayPlan

__all__ = ["Report", "disagreements", "main"]

HEADING: Final = "# Against other engines"
PARTS: Final = ("hft", "nautilus", "stream", "cold", "warm")
RESULTS: Final = Path(__file__).resolve().parents[1] / "RESULTS.md"
_SMALL: Final = DayPlan(trades=30_000, books=30_000, span_s=1_800.0, awake=0.01, seed=2)


@define
class Report:
    """Lines for the screen at once, and for the page at the end."""

    lines: list[str] = field(factory=list)

    def say(self, text: str = "") -> None:
        """Print and keep."""
        print(text, flush=True)
        self.lines.append(text)


def default_work() -> Path:
    """A folder kept between runs in the user's cache directory."""
    base = os.environ.get("XDG_CACHE_HOME") or (Path.home() / ("Library/Caches" if sys.platform == "darwin" else ".cache"))
    return Path(base) / "flashcrash-bench-peers"


def disagreements(ours: dict[str, Any], theirs: dict[str, dict[str, Any]]) -> list[str]:
    """How the simple rule came out differently, one line each; ``ours`` holds the outcome for each engine's stretch of the day."""
    problems = []
    for name, other in theirs.items():
        for what in ("rows", "state_changes", "digest"):
            if ours[name][what] != other[what]:
                problems.append(f"{name}: {what} {other[what]}, flashcrash {ours[name][what]}")
                break
    return problems


def available(engines: Engines, options: argparse.Namespace, report: Report) -> tuple[Engines, list[str]]:
    """The engines with the peers' environments, and the parts that can be run."""
    parts = [part for part in PARTS if part in options.parts.split(",")]
    for part, peer_of in (("hft", hftbacktest), ("nautilus", lambda: nautilus(options.nautilus_python))):
        if part not in parts:
            continue
        try:
            peer = peer_of()
            python = environment(peer, options.work)
        except PeerUnavailable as error:
            report.say(f"{part} is left out: {error}")
            parts.remove(part)
            continue
        engines = attrs.evolve(engines, **{f"{part}_python": python})
        if peer.note:
            report.say(peer.note)
    return engines, parts


def measure(engines: Engines, day: DayFiles, parts: list[str], options: argparse.Namespace, report: Report) -> dict[str, list[Any]]:
    """All rounds of all parts, in turns. A part that fails is said and left out."""
    runs: dict[str, Callable[[], dict[str, Any]]] = {
        "hft": lambda: engines.hft(day),
        "nautilus": lambda: engines.nautilus(day, options.nautilus_share),
        "stream": lambda: engines.flashcrash("stream", day.tape, duration=options.stream_share * options.span),
        "cold": lambda: engines.flashcrash("cold", day.tape),
        "warm": lambda: engines.flashcrash("warm", day.tape),
    }
    measured: dict[str, list[Any]] = {}
    for number in range(options.rounds):
        for part in list(parts):
            try:
                measured.setdefault(part, []).append(runs[part]())
            except PartFailed as error:
                report.say(f"{part} failed and is left out: {error}")
                parts.remove(part)
                measured.pop(part, None)
        print(f"round {number + 1} of {options.rounds} done", file=sys.stderr, flush=True)
    return measured


def agreed(engines: Engines, day: DayFiles, measured: dict[str, list[Any]], report: Report) -> bool:
    """Hold the simple rule of the peers against ours, on the feature rows of the live accumulators; drop who differs."""
    theirs = {name: measured[name][0] for name in ("hft", "nautilus") if name in measured}
    if not theirs:
        return True
    prefix = theirs["nautilus"]["rows"] if "nautilus" in theirs else 0
    ours = engines.flashcrash("rule", day.tape, prefix=prefix)
    problems = disagreements({"hft": ours, "nautilus": ours["prefix"]}, theirs)
    for problem in problems:
        report.say(f"DISAGREES, so no ratio is given: {problem}")
        measured.pop(problem.split(":")[0])
    for name in measured.keys() & theirs.keys():
        mine = ours if name == "hft" else ours["prefix"]
        report.say(
            f"{name} and flashcrash agree: {mine['state_changes']} state changes of the simple rule in {mine['rows']:,} rows, and "
            f"the same mid at every row (digest {mine['digest']})."
        )
    return not problems


def rows_of(measured: dict[str, list[Any]], options: argparse.Namespace) -> Iterator[Measured]:
    """The table's rows, in its order."""
    events = options.trades + options.books
    for part in ("cold", "warm", "stream", "hft", "nautilus"):
        if part not in measured:
            continue
        rounds = measured[part]
        count = events if part in ("hft", "cold", "warm") else rounds[0]["events"]
        note = ""
        if part in ("cold", "warm"):
            stepped = rounds[0]["stepped_events"]
            note = f"{rounds[0]['awake_share']:.3%} awake" + ("" if stepped is None else f", {stepped / count:.4%} stepped")
        elif count != events:
            note = f"first {count / events:.1%} of the day"
        yield best(part, rounds, count, note=note)
        if part == "hft":
            yield best("hft_file", rounds, count, with_load=True)


def versions(measured: dict[str, list[Any]]) -> str:
    """Versions of everything that ran."""
    ours = []
    for name in ("flashcrash", "numpy", "numba"):
        try:
            ours.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            ours.append(f"no {name}")
    names = {"hft": "hftbacktest", "nautilus": "NautilusTrader"}
    peers = [f"{names[p]} {measured[p][0]['version']} (Python {measured[p][0]['python']})" for p in names if p in measured]
    return f"Python {platform.python_version()}, {', '.join(ours + peers)}"


def parsed() -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=default_work(), help="environments and data, kept (3 GB, with --growth 6 GB)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--parts", default=",".join(PARTS), help="which of " + ",".join(PARTS))
    parser.add_argument("--nautilus-share", type=float, default=0.05, help="share of the day's events for NautilusTrader")
    parser.add_argument("--nautilus-python", default=sys.executable, help="a Python for NautilusTrader (1.231.0 needs 3.12)")
    parser.add_argument("--stream-share", type=float, default=0.05, help="share of the day's time for the streaming engine")
    parser.add_argument("--growth", action="store_true", help="also: 1 to 8 days, 1 and 2 workers, 0.01 %% to 10 %% awake")
    parser.add_argument("--results", action="store_true", help=f"write benchmarks/{RESULTS.name}")
    add_plan_options(parser)
    return parser.parse_args()


def main() -> int:
    """Run it; exit code 1 when an engine disagrees or a part failed."""
    options = parsed()
    report = Report()
    options.work.mkdir(parents=True, exist_ok=True)
    (plan,) = plans_of(options)
    day = written(plan, options.work / "main")
    engines = Engines(options.work, written(_SMALL, options.work / "small"))
    report.say(
        f"Data: SYNTHETIC, {plan.trades:,} trades and {plan.books:,} top-20 book messages of {day.levels_per_message:.2f} changed "
        f"levels on average over {plan.span_s:,.0f} s, {plan.awake:.2%} of it in crash-like waves, seed {plan.seed}."
    )
    engines, parts = available(engines, options, report)
    asked = list(parts)
    measured = measure(engines, day, parts, options, report)
    complete = parts == asked
    same = agreed(engines, day, measured, report)
    report.say(f"Machine: {machine()}; load {os.getloadavg()[0]:.1f} at the end.")
    report.say(f"Versions: {versions(measured)}.")
    report.say(f"Best of {options.rounds} rounds in turns, one process each, the worst in brackets; compiling is in no number.")
    rows = list(rows_of(measured, options))
    for table in (main_table(rows), ratio_table(rows)):
        if len(table) > 1:
            report.say()
            report.say(markdown(table))
    if options.growth:
        try:
            for title, table in growth(engines, options, options.work / "growth"):
                report.say(f"\n### {title}\n\n{markdown(table)}")
        except PartFailed as error:
            report.say(f"\ncost growth was not measured: {error}")
            complete = False
    if options.results:
        RESULTS.write_text(replaced_section(RESULTS.read_text(encoding="utf-8"), HEADING, page(report)), encoding="utf-8")
    return 0 if complete and same else 1


def page(report: Report) -> str:
    """Its part of ``benchmarks/RESULTS.md``."""
    head = (
        f"{HEADING}\n\nWritten by `make bench-peers-results`; how it is measured: `benchmarks/peers/`. Ratios of one "
        "run on one machine, not promises about others.\n"
    )
    text = "\n".join(line if line.startswith("|") or not line else f"{line}\n" for line in report.lines)
    return f"{head}\n{text.strip()}\n"


if __name__ == "__main__":
    sys.exit(main())
