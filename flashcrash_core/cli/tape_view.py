"""How the documents of ``flashcrash tape`` are printed for a person."""

from datetime import UTC, datetime
from typing import Any

import typer

from flashcrash_core.cli.options import print_rows, warn

__all__ = ["show_import", "show_info", "show_verification"]


def show_import(document: dict[str, Any]) -> None:
    """The tapes that were written, and what was found on the way."""
    rows = [
        (
            tape["path"],
            tape["outcome"],
            tape["data_tier"],
            f"{tape['rows']['events']:,}",
            f"{tape['rows']['trades']:,}",
            f"{tape['rows']['books']:,}",
            tape["hash"][:16],
        )
        for tape in document["tapes"]
    ]
    print_rows(("tape", "outcome", "grade", "events", "trades", "books", "hash"), rows)
    verified = sum(1 for source in document["sources"] if source["checksum"] == "verified")
    files = len(document["sources"])
    typer.echo(f"{document['events']:,} events from {files} file{'s' if files != 1 else ''}, {verified} with a verified checksum")
    warn(document["warnings"])


def show_info(document: dict[str, Any]) -> None:
    """What a tape holds."""
    instrument, rows, supports = document["instrument"], document["rows"], document["supports"]
    book = document["book"]
    counted = ", ".join(f"{rows[table]:,} {table}" for table in ("trades", "quotes", "books", "levels", "notes") if rows[table])
    lines = [
        ("tape", f"{document['tape']} ({instrument['kind']}: {document['symbol']}, {document['day']})"),
        ("hash", document["hash"]),
        ("grade", document["grade"] + (", invented book" if document["synthetic_book"] else "")),
        (
            "grid",
            f"tick {instrument['tick_size']}, lot {instrument['lot_size']}" + (" (inferred)" if instrument["inferred"] else ""),
        ),
        ("events", f"{rows['events']:,}: {counted}; {document['bytes'] / 1e6:,.1f} MB"),
        (
            "span",
            f"{_moment(document['first_exchange_us'])} to {_moment(document['last_exchange_us'])}, {document['span_s']:,.1f} s",
        ),
        ("price", f"{document['low']} to {document['high']}, volume {document['volume']}" if document["low"] else "no trades"),
        ("peak", f"{document['peak_messages_per_s']:,} messages in the second from {_moment(document['peak_at_us'])}"),
        (
            "silences",
            ", ".join(f"{one['seconds']:,.1f} s from {_moment(one['from_us'])}" for one in document["silences"][:3]) or "none",
        ),
        ("trade ids", f"{document['trade_ids']['missing']:,} missing in {document['trade_ids']['jumps']:,} jumps"),
    ]
    if book is not None:
        lines.append(
            (
                "book",
                f"{book['snapshots']:,} snapshots, {book['updates']:,} updates, {book['gaps']:,} gaps, "
                f"{book['unsynced_s']:,.1f} s unusable",
            )
        )
    lines += [
        (
            f"worst {fall['window_s']} s",
            f"-{fall['percent']:.2f} %: {fall['from_price']} to {fall['to_price']} at {_moment(fall['at_us'])}",
        )
        for fall in document["drawdowns"]
    ]
    lines.append(("indicators", ", ".join(supports["indicators"]) or "none"))
    lines += [("", f"not {name}: {reason}") for name, reason in supports["missing"].items()]
    lines.append(("fill models", ", ".join(supports["fill_models"])))
    enough = f"{supports['usable_s']:,.0f} s after it" if supports["warms_up"] else "longer than the tape: nothing can be detected"
    lines.append(("warm-up", f"{supports['warm_up_s']:g} s, {enough}"))
    for source in document["sources"]:
        lines.append(("source", f"{source['name']} ({source['feed']}, {source['bytes']:,} bytes, checksum {source['checksum']})"))
    for mark in document["marks"]:
        place = f" from {_moment(mark['first_us'])}" if mark["first_us"] else ""
        lines.append(("mark", f"{mark['what']}: {mark['count']:,}{place}" + (f" ({mark['detail']})" if mark["detail"] else "")))
    for name, text in lines:
        typer.echo(f"{name:<12} {text}".rstrip())
    warn(document["warnings"])


def show_verification(document: dict[str, Any]) -> None:
    """What was proved; problems are told as errors."""
    if document["ok"]:
        typer.echo(
            f"{document['tape']}: {document['columns']} columns, {document['events']:,} events are what the manifest says\n"
            f"hash {document['hash']}"
        )
    for finding in document["findings"]:
        row = "" if finding["row"] is None else f" (first: {finding['file']}, row {finding['row']})"
        typer.echo(f"marked: {finding['what']}, {finding['found']:,}{row}" if finding["told"] else f"not marked: {finding['what']}")


def _moment(time_us: int | None) -> str:
    """Time of day to the millisecond, UTC."""
    if not time_us:
        return "unknown"
    return datetime.fromtimestamp(time_us / 1e6, UTC).strftime("%H:%M:%S.%f")[:-3]
