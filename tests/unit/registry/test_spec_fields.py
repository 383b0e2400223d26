"""What a descriptor refuses, in words for the plugin's author."""

from typing import Any

import pytest

from flashcrash_core.api import ExecutorSpec, FeedSpec, IndicatorSpec, PluginInfo, Role, StoreSpec

GOOD: dict[str, Any] = {"name": "peek", "summary": "s", "build": print, "statistics": ("share",)}


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("name", "Peek 2", "name 'Peek 2': lower-case letters, digits, - and _, starting with a letter"),
        ("name", "x" * 65, "65 characters, at most 64"),
        ("name", 3, "name 3: lower-case"),
        ("summary", None, "summary None: must be text"),
        ("build", "build", "build 'build': must be a function"),
        ("statistics", "share", "statistics 'share': must be a tuple of names; write ('share',)"),
        ("statistics", ["share"], "statistics ['share']: must be a tuple of names"),
        ("baselines", (1,), "baselines (1,): must be a tuple of names"),
        ("role", "core", "role 'core': must be a Role; write Role.EXTRA or Role.CORE"),
        ("needs", {"book"}, "needs {'book'}: must be a frozenset; write frozenset({...})"),
        ("needs", "book", "needs 'book': must be a frozenset; write frozenset({\"book\"})"),
        ("needs", frozenset({"boook"}), 'needs: there is no \'boook\'; it may hold "book", "trades"'),
        ("warmup_s", "5", "warmup_s '5': must be a number of seconds, 0 or more"),
        ("warmup_s", -1.0, "warmup_s -1.0: must be a number of seconds, 0 or more"),
        ("warmup_s", float("inf"), "warmup_s inf: must be a number"),
        ("warmup_s", True, "warmup_s True: must be a number"),
        ("baseline_from", 1, "baseline_from 1: must be a str; write the name of an indicator, or None"),
        ("invariances", frozenset({"time"}), 'invariances: there is no \'time\'; it may hold "scale", "time_shift"'),
    ],
)
def test_a_wrong_field_of_an_indicator(field: str, value: Any, said: str) -> None:
    """Each field is refused when the descriptor is made, with its name, its value and what it must be."""
    with pytest.raises((TypeError, ValueError)) as caught:
        IndicatorSpec(**GOOD | {field: value})
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("cls", "fields", "said"),
    [
        (ExecutorSpec, {"modes": frozenset({"live"})}, 'modes: there is no \'live\'; it may hold "backtest", "paper", "real"'),
        (FeedSpec, {"opens": True}, "opens True: must be a function or None"),
        (FeedSpec, {"live": 1}, "live 1: must be True or False"),
        (FeedSpec, {"samples": [print]}, "must map names to functions"),
        (StoreSpec, {"history": 2}, "history 2: must be a StoreHistory; write StoreHistory(...)"),
    ],
)
def test_a_wrong_field_of_another_kind(cls: Any, fields: dict[str, Any], said: str) -> None:
    """The other descriptors hold their fields to the same."""
    with pytest.raises((TypeError, ValueError)) as caught:
        cls(**{"name": "peek", "summary": "s", "build": print} | fields)
    assert said in str(caught.value)


def test_an_api_that_is_no_number() -> None:
    """PluginInfo(api="1") is refused where it stands, not called another version."""
    with pytest.raises(TypeError, match="api '1': must be an int; write api=1"):
        PluginInfo(api="1", summary="s")  # type: ignore[arg-type]


def test_a_sound_indicator_is_taken() -> None:
    """Whole numbers of seconds and every word that is known pass."""
    spec = IndicatorSpec(**GOOD | {"warmup_s": 5, "needs": frozenset({"book", "trades"}), "role": Role.CORE, "baselines": ("b",)})
    assert (spec.warmup_s, spec.role) == (5, Role.CORE)
