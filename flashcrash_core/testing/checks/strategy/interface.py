"""The descriptor, the configuration class, what ``build`` gives, and that ``decide`` gives intents."""

from inspect import Parameter, signature
from typing import Any, Final

from flashcrash_core.specs import StrategySpec
from flashcrash_core.testing.battery import CheckFailure, check
from flashcrash_core.testing.checks.configuration import require_configuration_schema
from flashcrash_core.testing.checks.strategy.desk import built
from flashcrash_core.testing.checks.strategy.recording import recorded
from flashcrash_core.testing.subject import Subject

__all__ = ["configuration_schema", "gives_intents", "interface"]

METHODS: Final = {
    "on_bar": ("bar",),
    "decide": ("moment",),
    "on_entered": ("position", "intent"),
    "on_closed": ("position", "pnl_minor"),
    "snapshot": (),
    "restore": ("data",),
}
_VARIADIC: Final = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)


@check("strategy")
def configuration_schema(subject: Subject[StrategySpec]) -> None:
    """The configuration class is frozen, typed, and its defaults pass its own validators."""
    require_configuration_schema(subject)


@check("strategy")
def interface(subject: Subject[StrategySpec]) -> None:
    """The descriptor has a summary, and `build` gives an object with the six methods of a strategy, each with its arguments."""
    if not subject.spec.summary.strip():
        raise CheckFailure(f"{subject.label} has no summary; it is what `plugins list` shows")
    strategy = built(subject)
    for name, arguments in METHODS.items():
        method: Any = getattr(strategy, name, None)
        wanted = f"{name}({', '.join(arguments)})"
        if not callable(method):
            raise CheckFailure(f"{subject.label}: build gave a {type(strategy).__name__} without {wanted}")
        parameters = signature(method).parameters.values()
        needed = [p for p in parameters if p.default is Parameter.empty and p.kind not in _VARIADIC]
        taken = [p for p in parameters if p.kind in (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)]
        variadic = any(p.kind is Parameter.VAR_POSITIONAL for p in parameters)
        if len(needed) > len(arguments) or (len(taken) < len(arguments) and not variadic):
            raise CheckFailure(f"{subject.label}: {name}{signature(method)} cannot be called as {wanted}")


@check("strategy")
def gives_intents(subject: Subject[StrategySpec]) -> None:
    """`decide` gives nothing but Enter, Exit, Cancel and Refuse: anything else is a fault that costs the rest of the answer."""
    for seed in subject.effort.seeds:
        for refused in recorded(subject, seed).desk.refused:
            if refused.reason == "not an intent":
                raise CheckFailure(
                    f"{subject.label}: decide gave {refused.intent!r} at t_us {refused.now_us} (seed {seed}); give a list of "
                    "Enter, Exit, Cancel and Refuse, an empty one for nothing"
                )
