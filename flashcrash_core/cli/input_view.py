"""How ``flashcrash tape info`` shows recordings and other files to a person."""

from datetime import UTC, datetime
from typing import Any

import typer

from flashcrash_core.cli.options import warn

__all__ = ["show_input"]

_OF_THE_FEED = ("Timer", "FeedGap", "Rejected")


def show_input(document: dict[str, Any]) -> None:
    """Files, and of each symbol what was received."""
    files = document["files"]
    unfinished = sum(not file["complete"] for file in files)
    lines = [
        ("input", document["description"]),
        ("feed", f"{document['feed']}, grade {document['grade']}"),
        ("files", f"{len(files):,} of {document['bytes'] / 1e6:,.1f} MB" + (f", {unfinished} not finished" if unfinished else "")),
    ]
    for one in document["symbols"]:
        lines += _of_symbol(one)
    for name, text in lines:
        typer.echo(f"{name:<12} {text}".rstrip())
    warn(document["warnings"])


def _of_symbol(one: dict[str, Any]) -> list[tuple[str, str]]:
    instrument, book, silence = one["instrument"], one["book"], one["longest_silence"]
    told = ", ".join(f"{count:,} {kind}" for kind, count in one["kinds"].items() if kind not in _OF_THE_FEED)
    lines = [
        ("symbol", f"{one['symbol']} ({instrument['kind']})"),
        (
            "grid",
            f"tick {instrument['tick_size']}, lot {instrument['lot_size']}" + (" (inferred)" if instrument["inferred"] else ""),
        ),
        ("events", f"{one['events']:,}: {told}"),
        ("received", f"{_moment(one['first_receive_us'])} to {_moment(one['last_receive_us'])}, {one['span_s']:,.1f} s"),
        ("silence", "none of a second" if silence is None else f"{silence['seconds']:,.1f} s from {_moment(silence['from_us'])}"),
        ("gaps", ", ".join(f"{count:,} {reason}" for reason, count in one["gaps"].items()) or "none told by the feed"),
        ("refused", ", ".join(f"{count:,} {reason}" for reason, count in one["rejected"].items()) or "nothing"),
    ]
    if book is not None:
        end = f"id {book['update_id']} at the end" if book["usable_at_end"] else "not usable at the end"
        lines.append(
            (
                "book",
                f"{book['snapshots']:,} snapshots, {book['updates']:,} updates, {book['gaps']:,} gaps, "
                f"{book['unsynced_s']:,.1f} s unusable, {end}",
            )
        )
    lines.append(("price", f"{one['low']} to {one['high']}" if one["low"] else "no trades"))
    return lines


def _moment(time_us: int | None) -> str:
    """Day and time to the millisecond, UTC."""
    if not time_us:
        return "unknown"
    return datetime.fromtimestamp(time_us / 1e6, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
