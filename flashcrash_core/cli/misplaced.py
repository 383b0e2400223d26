"""Options and arguments given to the wrong one of run, backtest and detect: say how the right command line looks."""

import shlex
from typing import Any

from typer.core import TyperCommand

__all__ = ["RunCommand", "TapeCommand"]


class RunCommand(TyperCommand):
    """``run`` plays the simulated market without files, so they are an option there; backtest and detect need them."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.allow_extra_args = True

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        rest = super().parse_args(ctx, args)
        if rest and not ctx.resilient_parsing:
            from flashcrash_core.errors import UsageError

            tapes = " ".join(f"--tape {shlex.quote(name)}" for name in rest)
            names = shlex.join(rest)
            raise UsageError(f"run takes files with --tape: flashcrash run {tapes} (or: flashcrash backtest {names})")
        return rest


class TapeCommand(TyperCommand):
    """``backtest`` and ``detect`` take files as arguments."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not ctx.resilient_parsing:
            self._refuse_options_of_run(args)
        return super().parse_args(ctx, args)

    def _refuse_options_of_run(self, args: list[str]) -> None:
        own = {name for param in self.params for name in param.opts}
        for place, arg in enumerate(args):
            flag, _, value = arg.partition("=")
            if flag == "--":
                return
            if flag in own:
                continue
            from flashcrash_core.errors import UsageError

            if flag == "--tape":
                tape = shlex.quote(value or next(iter(args[place + 1 :]), "FILE"))
                raise UsageError(f"{self.name} takes its files without --tape: flashcrash {self.name} {tape}")
            if flag == "--fills":
                raise UsageError(f"{self.name} does not trade, so there is nothing to fill; flashcrash backtest has --fills")
            if flag in ("--feed", "--mode", "--speed", "--duration", "--resume"):
                raise UsageError(f"{self.name} has no {flag}; flashcrash run has it, and takes files with --tape")
