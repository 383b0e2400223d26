"""What is looked at before the first order: clock, key, rights, account, symbols, open orders. Each with what to do about it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from attrs import frozen

from flashcrash_binance.endpoints import Endpoints
from flashcrash_binance.trading.key_rights import advice, refused_rights
from flashcrash_binance.trading.order_answers import Account, account
from flashcrash_binance.trading.signing import Signer, signed_query
from flashcrash_binance.trading.venue_replies import rest_error
from flashcrash_binance.transport.clock import Clock
from flashcrash_binance.transport.rest import Answer, RestClient, Unanswered
from flashcrash_binance.venue_questions import ask, traded
from flashcrash_core.api import Instrument, MarketKind, UsageError, VenueError

__all__ = ["Checked", "look_at_account"]

CLOCK_LIMIT_US: Final = 5_000_000
"""A clock that is further off is repaired, not corrected for: other programs and certificates go by it too."""
_RIGHTS: Final = "/sapi/v1/account/apiRestrictions"


@frozen(kw_only=True)
class Checked:
    """What was found. ``proved`` are lines for the user."""

    clock_offset_us: int
    bases: Mapping[str, str]
    account: Account
    proved: tuple[str, ...]


async def look_at_account(
    rest: RestClient,
    signer: Signer,
    clock: Clock,
    instruments: Mapping[str, Instrument],
    *,
    ws: str,
    recv_window_ms: int,
    has_rights_page: bool,
    needs_cash: bool,
) -> Checked:
    """Look at everything. ``needs_cash``: False while something is taken up, when the cash may be in what is held.

    Raises VenueError or UsageError when no order must be sent."""
    where = Endpoints(MarketKind.SPOT, rest.base, ws)
    offset_us = await _clock_offset(rest, where)
    if abs(offset_us) > CLOCK_LIMIT_US:
        off = f"{abs(offset_us) / 1e6:.1f} s {'behind' if offset_us > 0 else 'ahead of'}"
        raise UsageError(
            f"this machine's clock is {off} the venue's; set it (NTP) before real orders: the venue refuses what bears a wrong time"
        )

    async def signed(path: str) -> Answer:
        params: dict[str, str | int] = {"recvWindow": max(recv_window_ms, 5_000), "timestamp": (clock() + offset_us) // 1_000}
        try:
            return await rest.get(path, signed=signed_query(signer, params), headers={"X-MBX-APIKEY": signer.key})
        except Unanswered as unanswered:
            raise VenueError(str(unanswered.failure)) from unanswered

    proved = [f"the venue's clock is {offset_us / 1e3:+.0f} ms from this machine's"]
    if has_rights_page:
        rights = msgspec.json.decode(_body(await signed(_RIGHTS)), type=dict[str, Any])
        refused = refused_rights(rights)
        if refused:
            raise UsageError("the API key may not be used: " + "; ".join(refused))
        proved += ["the API key can trade spot, and neither withdraw nor transfer", *advice(rights)]
    held = account(_body(await signed("/api/v3/account")))
    if not held.can_trade:
        raise UsageError("the venue says that this account may not trade (canTrade is false); look there for the reason")
    found = await traded(rest, where, tuple(instruments))
    for symbol, instrument in instruments.items():
        listed = found[symbol].instrument
        if (listed.tick_size, listed.lot_size) != (instrument.tick_size, instrument.lot_size):
            raise UsageError(
                f"{symbol}: the run's grid (tick {instrument.tick_size}, lot {instrument.lot_size}) is not the venue's "
                f"(tick {listed.tick_size}, lot {listed.lot_size}); orders would be refused or rounded. Leave "
                f"[instruments.{symbol}] out"
            )
    balances = held.balances.by_asset
    quotes = sorted({instrument.quote_asset for instrument in instruments.values()})
    for asset in quotes:
        if needs_cash and (asset not in balances or not balances[asset].free):
            raise UsageError(f"the account has no free {asset}; deposit some, or trade other symbols")
    proved.append(
        "the account can trade; free: " + ", ".join(f"{balances[asset].free:f} {asset}" for asset in quotes if asset in balances)
    )
    return Checked(
        clock_offset_us=offset_us,
        bases={symbol: found[symbol].base_asset for symbol in instruments},
        account=held,
        proved=tuple(proved),
    )


async def _clock_offset(rest: RestClient, where: Endpoints) -> int:
    """Of three answers the one that took least time."""
    best: tuple[int, int] | None = None
    for _ in range(3):
        answer = await ask(rest, where.path("time"))
        try:
            told = msgspec.json.decode(answer.body, type=dict[str, int])["serverTime"]
        except (msgspec.MsgspecError, KeyError) as error:
            raise VenueError(f"{answer.url}: not the venue's time ({error}); is `rest` the address of a Binance?") from None
        stamp_us = told if told > 10**14 else told * 1_000
        took_us = answer.received_us - answer.sent_us
        found = (took_us, stamp_us - (answer.sent_us + answer.received_us) // 2)
        best = found if best is None else min(best, found)
    assert best is not None
    return best[1]


def _body(answer: Answer) -> bytes:
    if answer.status == 200:
        return answer.body
    code, message, _ = rest_error(answer.body)
    what = _DO.get(code or 0, "")
    raise (UsageError if code in _DO else VenueError)(
        f"{answer.url.partition('?')[0]}: HTTP {answer.status}, {code}: {message}{what}"
    )


_DO: Final[Mapping[int, str]] = {
    -2014: "; the API key is malformed: check FLASHCRASH_BINANCE_KEY or the key file",
    -2015: "; the key is unknown here, or may not do this from this address: check key, environment and IP restriction",
    -1022: "; the secret does not belong to the key: check FLASHCRASH_BINANCE_SECRET or the key file",
    -1021: "; this machine's clock is off: set it (NTP)",
}


def external_orders(orders: Mapping[str, str]) -> Sequence[str]:
    """A line about open orders that are not ours."""
    if not orders:
        return ()
    return (f"{len(orders)} open orders at the venue are EXTERNAL: counted, never touched",)
