"""``flashcrash tape``: make tapes from files, show one, verify one.

The commands only ask and print. Heavy imports stay inside the functions, so that ``flashcrash --help`` starts fast.
"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from flashcrash_core.cli.options import ConfigOption, JsonOption, PluginsOption, SetOption, print_json
from flashcrash_core.cli.progress import with_progress

__all__ = ["app"]

app = typer.Typer(help="Tapes: market data as columns, for fast and repeated backtests.", no_args_is_help=True)


class InventedBook(StrEnum):
    """Books that import can add."""

    SYNTHETIC = "synthetic"


Tape = Annotated[Path, typer.Argument(help="Folder of a tape, such as tapes/BTCUSDT/2025-10-10.")]


@app.command("import")
def import_(
    files: Annotated[list[Path], typer.Argument(help="Raw captures, Tardis-style files, Binance bulk files.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for the tapes: OUT/SYMBOL/YYYY-MM-DD.")],
    symbols: Annotated[str, typer.Option("--symbols", help="Symbols to take, comma separated (default: all).")] = "",
    feed: Annotated[str | None, typer.Option("--feed", help="Feed plugin (default: what reads the file).")] = None,
    set_: SetOption = None,
    config: ConfigOption = None,
    plugins: PluginsOption = None,
    book: Annotated[
        InventedBook | None, typer.Option("--book", help="Invent a book from the trades; the tapes are graded synthetic.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace tapes with other content.")] = False,
    json: JsonOption = False,
) -> None:
    """Make tapes from files: one per symbol and UTC day. An import that fails or is stopped leaves none."""
    from flashcrash_core.runtime.request import RunRequest
    from flashcrash_core.runtime.tape_import import import_tapes

    request = RunRequest(
        paths=tuple(files),
        feed=feed,
        symbols=tuple(part.strip().upper() for part in symbols.split(",") if part.strip()),
        overrides=tuple(set_ or ()),
        config_file=config,
        plugins=plugins,
    )
    document = with_progress(
        "importing",
        lambda progress: import_tapes(request, out, force=force, invent_book=book is not None, on_progress=progress),
        json,
    )
    if json:
        print_json(document)
    else:
        from flashcrash_core.cli.tape_view import show_import

        show_import(document)


@app.command("info")
def info(
    tape: Annotated[Path, typer.Argument(help="A tape such as tapes/BTCUSDT/2025-10-10, a recording, or a file of data.")],
    json: JsonOption = False,
) -> None:
    """Show one tape: rows, span, gaps, grade, what it can support, worst drawdowns, peak message rate.

    Of a recording (one symbol's folder, or all) and of files of data: files, events by kind, span, gaps, the book.
    """
    from flashcrash_core.market.recordings import is_recording, recordings_among
    from flashcrash_core.market.tape.reader import is_tape

    if not is_tape(tape) and (tape.is_file() or is_recording(tape) or recordings_among([tape]) != (tape,)):
        from flashcrash_core.runtime.input_document import input_info

        document = with_progress("reading", lambda progress: input_info(tape, progress), json)
        if json:
            print_json(document)
        else:
            from flashcrash_core.cli.input_view import show_input

            show_input(document)
        return
    from flashcrash_core.runtime.tape_document import tape_info

    document = tape_info(tape)
    if json:
        print_json(document)
    else:
        from flashcrash_core.cli.tape_view import show_info

        show_info(document)


@app.command("verify")
def verify(tape: Tape, json: JsonOption = False) -> None:
    """Read all of a tape: hashes, order, trade ids, book. Exit code 4 at a mismatch, naming file and row."""
    from flashcrash_core.runtime.tape_document import tape_verification

    document = with_progress("verifying", lambda progress: tape_verification(tape, progress), json)
    if json:
        print_json(document)
    else:
        from flashcrash_core.cli.tape_view import show_verification

        show_verification(document)
    if not document["ok"]:
        from flashcrash_core.errors import VerificationError

        raise VerificationError("\n".join(problem["message"] for problem in document["problems"]))
