"""The benchmark's tables: best of the rounds, ratios between engines, as Markdown."""

import os
import platform
from collections.abc import Mapping, Sequence
from typing import Any, Final

from attrs import frozen

__all__ = ["Measured", "best", "growth_table", "machine", "main_table", "markdown", "ratio_table"]

Result = Mapping[str, Any]

LABELS: Final = {
    "cold": "flashcrash, batch, cold from tape",
    "warm": "flashcrash, batch, other thresholds on cached readings",
    "stream": "flashcrash, streaming",
    "hft": "hftbacktest, events in memory",
    "hft_file": "hftbacktest, from its file",
    "nautilus": "NautilusTrader, objects in memory",
}


@frozen
class Measured:
    """One row: events (trades and whole book messages) through an engine. ``seconds`` is the best round."""

    part: str
    events: int
    seconds: float
    slowest_s: float
    load_s: float | None
    peak_mb: float
    note: str = ""

    @property
    def rate(self) -> float:
        """Events a second."""
        return self.events / self.seconds


def best(part: str, rounds: Sequence[Result], events: int, *, with_load: bool = False, note: str = "") -> Measured:
    """The best round. ``with_load`` counts loading as part of the work."""
    seconds = [one["seconds"] + (one["load_s"] if with_load else 0.0) for one in rounds]
    load_s = None if with_load else min(one["load_s"] for one in rounds) or None
    return Measured(part, events, min(seconds), max(seconds), load_s, max(one["peak_mb"] for one in rounds), note)


def main_table(rows: Sequence[Measured]) -> list[list[str]]:
    """Rate, load time and memory of each, and its rate over that of the peers."""
    by_part = {row.part: row for row in rows}
    table = [["engine", "events", "s (worst)", "events/s", "/ hftbacktest", "/ Nautilus", "load s", "peak MB", ""]]
    for row in rows:
        ratios = [_times(row.rate, by_part[peer].rate) if peer in by_part else "" for peer in ("hft", "nautilus")]
        load = "in it" if row.load_s is None else f"{row.load_s:.2f}"
        spent = f"{row.seconds:.3f} ({row.slowest_s:.3f})"
        table.append(
            [LABELS[row.part], f"{row.events:,}", spent, f"{row.rate:,.0f}", *ratios, load, f"{row.peak_mb:,.0f}", row.note]
        )
    return table


def ratio_table(rows: Sequence[Measured]) -> list[list[str]]:
    """What was asked for, what came out."""
    found = {row.part: row for row in rows}
    table = [["ratio", "asked", "measured"]]
    for name, over, under, asked in (
        ("cold from tape / hftbacktest in memory", "cold", "hft", 2.0),
        ("cold from tape / hftbacktest from its file", "cold", "hft_file", 2.0),
        ("other thresholds, cached / hftbacktest in memory", "warm", "hft", 50.0),
        ("cold from tape / NautilusTrader", "cold", "nautilus", 100.0),
        ("streaming / NautilusTrader", "stream", "nautilus", None),
    ):
        if over in found and under in found:
            table.append([name, "" if asked is None else f">= {asked:g}x", _times(found[over].rate, found[under].rate)])
    if "cold" in found and "hft" in found:
        share = found["cold"].peak_mb / found["hft"].peak_mb
        table.append(["peak memory, cold from tape / hftbacktest", "<= 1", f"{share:.2f}"])
    return table


def growth_table(rows: Sequence[tuple[str, Result]], events: Sequence[int]) -> list[list[str]]:
    """Cost of flashcrash's batch engine by days, workers or share of time awake."""
    table = [["run", "events", "s", "events/s", "awake", "stepped", "peak MB"]]
    for (name, one), count in zip(rows, events, strict=True):
        stepped = one.get("stepped_events")
        table.append(
            [
                name, f"{count:,}", f"{one['seconds']:.3f}", f"{count / one['seconds']:,.0f}", f"{one['awake_share']:.3%}",
                "" if stepped is None else f"{stepped / count:.4%}", f"{one['peak_mb']:,.0f}",
            ]
        )  # fmt: skip
    return table


def machine() -> str:
    """The machine, without its name."""
    model = ""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            model = next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), "")
        pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
        memory = f", {pages * size / 2**30:.0f} GiB"
    except (OSError, ValueError):
        memory = ""
    return f"{model or platform.machine()}, {os.cpu_count()} cores{memory}, {platform.system()} {platform.machine()}"


def markdown(table: Sequence[Sequence[str]]) -> str:
    """A table, padded so that it reads as plain text too."""
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in table]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def _times(rate: float, other: float) -> str:
    ratio = rate / other
    return f"{ratio:.2f}x" if ratio < 10 else f"{ratio:,.0f}x"
