"""A progress bar on standard error while a person is watching; a line there when compiling begins, whoever is.

Heavy imports stay inside, so that ``flashcrash --help`` starts fast.
"""

from typing import TYPE_CHECKING, Any

from flashcrash_core.cli.plugin_output import plugins_say_elsewhere

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["with_progress"]


def with_progress(what: str, work: "Callable[[Any], dict[str, Any]]", json: bool) -> dict[str, Any]:
    """Do ``work(on_progress)``, or ``work(None)`` where nobody watches; ``what`` stands before the bar.

    ``on_progress(fraction or None, events)`` moves it. With ``json`` what plugins print goes to standard error.
    """
    import sys

    from flashcrash_core.batch.compiling_notice import telling

    if json or not sys.stderr.isatty():
        with plugins_say_elsewhere(json), telling(lambda: print(_compiling(), file=sys.stderr, flush=True)):
            return work(None)
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[events]}", markup=False),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with (
        Progress(*columns, console=console, transient=True) as bar,
        telling(lambda: console.print(_compiling(), markup=False, highlight=False, soft_wrap=True)),
    ):
        task = bar.add_task(what, total=1.0, events="")

        def on_progress(fraction: float | None, events: int) -> None:
            bar.update(task, completed=fraction or 0.0, events=f"{events:,} events")

        return work(on_progress)


def _compiling() -> str:
    """What is said when machine code has to be made; whoever waits should know for what, and that it is not always so."""
    import os

    from flashcrash_core.batch.compiling import cache_directory

    folder = cache_directory()
    there = next(one for one in (folder, *folder.parents) if one.exists())
    kept = (
        f"it is kept in {folder} for the next time"
        if os.access(there, os.W_OK)
        else f"it cannot be kept in {folder}, which cannot be written; FLASHCRASH_CACHE_DIR names another folder"
    )
    return f"compiling the indicators for this machine, which can take a minute; {kept}"
