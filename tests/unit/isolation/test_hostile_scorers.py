"""Scorers that turn on their host while a position is open: entries end, exits do not."""

from collections.abc import Callable
from math import inf, nan
from typing import Any

import attrs
import pytest

from flashcrash_core.api import Enter, FillRecord, OrderType, Refuse, ScoreRecord, Side, TradeRecord, TransitionRecord

from .conftest import Play
from .stand_in import built_as, fail, interrupt, leave_process
from .test_hostile_indicators import Liar, _later, stepping


def scoring(misbehave: Callable[[Any, Any], Any]) -> dict[str, Callable[..., Any]]:
    """Score as shipped once, so that a position opens; from then on misbehave."""
    asked = [0]

    def score(inner: Any, context: Any) -> Any:
        asked[0] += 1
        return inner.score(context) if asked[0] == 1 else misbehave(inner, context)

    return {"score": score}


def with_total(total: Any) -> Callable[[Any, Any], Any]:
    return lambda inner, context: attrs.evolve(inner.score(context), total=total)


def with_component(points: Any) -> Callable[[Any, Any], Any]:
    return lambda inner, context: attrs.evolve(inner.score(context), components={"x": points})


def writes_statistics(inner: Any, context: Any) -> Any:
    context.statistics["depth"] = {}


SCORERS: dict[str, tuple[Callable[[Any, Any], Any], str]] = {
    "raises": (lambda inner, context: fail(), "raised"),
    "raises SystemExit": (lambda inner, context: leave_process(), "raised"),
    "raises KeyboardInterrupt": (lambda inner, context: interrupt(), "raised"),
    "returns None": (lambda inner, context: None, "wrong_type"),
    "returns a number": (lambda inner, context: 99.0, "wrong_type"),
    "returns a coroutine": (lambda inner, context: _later(), "wrong_type"),
    "gives a total that lies": (with_total(Liar(99.0)), "wrong_type"),
    "gives an int": (with_total(99), "wrong_type"),
    "gives a text": (with_total("99"), "wrong_type"),
    "gives infinity": (with_total(inf), "not_finite"),
    "gives NaN": (with_total(nan), "not_finite"),
    "gives 150 points": (with_total(150.0), "out_of_range"),
    "gives a little more than all points": (with_total(100.00000000000001), "out_of_range"),
    "gives fewer than none": (with_total(-1.0), "out_of_range"),
    "gives an infinite relief": (lambda inner, context: attrs.evolve(inner.score(context), relief=inf), "not_finite"),
    "gives a relief that is none": (lambda inner, context: attrs.evolve(inner.score(context), relief=nan), "not_finite"),
    "gives an infinite component": (
        with_component(-inf),
        "not_finite",
    ),
    "gives a component that is none": (
        with_component(nan),
        "not_finite",
    ),
    "writes the statistics": (writes_statistics, "raised"),
    "gives components of text": (lambda inner, context: attrs.evolve(inner.score(context), components={"x": "y"}), "wrong_type"),
}


@pytest.mark.parametrize("name", SCORERS)
def test_a_hostile_scorer_costs_entries_only(play: Play, name: str) -> None:
    """Each fault refuses its entry, the third all entries to come; what was bought before is sold by the strategy's own rules."""
    misbehave, kind = SCORERS[name]
    played = play(scorers=built_as(**scoring(misbehave)))
    assert played.outcome is not None, played.error
    assert [(f.stage, f.name, f.call, f.kind, f.quarantined) for f in played.faults] == [
        ("scorer", "hostile", "score", kind, last) for last in (False, False, True)
    ]
    refused = [row.refused for row in played.of(ScoreRecord)]
    assert refused.count("scorer_fault") == 3
    assert "scorer_quarantined" in refused
    assert played.outcome.status == "done"
    assert [t.exit_reason for t in played.of(TradeRecord)] == ["target"]
    played.left()


def test_an_entry_against_a_failed_score_is_refused_by_the_kernel(play: Play) -> None:
    """A strategy that enters although the score failed does not get through."""

    def decide(inner: Any, moment: Any) -> Any:
        return [
            Enter(moment.ask_ticks, 100, OrderType.LIMIT, "anyway") if type(i) is Refuse and i.reason == "scorer_fault" else i
            for i in inner.decide(moment)
        ]

    played = play(strategies=built_as(decide=decide), scorers=built_as(**scoring(lambda inner, context: None)))
    assert [row.refused for row in played.of(ScoreRecord)].count("scorer_fault") == 3
    assert len([f for f in played.of(FillRecord) if f.side == Side.BUY]) >= 1
    assert len(played.of(TradeRecord)) == 1


def test_score_and_detector_say_that_a_quarantined_indicator_is_missing(play: Play, open_us: int) -> None:
    """The scorer names it among the missing components, and the detector counts one core indicator less."""
    seen: list[tuple[int, tuple[str, ...]]] = []

    def score(inner: Any, context: Any) -> Any:
        result = inner.score(context)
        seen.append((context.t_us, result.missing))
        return result

    def raising(shape: Any, row: Any) -> Any:
        raise KeyError("x")

    played = play(indicators=stepping(raising, open_us), scorers=built_as(score=score))
    assert played.faults[-1].quarantined
    quarantined_us = played.faults[-1].t_us
    assert [missing for t_us, missing in seen if t_us < open_us] == [()]
    # Peak-hold looks back 10 s: from then on nothing is left of it.
    late = [missing for t_us, missing in seen if t_us > quarantined_us + 11_000_000]
    assert late
    assert all("volume_delta" in missing for missing in late)
    evidence = [t.evidence for t in played.of(TransitionRecord) if t.t_us > quarantined_us]
    assert {(e["n"], e["values"]["volume_delta"]) for e in evidence} == {(4, None)}
