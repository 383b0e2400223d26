"""Rights of a key: too many or too few refuse the start, in every combination."""

from itertools import product
from typing import Any

import pytest

from flashcrash_binance.trading.key_rights import advice, refused_rights

FORBIDDEN = (
    "enableWithdrawals", "enableInternalTransfer", "permitsUniversalTransfer", "enableMargin", "enableFutures",
    "enableVanillaOptions", "enablePortfolioMarginTrading",
)  # fmt: skip
NEEDED = ("enableSpotAndMarginTrading", "enableReading")


def rights(**change: Any) -> dict[str, Any]:
    """A key as it should be."""
    return {
        **dict.fromkeys(FORBIDDEN, False), **dict.fromkeys(NEEDED, True), "ipRestrict": True, "createTime": 1_698_645_219_000,
        "enableFixApiTrade": False, "enableFixReadOnly": True, **change,
    }  # fmt: skip


def test_a_key_as_it_should_be_is_taken() -> None:
    """Reading and spot trading, restricted to an address: nothing to refuse, nothing to advise."""
    assert refused_rights(rights()) == []
    assert advice(rights()) == []


def test_every_combination_of_flags() -> None:
    """Of all 1024 combinations only the one with nothing forbidden and all that is needed is taken, with or without advice."""
    flags = (*FORBIDDEN, *NEEDED, "ipRestrict")
    taken = 0
    for values in product((False, True), repeat=len(flags)):
        answer = rights(**dict(zip(flags, values, strict=True)))
        wrong = [flag for flag in FORBIDDEN if answer[flag]] + [flag for flag in NEEDED if not answer[flag]]
        refused = refused_rights(answer)
        assert len(refused) == len(wrong)
        assert all(any(f"({flag})" in line for line in refused) for flag in wrong)
        assert bool(advice(answer)) is not answer["ipRestrict"]
        taken += not refused
    assert taken == 2


@pytest.mark.parametrize(
    "flag", ["enableWithdrawals", "enableInternalTransfer", "permitsUniversalTransfer", "enableSpotAndMarginTrading"]
)
def test_what_is_not_told_counts_against_the_key(flag: str) -> None:
    """An answer without one of the four decisive flags refuses the start and names it."""
    answer = rights()
    del answer[flag]
    assert [flag in line for line in refused_rights(answer)] == [True]


def test_flags_that_some_answers_lack_are_not_demanded() -> None:
    """Portfolio margin, options, futures and reading are missing from older answers."""
    answer = rights()
    for flag in ("enablePortfolioMarginTrading", "enableVanillaOptions", "enableFutures", "enableMargin", "enableReading"):
        del answer[flag]
    assert refused_rights(answer) == []


@pytest.mark.parametrize("value", ["false", 0, None, 1, "true"])
def test_a_flag_that_is_no_boolean_counts_against_the_key(value: Any) -> None:
    """Only false proves that a right is missing, only true that it is there."""
    assert len(refused_rights(rights(enableWithdrawals=value))) == 1
    assert len(refused_rights(rights(enableSpotAndMarginTrading=value))) == 1


def test_rights_of_later_versions() -> None:
    """An unknown right that moves money refuses the start; another unknown one is advised against."""
    assert len(refused_rights(rights(enableFastWithdrawSwitch=True))) == 1
    assert refused_rights(rights(enableFastWithdrawSwitch=False)) == []
    assert refused_rights(rights(enableStaking=True)) == []
    assert len(advice(rights(enableStaking=True))) == 1


def test_an_empty_answer_is_refused() -> None:
    """Nothing told is nothing proved."""
    assert len(refused_rights({})) == 4
    assert len(advice({})) == 1
