"""The descriptor, the configuration class, and what ``build`` gives."""

from math import isinf

from flashcrash_core.detection.indicator import Role, StepIndicator
from flashcrash_core.market.features import FeatureRow
from flashcrash_core.specs import IndicatorSpec
from flashcrash_core.testing.battery import CheckFailure, check
from flashcrash_core.testing.checks.configuration import require_configuration_schema
from flashcrash_core.testing.checks.indicator.programs import build
from flashcrash_core.testing.subject import Subject

__all__ = ["configuration_schema", "interface"]

INVARIANCES = frozenset({"scale", "time_shift"})
NEEDS = frozenset({"book", "trades"})


@check("indicator")
def configuration_schema(subject: Subject[IndicatorSpec]) -> None:
    """The configuration class is frozen, typed, and its defaults pass its own validators."""
    require_configuration_schema(subject)


@check("indicator")
def interface(subject: Subject[IndicatorSpec]) -> None:
    """The descriptor says what it offers in terms the kernel knows, and `build` gives a program of the declared form."""
    spec, where = subject.spec, subject.label
    _require(bool(spec.summary.strip()), where, "has no summary; it is what `plugins list` shows")
    _require(bool(spec.statistics), where, "declares no statistics; name the elements of what step or window returns")
    names = (*spec.statistics, *spec.baselines)
    _require(all(isinstance(name, str) and name.isidentifier() for name in names), where, f"has unusable statistic names {names}")
    _require(len(set(spec.statistics)) == len(spec.statistics), where, f"declares a statistic twice: {spec.statistics}")
    _require(isinstance(spec.role, Role), where, f"role {spec.role!r} is not a Role")
    _require(spec.needs <= NEEDS, where, f"needs {sorted(spec.needs - NEEDS)}, but only {sorted(NEEDS)} can be needed")
    _require(
        spec.invariances <= INVARIANCES,
        where,
        f"declares {sorted(spec.invariances - INVARIANCES)}, but invariances are {sorted(INVARIANCES)}",
    )
    _require(spec.warmup_s >= 0 and not isinf(spec.warmup_s), where, f"warmup_s {spec.warmup_s} is not a span of time")
    program = build(subject)
    _require(program.persist_us >= 0 and program.latch_us >= 0, where, "persist_us and latch_us must not be negative")
    if isinstance(program, StepIndicator):
        fields = getattr(program.state, "_fields", None)
        _require(
            isinstance(program.state, tuple) and fields is not None and all(isinstance(part, list) for part in program.state),
            where,
            f"state is a {type(program.state).__name__}; it must be a NamedTuple of lists of numbers, so that it can be saved",
        )
    else:
        unknown = [name for name in program.columns if name not in FeatureRow._fields]
        _require(not unknown, where, f"asks for columns {unknown}, which are no fields of FeatureRow")


def _require(kept: bool, where: str, what: str) -> None:
    if not kept:
        raise CheckFailure(f"{where} {what}")
