"""Plugin ``binance_archive``: ``flashcrash tape fetch`` downloads the files of Binance's public archive with their checksums."""

import json as json_text
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from flashcrash_binance.archive import DEFAULT_BASE, ArchiveKind, ArchiveMarket
from flashcrash_core.api import PluginInfo, hookimpl

if TYPE_CHECKING:
    from flashcrash_binance.download import Fetched

__all__ = ["fetch", "flashcrash_commands", "flashcrash_plugin"]

flashcrash_plugin = PluginInfo(
    api=1, summary="The command `tape fetch`: Binance's public archive of trades and klines, with checksums."
)

_UNVERIFIED: Final = "{name}: the server has no checksum for it; its own SHA-256 was recorded"


def fetch(
    symbol: Annotated[str, typer.Argument(help="Symbol, as in BTCUSDT.")],
    first: Annotated[str, typer.Argument(metavar="FROM", help="First day (2025-10-10), or a whole month (2025-10).")],
    last: Annotated[str, typer.Argument(metavar="TO", help="Last day or month, included.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the files.")],
    kind: Annotated[ArchiveKind, typer.Option("--kind", help="What to fetch; klines are those of 1 s.")] = ArchiveKind.AGG_TRADES,
    market: Annotated[ArchiveMarket, typer.Option("--market", help="Spot, or USD-M futures.")] = ArchiveMarket.SPOT,
    base: Annotated[str, typer.Option("--base", metavar="URL", help="Address of the archive or of a mirror of it.")] = DEFAULT_BASE,
    attempts: Annotated[int, typer.Option("--attempts", min=1, max=20, help="Tries per file while the server is not able.")] = 5,
    json: Annotated[bool, typer.Option("--json", help="Print exactly one JSON document on standard output.")] = False,
) -> None:
    """Download Binance's public files of some days, verified. What is there already and right is kept."""
    from flashcrash_binance.archive import base_address, days_asked, plan
    from flashcrash_binance.download import Downloader, fetch_all

    begin, end = days_asked(first, last)
    files = plan(symbol.upper(), begin, end, kind, market)
    downloader = Downloader(base_address(base), attempts)
    done = fetch_all(files, out, downloader, tell=(lambda _: None) if json else _print)
    document = _document(done, downloader.base)
    if json:
        sys.stdout.write(json_text.dumps(document, indent=2) + "\n")
        return
    for warning in document["warnings"]:
        sys.stderr.write(f"warning: {warning}\n")


def _document(done: "list[Fetched]", base: str) -> dict[str, Any]:
    from flashcrash_binance.download import Outcome

    held = [one for one in done if one.path is not None]
    missing = [one.archive.first.isoformat() for one in done if one.outcome is Outcome.MISSING]
    warnings = [_UNVERIFIED.format(name=one.archive.name) for one in held if not one.verified]
    if missing:
        warnings.append(f"{len(missing)} days are not in the archive: {', '.join(missing)}")
    return {
        "schema": 1,
        "base": base,
        "files": [
            {
                "path": str(one.path),
                "url": one.url,
                "outcome": str(one.outcome),
                "sha256": one.sha256,
                "verified": one.verified,
                "bytes": one.size_bytes,
                "first_day": one.archive.first.isoformat(),
                "last_day": one.archive.last.isoformat(),
            }
            for one in held
        ],
        "missing": missing,
        "warnings": warnings,
    }


def _print(one: "Fetched") -> None:
    size = f"{one.size_bytes:>13,} bytes  sha256 {one.sha256}" if one.path else ""
    sys.stdout.write(f"{one.outcome:<10}  {one.archive.name}  {size}".rstrip() + "\n")
    sys.stdout.flush()


@hookimpl
def flashcrash_commands() -> list[tuple[str, Any]]:
    """The command ``tape fetch``."""
    return [("tape fetch", fetch)]
