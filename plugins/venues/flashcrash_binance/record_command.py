"""Plugin ``binance_recorder``: ``flashcrash tape record`` keeps a live market, to be replayed as it was heard."""

import json as json_text
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from flashcrash_core.api import PluginInfo, RecordingOptions, StorageError, hookimpl, record_market

__all__ = ["flashcrash_commands", "flashcrash_plugin", "record"]

flashcrash_plugin = PluginInfo(
    api=1, summary="The command `tape record`: live market data into files that replay as they were heard."
)


def record(
    symbols: Annotated[str, typer.Option("--symbols", metavar="LIST", help="Symbols to record, comma separated.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the recordings: DIR/SYMBOL/*.jsonl.gz.")],
    feed: Annotated[str, typer.Option("--feed", metavar="NAME", help="The live feed to record.")] = "binance",
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="One key, as in feeds.binance.market=usdm. Repeatable.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="A TOML file on top of the project's own.")
    ] = None,
    plugins: Annotated[
        str | None, typer.Option("--plugins", metavar="LIST", help="Plugins to load, as of `flashcrash run`.")
    ] = None,
    duration: Annotated[float | None, typer.Option("--duration", help="Stop after this many seconds.")] = None,
    rotate: Annotated[
        float, typer.Option("--rotate", min=1.0, max=86400.0, metavar="SECONDS", help="A new file at each multiple of this, UTC.")
    ] = 3600.0,
    max_bytes: Annotated[
        int | None, typer.Option("--max-bytes", min=1, metavar="N", help="What all files in DIR may have (default: no limit).")
    ] = None,
    min_free: Annotated[
        int, typer.Option("--min-free", min=0, metavar="N", help="Bytes that must stay free on the disk.")
    ] = 500_000_000,
    delete_oldest: Annotated[
        bool, typer.Option("--delete-oldest", help="Delete the oldest files where there is no room; without it recording ends.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print exactly one JSON document on standard output.")] = False,
) -> None:
    """Record live market data until Ctrl-C (or for --duration), one file per symbol and hour. Replay it with --tape DIR."""
    options = RecordingOptions(
        folder=out, rotate_s=rotate, max_bytes=max_bytes, min_free_bytes=min_free, delete_oldest=delete_oldest
    )
    wanted = tuple(part.strip().upper() for part in symbols.split(",") if part.strip())

    def say() -> None:
        sys.stderr.write(f"recording {', '.join(wanted)} into {out}; Ctrl-C ends it\n")

    document = record_market(
        feed,
        options,
        symbols=wanted,
        duration_s=duration,
        overrides=set_ or (),
        config_file=config,
        plugins=plugins,
        on_ready=None if json else say,
    )
    if json:
        sys.stdout.write(json_text.dumps(document, ensure_ascii=False, allow_nan=False, indent=2, default=str) + "\n")
    else:
        _show(document)
    if document["stopped"]:
        raise StorageError(f"recording stopped: {document['stopped']}")


def _show(document: dict[str, Any]) -> None:
    for path in document["recovered"]:
        sys.stdout.write(f"finished   {path} (left open by a recorder that was killed)\n")
    for path in document["deleted"]:
        sys.stdout.write(f"deleted    {path}\n")
    for path in document["files"]:
        sys.stdout.write(f"recorded   {path}\n")
    lost = f", {document['lines_lost']:,} lost because the disk was too slow" if document["lines_lost"] else ""
    sys.stdout.write(
        f"{document['lines']:,} lines of {document['seconds']:,.1f} s in {document['bytes']:,} bytes{lost}; replay them with "
        f"`flashcrash run --tape {document['folder']}`\n"
    )


@hookimpl
def flashcrash_commands() -> list[tuple[str, Any]]:
    """The command ``tape record``."""
    return [("tape record", record)]
