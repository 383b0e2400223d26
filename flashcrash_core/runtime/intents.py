"""What may count as an intent: exact types and possible values, found out before any of it touches orders, money or the hash.

What is possible but not allowed (too many lots, no free cash) is not judged here: the risk gate refuses it, and that is no fault.
"""

from collections.abc import Sequence
from math import isfinite, isinf
from typing import Any, Final

from flashcrash_core.detection.containment import Misbehaviour, dispose, named
from flashcrash_core.detection.scoring import Score
from flashcrash_core.trading.orders import OrderType
from flashcrash_core.trading.positions import Position
from flashcrash_core.trading.strategy import Cancel, Enter, Exit, Intent, Refuse

__all__ = ["LARGEST", "checked_score", "collect"]

LARGEST: Final = 2**53
"""Ticks and lots above it are no quantities; they would not survive a float or a database."""
_MOST_INTENTS: Final = 1_000
"""Of one call; more than that is an endless generator."""
_LONGEST: Final = 200
"""Characters of a reason."""


def collect(answer: Any, positions: Sequence[Position], into: list[Intent]) -> None:
    """Move the intents of ``answer`` to ``into`` one by one, up to the first bad one; those after it are dropped.

    Raises Misbehaviour, or what the answer itself raises.
    """
    if answer is None or type(answer) in (str, bytes, dict):
        raise Misbehaviour("wrong_type", f"decide returned {named(answer)} instead of a list of intents")
    try:
        intents = iter(answer)
    except TypeError:
        dispose(answer)
        raise Misbehaviour("wrong_type", f"decide returned {named(answer)} instead of a list of intents") from None
    for number, intent in enumerate(intents):
        if number >= _MOST_INTENTS:
            raise Misbehaviour("wrong_shape", f"decide returned more than {_MOST_INTENTS} intents at once")
        _check(intent, positions)
        into.append(intent)


def _check(intent: Any, positions: Sequence[Position]) -> None:
    kind = type(intent)
    if kind is Enter:
        _amounts(intent)
        if intent.score is not None:
            checked_score(intent.score)
        if type(intent.notes) is not dict:
            raise Misbehaviour("wrong_type", f"Enter.notes is {named(intent.notes)}, not a dict")
    elif kind is Exit:
        _amounts(intent)
        if type(intent.position_id) is not int or all(p.id != intent.position_id for p in positions):
            known = ", ".join(str(p.id) for p in positions) or "none is open"
            raise Misbehaviour(
                "invalid_intent", f"Exit.position_id {_shown(intent.position_id)} is no position of this symbol ({known})"
            )
    elif kind is Cancel:
        _text("Cancel.client_id", intent.client_id)
    elif kind is Refuse:
        if intent.score is not None:
            checked_score(intent.score)
        if type(intent.detail) is not str:
            raise Misbehaviour("wrong_type", f"Refuse.detail is {named(intent.detail)}, not a str")
    else:
        dispose(intent)
        raise Misbehaviour("wrong_type", f"decide returned {named(intent)}, not an intent; see flashcrash_core.api.Intent")
    _text(f"{kind.__name__}.reason", intent.reason)


def _amounts(intent: Enter | Exit) -> None:
    kind = type(intent).__name__
    for name, value in (("price_ticks", intent.price_ticks), ("qty_lots", intent.qty_lots)):
        if type(value) is not int:
            raise Misbehaviour("invalid_intent", f"{kind}.{name} is {named(value)}, not an int")
        if not 0 <= value <= LARGEST:
            raise Misbehaviour("invalid_intent", f"{kind}.{name} {_shown(value)} is out of range")
    if type(intent.type) is not OrderType:
        raise Misbehaviour("invalid_intent", f"{kind}.type is {named(intent.type)}, not an OrderType")


def _text(what: str, value: Any) -> None:
    if type(value) is not str or not value or len(value) > _LONGEST or not value.isprintable():
        shown = f"{value!r:.40}" if type(value) is str else named(value)
        raise Misbehaviour("invalid_intent", f"{what} must be 1 to {_LONGEST} printable characters; it is {shown}")


def _shown(value: Any) -> str:
    return (
        f"{value!r:.40}" if type(value) in (int, float, str) and not (type(value) is int and abs(value) > LARGEST) else named(value)
    )


def checked_score(score: Any) -> Score:
    """A copy of ``score`` with exact types and possible values; NaN is the total of a score that failed. Raises Misbehaviour."""
    if type(score) is not Score:
        dispose(score)
        raise Misbehaviour("wrong_type", f"the score is {named(score)}, not a Score")
    for name, value in (("total", score.total), ("relief", score.relief)):
        if type(value) is not float:
            raise Misbehaviour("wrong_type", f"Score.{name} is {named(value)}, not a float")
    if type(score.components) is not dict or any(type(k) is not str or type(v) is not float for k, v in score.components.items()):
        raise Misbehaviour("wrong_type", "Score.components must be a dict of floats by name")
    _points(score)
    if type(score.missing) is not tuple or any(type(name) is not str for name in score.missing):
        raise Misbehaviour("wrong_type", "Score.missing must be a tuple of names")
    if type(score.notes) is not dict or type(score.renormalised) is not bool:
        raise Misbehaviour("wrong_type", "Score.notes must be a dict and Score.renormalised a bool")
    for name, text in (("refusal", score.refusal), ("band", score.band)):
        if type(text) is not str or len(text) > _LONGEST or not text.isprintable():
            raise Misbehaviour("wrong_type", f"Score.{name} must be a short text")
    return Score(
        total=score.total,
        components=dict(score.components),
        missing=score.missing,
        refusal=score.refusal,
        relief=score.relief,
        renormalised=score.renormalised,
        band=score.band,
        notes=dict(score.notes),
    )


def _points(score: Score) -> None:
    """0 to 100 points, or NaN where there is no score, and everything else finite."""
    for name, value in (("relief", score.relief), *((f"components[{k!r:.40}]", v) for k, v in score.components.items())):
        if not isfinite(value):
            raise Misbehaviour("not_finite", f"Score.{name} is {value}; leave out what is missing and name it in Score.missing")
    if isinf(score.total):
        raise Misbehaviour("not_finite", "Score.total is not finite")
    if score.total < 0.0 or score.total > 100.0:
        raise Misbehaviour("out_of_range", f"Score.total is {score.total:g}; a score has 0 to 100 points")
