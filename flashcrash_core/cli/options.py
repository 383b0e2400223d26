"""Options that several commands share, and how commands print. Imports nothing heavy: ``--help`` reads this."""

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

__all__ = ["ConfigOption", "JsonOption", "PluginsOption", "ProfileOption", "SetOption", "print_json", "print_rows", "warn"]

ProfileOption = Annotated[str | None, typer.Option("--profile", metavar="NAME", help="Shipped profile: robust or seed.")]
ConfigOption = Annotated[Path | None, typer.Option("--config", metavar="FILE", help="A TOML file on top of the project's own.")]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Set one key, as in run.seed=7. May be repeated.")
]
PluginsOption = Annotated[
    str | None,
    typer.Option("--plugins", metavar="LIST", help="Names, pkg.mod[:attr], ./file.py, no:name; + or no: first edits the default."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print exactly one JSON document on standard output.")]


def print_json(document: Any) -> None:
    """The one JSON document of a command."""
    sys.stdout.write(json.dumps(document, ensure_ascii=False, allow_nan=False, indent=2, default=str) + "\n")


def print_rows(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Left-aligned columns in plain text; the last one is not padded, so that long text wraps at the terminal."""
    table = [list(heads), *[[*map(str, row)] for row in rows]]
    widths = [max(len(row[column]) for row in table) for column in range(len(heads))]
    for row in table:
        cells = [cell.ljust(width) for cell, width in zip(row[:-1], widths, strict=False)]
        sys.stdout.write("  ".join([*cells, row[-1]]).rstrip() + "\n")


def warn(messages: Iterable[str]) -> None:
    """Warnings on standard error, one a line."""
    for message in messages:
        sys.stderr.write(f"warning: {message}\n")
