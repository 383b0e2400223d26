"""The ``flashcrash`` command. Command modules import their heavy parts inside their functions: ``--help`` takes 0.1 s, not 1 s."""

import os
import sys
from typing import Annotated, Any

import typer

from flashcrash_core._version import __version__
from flashcrash_core.cli import config as config_commands
from flashcrash_core.cli import plugins as plugin_commands
from flashcrash_core.cli import run, sessions, tape
from flashcrash_core.cli.doctor import doctor
from flashcrash_core.cli.misplaced import RunCommand, TapeCommand
from flashcrash_core.cli.plugin_group import PluginGroup
from flashcrash_core.errors import FlashcrashError

__all__ = ["app", "main"]

INTERRUPTED = 130
"""128 and the number of SIGINT, as shells count; SIGTERM gives 143."""


class _Group(PluginGroup):
    """Reports an interruption in one line."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            raise typer.Exit(_interrupted(error)) from None


# Without rich formatting: it would add 0.15 s to every --help.
app = typer.Typer(
    cls=_Group,
    name="flashcrash",
    help="Detect flash crashes and trade through them: one core for backtest, paper and replay. Without options, "
    "`flashcrash run` plays a simulated crash.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"flashcrash {__version__}\n")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


app.command(cls=RunCommand)(run.run)
app.command(cls=TapeCommand)(run.backtest)
app.command(cls=TapeCommand)(run.detect)
app.add_typer(plugin_commands.app, name="plugins")
app.add_typer(config_commands.app, name="config")
app.add_typer(sessions.app, name="sessions")
app.add_typer(tape.app, name="tape", cls=PluginGroup)
app.command()(doctor)


def _interrupted(error: KeyboardInterrupt) -> int:
    """Say so, with the session if there was one; returns the exit code. The runner gives the signal's number as argument."""
    sys.stderr.write("interrupted; what was committed is kept\n")
    _write_notes(error)
    return 128 + error.args[0] if error.args else INTERRUPTED


def _write_notes(error: BaseException) -> None:
    """What was added on the way up: where the session of a failed run is."""
    for note in getattr(error, "__notes__", ()):
        sys.stderr.write(f"{note}\n")


def main() -> None:
    """Console entry point. Errors that flashcrash raises on purpose end as a message and their exit code, without a traceback."""
    try:
        app(prog_name="flashcrash")
        sys.stdout.flush()
    except FlashcrashError as error:
        for line in str(error).splitlines() or [type(error).__name__]:
            sys.stderr.write(f"error: {line}\n")
        _write_notes(error)
        sys.exit(error.exit_code)
    except KeyboardInterrupt as error:
        sys.exit(_interrupted(error))
    except BrokenPipeError:
        # The reader (head, less) went away. Python would report it once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


if __name__ == "__main__":
    main()
