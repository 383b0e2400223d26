"""The trading side of a local exchange in simulated time, with requests signed apart from both sides of the product."""

import hashlib
import hmac
import json
from typing import Any, Final

from exchange_bench import SYMBOL, Bench, Client, ScriptedSource, snapshot, trade

from flashcrash_binance.exchange.sources import TimedEvent
from flashcrash_binance.exchange.trading.amounts import ATOM, atoms
from flashcrash_binance.exchange.trading.trading_settings import TradingSettings

__all__ = ["BOOK", "TradingBench", "e8"]

BOOK: Final = snapshot(0, 10, [(9_990, 1_000), (9_980, 5_000)], [(10_010, 1_000), (10_020, 5_000)])
"""99.90 and 99.80 bid, 100.10 and 100.20 asked; lots of 0.0001: 0.1 and 0.5 of them."""
_RICH: Final = {"USDT": 10_000 * ATOM, "SIM": 10 * ATOM}


class TradingBench(Bench):
    """A scripted market of one symbol, an account with 10,000 USDT and 10 SIM, REST and WebSocket requests."""

    def __init__(self, *script: TimedEvent, faults: str = "", seed: int = 1, **settings: Any) -> None:
        events = [BOOK, trade(0.1, 1, 10_000, 5), *script]
        super().__init__(
            sources={SYMBOL: ScriptedSource(events)}, faults=faults, seed=seed,
            trading=TradingSettings(**{"balances": _RICH, **settings}),
        )  # fmt: skip
        assert self.core.trading is not None
        self.trading = self.core.trading
        self.key = self.trading.keys[0]
        self.play(1)

    # -- REST --------------------------------------------------------------------------------------------------------

    def rest(self, method: str, path: str, /, **params: Any) -> Any:
        """A signed request; the answer as it is."""
        query = "&".join(f"{name}={value}" for name, value in {**params, "timestamp": self.now_us // 1000}.items())
        target = f"{'' if path.startswith('/') else '/api/v3/'}{path}?{query}&signature={self.signature(query)}"
        answer = self.core.request(method, target, {"X-MBX-APIKEY": self.key.key}, b"", self.now_us)
        self._collect()
        self.trading.engine.check()
        return answer

    def good(self, method: str, path: str, /, **params: Any) -> Any:
        """The parsed body of a good answer."""
        answer = self.rest(method, path, **params)
        assert answer.status == 200, answer
        return json.loads(answer.body)

    def bad(self, method: str, path: str, /, **params: Any) -> tuple[int, int, str]:
        """Status, code and text of a refusal."""
        answer = self.rest(method, path, **params)
        body = json.loads(answer.body)
        return answer.status, body["code"], body["msg"]

    def place(self, side: str, kind: str, /, **params: Any) -> Any:
        """Place an order; LIMIT is GTC unless told otherwise."""
        return self.good("POST", "order", **self.order(side, kind, **params))

    def refused(self, side: str, kind: str, /, **params: Any) -> tuple[int, int, str]:
        """Place an order that is refused."""
        return self.bad("POST", "order", **self.order(side, kind, **params))

    def order(self, side: str, kind: str, /, **params: Any) -> dict[str, Any]:
        """Parameters of an order."""
        forced = {"timeInForce": "GTC"} if kind in ("LIMIT", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT") else {}
        return {"symbol": SYMBOL, "side": side, "type": kind, **forced, **params}

    def query(self, client_id: str) -> Any:
        """An order as REST has it."""
        return self.good("GET", "order", symbol=SYMBOL, origClientOrderId=client_id)

    def balance(self, asset: str) -> tuple[int, int]:
        """Free and locked of an asset, in 10^-8."""
        found = next(one for one in self.good("GET", "account")["balances"] if one["asset"] == asset)
        return e8(found["free"]), e8(found["locked"])

    def signature(self, payload: str) -> str:
        """HMAC-SHA256 of the key, as the protocol's sheet has it."""
        return hmac.new(self.key.secret.encode(), payload.encode(), hashlib.sha256).hexdigest()

    # -- the WebSocket API -------------------------------------------------------------------------------------------

    def api(self) -> Client:
        """A connection of the WebSocket API."""
        return self.connect(target="/ws-api/v3")

    def listener(self) -> Client:
        """A connection that listens to the user data."""
        client = self.api()
        assert self.call(client, "userDataStream.subscribe.signature")["result"] == {"subscriptionId": 0}
        return client

    def send(self, client: Client, method: str, /, **params: Any) -> None:
        """Send a signed request."""
        params = {"apiKey": self.key.key, "timestamp": self.now_us // 1000, **params}
        payload = "&".join(f"{name}={params[name]}" for name in sorted(params))
        message = {"id": method, "method": method, "params": params | {"signature": self.signature(payload)}}
        self.core.receive(client.number, json.dumps(message).encode(), self.now_us)
        self._collect()
        self.trading.engine.check()

    def call(self, client: Client, method: str, /, **params: Any) -> dict[str, Any]:
        """A signed request and its reply."""
        before = len(client.texts)
        self.send(client, method, **params)
        return next(one for one in map(json.loads, client.texts[before:]) if one.get("id") == method)

    def events(self, client: Client, kind: str = "") -> list[dict[str, Any]]:
        """User data events that arrived at a connection, of one type or all."""
        found = [one["event"] for one in client.messages if "subscriptionId" in one]
        return [one for one in found if not kind or one["e"] == kind]

    def reports(self, client: Client) -> list[tuple[str, str, str]]:
        """Execution reports: the order's client id, execution type, status."""
        return [(one["C"] or one["c"], one["x"], one["X"]) for one in self.events(client, "executionReport")]


def e8(text: str) -> int:
    """A decimal in 10^-8."""
    found = atoms(text)
    assert found is not None
    return found // 10**8
