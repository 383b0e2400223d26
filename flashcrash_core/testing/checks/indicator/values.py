"""What leaves an indicator: legal pairs on every market, and a judgement that is pure, bounded and hysteretic."""

from collections.abc import Sequence
from math import inf, isfinite, isnan, nan

from flashcrash_core.detection.indicator import Floats, Indicator
from flashcrash_core.detection.judgement import Judgement
from flashcrash_core.detection.panel import Pair, Panel
from flashcrash_core.market.features import FeatureRow
from flashcrash_core.specs import IndicatorSpec
from flashcrash_core.testing.battery import CheckFailure, check
from flashcrash_core.testing.checks.indicator.programs import build, entries_of, panel_of
from flashcrash_core.testing.subject import Subject
from flashcrash_core.testing.tapes import BOOK_ONLY, TAPES, tape

__all__ = ["finite_readings", "hysteresis", "judged_values", "judgement_is_pure", "missing_stays_missing"]


def judged_values(subject: Subject[IndicatorSpec], rows: Sequence[FeatureRow], *, has_book: bool = True) -> list[float]:
    """The judged value of every row, NaN while missing, by the detector's own judgement. Raises CheckFailure at the first fault."""
    entries = entries_of(subject, has_book=has_book)
    panel, judgement = Panel(entries), Judgement(entries, freeze=False)
    values = []
    for index, row in enumerate(rows):
        panel.on_row(row)
        judgement.on_row(row.t_us, panel.pairs)
        if panel.faults or judgement.faults:
            error = panel.faults[0].error if panel.faults else str(judgement.faults[0][1])
            raise CheckFailure(f"{subject.label}: row {index} (t_us {row.t_us}): {error}")
        values.append(judgement.values[-1])
    return values


@check("indicator")
def finite_readings(subject: Subject[IndicatorSpec]) -> None:
    """On every tape, with a book and without, nothing is raised and every reading is a finite number or missing."""
    for name in TAPES:
        for has_book in (True,) if name in BOOK_ONLY else (True, False):
            if not has_book and "book" in subject.spec.needs:
                continue  # the kernel does not run it there
            try:
                judged_values(subject, tape(name, has_book=has_book).rows(), has_book=has_book)
            except CheckFailure as failure:
                raise CheckFailure(f"{failure} (tape {name}, seed 1, has_book={has_book})") from failure


def _some_pairs(subject: Subject[IndicatorSpec]) -> list[Pair]:
    """Pairs of a crash, every tenth row, with the baseline that the detector would judge against."""
    panel = panel_of(subject)
    pairs = []
    for index, row in enumerate(tape("crash_and_bounce").rows()):
        panel.on_row(row)
        if not index % 10:
            pairs.append((panel.pairs[-1][0], panel.pairs[0][1] if subject.spec.baseline_from else panel.pairs[-1][1]))
    return pairs


@check("indicator")
def judgement_is_pure(subject: Subject[IndicatorSpec]) -> None:
    """The same statistic, baseline and flag are judged the same whenever they are asked: the detector may judge again, or skip."""
    program = build(subject)
    pairs = _some_pairs(subject)
    asked = [(statistic, baseline, flag) for statistic, baseline in pairs for flag in (False, True)]
    first = [repr(program.judge(s, b, program.levels, flag)) for s, b, flag in asked]
    # Backwards: a judgement that remembers what it was asked before gives itself away.
    again = [repr(program.judge(s, b, program.levels, flag)) for s, b, flag in reversed(asked)][::-1]
    for one, other, question in zip(first, again, asked, strict=True):
        if one != other:
            raise CheckFailure(
                f"{subject.label}: judge{question} gave {one} and then {other}; a judgement may depend on its arguments alone"
            )


@check("indicator")
def hysteresis(subject: Subject[IndicatorSpec]) -> None:
    """What turns the flag on also keeps it on: the release is never stricter than the trigger."""
    program = build(subject)
    for statistic, baseline in _some_pairs(subject):
        _, on = program.judge(statistic, baseline, program.levels, False)
        _, stays = program.judge(statistic, baseline, program.levels, True)
        if on and not stays:
            raise CheckFailure(
                f"{subject.label}: statistic {statistic}, baseline {baseline} fires when the flag is off and not when it is on: "
                "the flag would flicker; loosen the release"
            )


@check("indicator")
def missing_stays_missing(subject: Subject[IndicatorSpec]) -> None:
    """A missing statistic is judged missing and does not fire; a missing or extreme baseline gives no infinite value."""
    spec, program = subject.spec, build(subject)
    baseline = (nan,) * _baseline_length(subject)
    for flag in (False, True):
        value, fired = _asked(subject, program, (nan,) * len(spec.statistics), baseline, flag)
        if not isnan(value) or fired:
            raise CheckFailure(f"{subject.label}: judge of missing statistics (NaN) gives {value}, fired {fired}; give NaN, False")
        for statistic, _ in _some_pairs(subject)[-20:]:
            for number in (nan, 0.0):
                value, fired = _asked(subject, program, statistic, (number,) * len(baseline), flag)
                if value in (inf, -inf) or (fired and not isfinite(value)):
                    raise CheckFailure(
                        f"{subject.label}: judge of {statistic} against baselines {number} gives {value}, fired {fired}; a zero or "
                        "missing denominator makes the reading missing (NaN, False)"
                    )


def _asked(
    subject: Subject[IndicatorSpec], program: Indicator, statistic: Floats, baseline: Floats, was_fired: bool
) -> tuple[float, bool]:
    """A judgement; what it raises is told with what it was asked."""
    try:
        return program.judge(statistic, baseline, program.levels, was_fired)
    except Exception as error:
        raise CheckFailure(
            f"{subject.label}: judge({statistic}, {baseline}, levels, {was_fired}) raised {type(error).__name__}: {error}"
        ) from error


def _baseline_length(subject: Subject[IndicatorSpec]) -> int:
    source = subject.spec.baseline_from
    return len(subject.spec.baselines if source is None else subject.registry.indicators[source].baselines)
