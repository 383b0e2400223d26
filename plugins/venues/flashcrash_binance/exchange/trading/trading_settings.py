"""What the account of a local exchange begins with, and how its venue behaves."""

from collections.abc import Mapping

from attrs import field, frozen

from flashcrash_binance.exchange.trading.accounts import CommissionRates
from flashcrash_binance.exchange.trading.amounts import ATOM, atoms
from flashcrash_binance.exchange.trading.api_keys import KeyRights
from flashcrash_core.api import UsageError

__all__ = ["TradingSettings", "parse_balances"]

_START = 10_000 * ATOM


@frozen(kw_only=True)
class TradingSettings:
    """``balances`` are atoms by asset; None: 10,000 of every quote asset. ``replica_lag_us``: for up to so long read replicas
    do not have a new order."""

    balances: Mapping[str, int] | None = None
    rates: CommissionRates = field(factory=CommissionRates)
    rights: KeyRights = field(factory=KeyRights)
    replica_lag_us: int = 0
    burn_bnb: bool = False
    bnb_price: int = 0

    def start(self, quotes: set[str], bases: set[str]) -> dict[str, int]:
        """Balances at the start, every traded asset among them."""
        nothing = dict.fromkeys(quotes | bases, 0)
        return nothing | (dict.fromkeys(quotes, _START) if self.balances is None else dict(self.balances))


def parse_balances(text: str) -> dict[str, int] | None:
    """``USDT=10000,BTC=0.5``; None for no text. Raises UsageError."""
    if not text.strip():
        return None
    found: dict[str, int] = {}
    for part in text.split(","):
        asset, _, amount = part.strip().partition("=")
        value = atoms(amount)
        if not asset.isalnum() or value is None:
            raise UsageError(f"--balances {part.strip()}: write an asset and a decimal, such as USDT=10000,BTC=0.5")
        found[asset.upper()] = value
    return found
