"""The two optional answers of a scorer's descriptor: its research variant, and what its scores lack."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from flashcrash_core.config import load_config
from flashcrash_core.config.typed_values import try_structure
from flashcrash_core.errors import ConfigError
from flashcrash_core.specs import ScorerSpec
from flashcrash_core.testing.battery import CheckFailure, check
from flashcrash_core.testing.subject import Subject

__all__ = ["research_variant", "shortfall_sentence"]

_NOWHERE: Final = Path(__file__).parent
"""A folder without configuration files: those of the author's project must not decide a check."""


def _gives_research(subject: Subject[ScorerSpec]) -> str:
    return "" if subject.spec.research is not None else "offers no research variant"


def _gives_shortfall(subject: Subject[ScorerSpec]) -> str:
    return "" if subject.spec.shortfall is not None else "does not say what its scores lack"


@check("scorer", _gives_research)
def research_variant(subject: Subject[ScorerSpec]) -> None:
    """`research` gives a tuple of `--set` texts that the configuration takes, and answers again for what they lead to."""
    research, label = subject.spec.research, subject.label
    assert research is not None
    overrides: Any = research(subject.config)
    if not (isinstance(overrides, tuple) and all(isinstance(text, str) for text in overrides)):
        raise CheckFailure(f"{label}: research gave {overrides!r}; give a tuple of texts as in --set, () when no variant applies")
    changed = _applied(subject, overrides)
    again: Any = research(changed)
    if not (isinstance(again, tuple) and all(isinstance(text, str) for text in again)):
        raise CheckFailure(f"{label}: research of its own variant gave {again!r}; give () when no variant applies")


def _applied(subject: Subject[ScorerSpec], overrides: Iterable[str]) -> Any:
    """The configuration with the overrides, structured as a run would. Raises CheckFailure when anything in it is refused."""
    told = f"{subject.label}: research gives {' '.join(overrides)}"
    try:
        loaded = load_config(overrides=[f"scorer.use={subject.spec.name}", *overrides], environ={}, cwd=_NOWHERE)
    except ConfigError as error:
        raise CheckFailure(f"{told}, which the configuration refuses: {error}") from error
    table = {name: value for name, value in loaded.table("scorer").items() if name != "use"}
    config, faults = try_structure(subject.spec.config, {**subject.options, **table})
    if faults or config is None:
        refused = "; ".join(f"scorer.{'.'.join(map(str, fault.path))}: {fault.message}" for fault in faults)
        raise CheckFailure(f"{told}, which its own configuration refuses: {refused}")
    return config


@check("scorer", _gives_shortfall)
def shortfall_sentence(subject: Subject[ScorerSpec]) -> None:
    """`shortfall` gives text for any set of missing indicators, known or not, and "" when nothing is missing."""
    shortfall, label = subject.spec.shortfall, subject.label
    assert shortfall is not None
    known = tuple(subject.registry.indicators)
    for missing in (frozenset(), *(frozenset({name}) for name in known), frozenset(known), frozenset({"zz-unknown"})):
        try:
            sentence: Any = shortfall(subject.config, missing)
        except Exception as error:
            raise CheckFailure(f"{label}: shortfall of {sorted(missing)} raised {type(error).__name__}: {error}") from error
        if not isinstance(sentence, str):
            raise CheckFailure(f"{label}: shortfall of {sorted(missing)} gave {sentence!r}; give a sentence, or ''")
        if not missing and sentence:
            raise CheckFailure(f"{label}: shortfall of nothing says {sentence!r}; give '' when no indicator is missing")
