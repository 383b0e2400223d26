"""Sessions of the WebSocket API and the calls about them: logon, logout, subscriptions (reference/binance.md section 11)."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from attrs import frozen

from flashcrash_binance.exchange.clock import ExchangeClock
from flashcrash_binance.exchange.rest import ApiError
from flashcrash_binance.exchange.trading.api_keys import ApiKey
from flashcrash_binance.exchange.trading.call_context import CallContext, Outcome
from flashcrash_binance.exchange.trading.order_calls import TradingCall
from flashcrash_binance.exchange.trading.order_parameters import read_only, whole
from flashcrash_binance.exchange.trading.user_data import UserStreams

__all__ = ["Sessions"]

_WEIGHT: Final = 2


@frozen
class _Session:
    key: ApiKey
    since_ms: int


class Sessions:
    """Which connection is logged on with which key. ``asking`` is the key that signed the request under way."""

    def __init__(self, users: UserStreams) -> None:
        self.asking: ApiKey | None = None
        self._users = users
        self._sessions: dict[int, _Session] = {}

    def key_of(self, connection: int) -> ApiKey | None:
        """The key of a connection's session."""
        session = self._sessions.get(connection)
        return None if session is None else session.key

    def drop(self, connection: int) -> None:
        """The connection is gone."""
        self._sessions.pop(connection, None)

    def call(self, method: str, connection: int, clock: ExchangeClock, now_us: int) -> TradingCall | None:
        """The call of a method about sessions, None if it is none."""
        found: tuple[Callable[..., Outcome], bool, bool] | None = _METHODS.get(method)
        if found is None:
            return None
        answer, signed, by_session = found
        run = partial(answer, self, connection, clock.stamp(now_us), now_us)
        return TradingCall("session", run, _WEIGHT, signed=signed, by_session=by_session)

    # -- calls -------------------------------------------------------------------------------------------------------

    def _logon(self, connection: int, stamp_us: int, _now_us: int, ask: CallContext) -> Outcome:
        read_only(ask.params, ())
        key = self.asking
        assert key is not None
        if key.kind != "ed25519":
            raise ApiError(-4056, "HMAC_SHA256 API key is not supported.")
        self._sessions[connection] = _Session(key, stamp_us // 1000)
        return Outcome(self._state(connection, stamp_us))

    def _status(self, connection: int, stamp_us: int, _now_us: int, _ask: CallContext) -> Outcome:
        return Outcome(self._state(connection, stamp_us))

    def _logout(self, connection: int, stamp_us: int, now_us: int, _ask: CallContext) -> Outcome:
        self._sessions.pop(connection, None)
        if connection in self._users.by_logon:
            self._users.unsubscribe(connection, None, stamp_us, now_us)
        return Outcome(self._state(connection, stamp_us))

    def _subscribe(self, connection: int, _stamp_us: int, _now_us: int, _ask: CallContext) -> Outcome:
        if connection not in self._sessions:
            raise ApiError(-1002, "You are not authorized to execute this request; log on with session.logon first.", 401)
        return Outcome({"subscriptionId": self._users.subscribe(connection, by_logon=True)})

    def _subscribe_signed(self, connection: int, _stamp_us: int, _now_us: int, ask: CallContext) -> Outcome:
        read_only(ask.params, ())
        return Outcome({"subscriptionId": self._users.subscribe(connection, by_logon=False)})

    def _unsubscribe(self, connection: int, stamp_us: int, now_us: int, ask: CallContext) -> Outcome:
        self._users.unsubscribe(connection, whole(ask.params, "subscriptionId"), stamp_us, now_us)
        return Outcome({})

    def _subscriptions(self, connection: int, _stamp_us: int, _now_us: int, _ask: CallContext) -> Outcome:
        number = self._users.listens(connection)
        return Outcome([] if number is None else [{"subscriptionId": number}])

    def _state(self, connection: int, stamp_us: int) -> dict[str, Any]:
        session = self._sessions.get(connection)
        return {
            "apiKey": None if session is None else session.key.key,
            "authorizedSince": None if session is None else session.since_ms,
            "connectedSince": stamp_us // 1000 if session is None else session.since_ms,
            "returnRateLimits": True,
            "serverTime": stamp_us // 1000,
            "userDataStream": self._users.listens(connection) is not None,
        }


_METHODS: Final[dict[str, tuple[Callable[..., Outcome], bool, bool]]] = {
    "session.logon": (Sessions._logon, True, False),
    "session.status": (Sessions._status, False, True),
    "session.logout": (Sessions._logout, False, True),
    "session.subscriptions": (Sessions._subscriptions, False, True),
    "userDataStream.subscribe": (Sessions._subscribe, False, True),
    "userDataStream.subscribe.signature": (Sessions._subscribe_signed, True, False),
    "userDataStream.unsubscribe": (Sessions._unsubscribe, False, True),
}
"""Method, whether it is signed, and whether a session may stand for a signature."""
