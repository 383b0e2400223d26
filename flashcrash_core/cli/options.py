"""Options that several commands share, and how commands print. Imports nothing heavy: ``--help`` reads this."""

import json
import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer

__all__ = [
    "ConfigOption",
    "JsonOption",
    "PluginsOption",
    "ProfileOption",
    "SafeModeOption",
    "SetOption",
    "print_json",
    "print_rows",
    "warn",
]

_NARROWEST: Final = 24
"""Columns below which text is no longer read with ease."""

ProfileOption = Annotated[str | None, typer.Option("--profile", metavar="NAME", help="Shipped profile: robust or seed.")]
ConfigOption = Annotated[Path | None, typer.Option("--config", metavar="FILE", help="A TOML file on top of the project's own.")]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Set one key, as in run.seed=7. May be repeated.")
]
PluginsOption = Annotated[
    str | None,
    typer.Option("--plugins", metavar="LIST", help="Names, pkg.mod[:attr], ./file.py, no:name; + or no: first edits the default."),
]
SafeModeOption = Annotated[bool, typer.Option("--safe-mode", help="Load first-party plugins only; others are left out.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print exactly one JSON document on standard output.")]


def print_json(document: Any) -> None:
    """The one JSON document of a command."""
    sys.stdout.write(json.dumps(document, ensure_ascii=False, allow_nan=False, indent=2, default=str) + "\n")


def print_rows(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Left-aligned columns in plain text. On a terminal the last one wraps at words; into a file or a pipe a row stays one line."""
    table = [list(heads), *[[*map(str, row)] for row in rows]]
    widths = [max(len(row[column]) for row in table) for column in range(len(heads))]
    width = shutil.get_terminal_size(fallback=(0, 0)).columns
    for row in table:
        cells = [cell.ljust(width) for cell, width in zip(row[:-1], widths, strict=False)]
        sys.stdout.write(_wrapped("  ".join([*cells, ""]), row[-1], width) + "\n")


def _wrapped(before: str, text: str, width: int) -> str:
    whole = (before + text).rstrip()
    if not 0 < width < len(whole):
        return whole
    if width - len(before) >= _NARROWEST:
        first, after = before, " " * len(before)
    else:  # too narrow beside the other columns: below them
        first, after = f"{before.rstrip()}\n    ", "    "
    lines = textwrap.wrap(text, width - len(after), break_long_words=False, break_on_hyphens=False)
    return first + f"\n{after}".join(lines)


def warn(messages: Iterable[str]) -> None:
    """Warnings on standard error, one a line."""
    for message in messages:
        sys.stderr.write(f"warning: {message}\n")
