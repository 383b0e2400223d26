"""What a key may do, and what it must not: ``GET /sapi/v1/account/apiRestrictions``.

A key that can withdraw or transfer turns a stolen machine into a stolen account, so a run does not start with one. It needs to
trade on spot and nothing else. What cannot be proved counts against the key.
"""

from collections.abc import Mapping
from typing import Any, Final

__all__ = ["advice", "refused_rights"]

_FORBIDDEN: Final = {
    "enableWithdrawals": "withdraw",
    "enableInternalTransfer": "transfer to other accounts",
    "permitsUniversalTransfer": "transfer between wallets",
    "enableMargin": "borrow on margin",
    "enableFutures": "trade futures",
    "enableVanillaOptions": "trade options",
    "enablePortfolioMarginTrading": "trade on portfolio margin",
}
_MUST_BE_TOLD: Final = ("enableWithdrawals", "enableInternalTransfer", "permitsUniversalTransfer", "enableSpotAndMarginTrading")
"""Without these no key is proved harmless and useful; the others are missing from some answers."""
_NEEDED: Final = {"enableSpotAndMarginTrading": "trade on spot", "enableReading": "read the account"}
_KNOWN: Final = frozenset({*_FORBIDDEN, *_NEEDED, "ipRestrict", "enableFixApiTrade", "enableFixReadOnly"})
_WHERE: Final = "in Binance's API management"


def refused_rights(answer: Mapping[str, Any]) -> list[str]:
    """Why a run must not start with this key, one sentence each, with what to do; empty if it may."""
    found = [
        f"Binance did not tell whether the key has {flag}; ask again, or make a new key {_WHERE}"
        for flag in _MUST_BE_TOLD
        if flag not in answer
    ]
    for flag, value in answer.items():
        right = _FORBIDDEN.get(flag)
        if right is None and flag not in _KNOWN and value is not False and _moves_money(flag):
            right = f"use {flag}, which this version does not know"
        if right is not None and value is not False:
            found.append(f"the key may {right} ({flag}): switch that off {_WHERE}; trading on spot does not need it")
    for flag, right in _NEEDED.items():
        if flag in answer and answer[flag] is not True:
            found.append(f"the key may not {right} ({flag}): switch that on {_WHERE}")
    return found


def advice(answer: Mapping[str, Any]) -> list[str]:
    """What would be safer, one sentence each; it stops nothing."""
    found: list[str] = []
    if answer.get("ipRestrict") is not True:
        found.append(f"the key works from every address: restrict it to this machine's address {_WHERE}")
    for flag, value in answer.items():
        if flag not in _KNOWN and flag.startswith(("enable", "permits")) and value is not False and not _moves_money(flag):
            found.append(f"the key has {flag}, which this version does not know: switch it off {_WHERE} unless something needs it")
    return found


def _moves_money(flag: str) -> bool:
    return any(word in flag.casefold() for word in ("withdraw", "transfer"))
