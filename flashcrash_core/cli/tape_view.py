"""How the documents of ``flashcrash tape`` are printed for a person."""

from typing import Any

import typer

from flashcrash_core.cli.options import print_rows, warn

__all__ = ["show_import"]


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
