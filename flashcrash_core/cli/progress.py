"""A progress bar on standard error while a person is watching, and nothing otherwise.

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

    if json or not sys.stderr.isatty():
        with plugins_say_elsewhere(json):
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
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=1.0, events="")

        def on_progress(fraction: float | None, events: int) -> None:
            bar.update(task, completed=fraction or 0.0, events=f"{events:,} events")

        return work(on_progress)
