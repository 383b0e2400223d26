"""Names of streams, who listens to which, and the control messages (reference/binance.md sections 2, 14 and 16).

A name that no market has is accepted and silent, as on Binance. On USD-M a stream on the wrong path is just as silent.
"""

import re
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec
from attrs import define, field, frozen

__all__ = ["GROUP_OF", "Listeners", "Listening", "Subscriptions", "Target", "parse_target"]

_GROUPS: Final = frozenset({"public", "market", "private"})
GROUP_OF: Final = {"depth": "public", "bookTicker": "public", "trade": "public"}
"""USD-M: the path that carries a kind of stream; all others are on ``market``."""
MOST_STREAMS: Final = 1024
_ID: Final = re.compile(r"[A-Za-z0-9_-]{0,36}")
_COMBINED: Final = "combined"


@frozen
class Target:
    """What an upgrade request asks for."""

    group: str
    """``public``, ``market`` or ``private`` on USD-M, else empty."""
    combined: bool
    micro: bool
    streams: tuple[str, ...]
    is_api: bool = False


def parse_target(target: str) -> Target | None:
    """Path and query of an upgrade request; None if nothing is served there."""
    parts = urlsplit(target)
    query = parse_qs(parts.query)
    micro = query.get("timeUnit", [""])[0].upper() == "MICROSECOND"
    path = [unquote(part) for part in parts.path.split("/") if part]
    if path[:1] in (["ws-api"], ["ws-fapi"]):
        return Target("", combined=False, micro=micro, streams=(), is_api=True)
    group = path.pop(0) if path and path[0] in _GROUPS else ""
    if not path:
        return None
    form = path.pop(0)
    if form == "stream" and not path:
        named = unquote(query.get("streams", [""])[0])
        return Target(group, combined=True, micro=micro, streams=tuple(one for one in named.split("/") if one))
    if form == "ws":
        # ccxt appends the number of its connection to the path.
        return Target(group, combined=False, micro=micro, streams=tuple(one for one in path if not one.isdigit()))
    return None


@define(eq=False)
class Listening:
    """What one connection listens to. ``names`` are in the order of subscription."""

    group: str
    combined: bool
    micro: bool
    names: dict[str, None] = field(factory=dict)


@define(eq=False)
class Listeners:
    """The connections of one stream that get the very same bytes."""

    combined: bool
    micro: bool
    connections: list[int] = field(factory=list)


class Subscriptions:
    """Which connections get a stream's messages."""

    def __init__(self, *, futures: bool) -> None:
        self._futures = futures
        self._by_connection: dict[int, Listening] = {}
        self._by_stream: dict[str, dict[tuple[bool, bool], Listeners]] = {}

    def open(self, connection: int, target: Target) -> None:
        """A new connection with the streams of its address."""
        self._by_connection[connection] = Listening(target.group, target.combined, target.micro)
        self.add(connection, target.streams)

    def drop(self, connection: int) -> None:
        """The connection is gone."""
        listening = self._by_connection.pop(connection, None)
        if listening is not None:
            self._leave(connection, listening, list(listening.names))

    def add(self, connection: int, names: Iterable[str]) -> None:
        """Subscribe; what is subscribed already stays."""
        listening = self._by_connection[connection]
        for name in names:
            if name in listening.names:
                continue
            listening.names[name] = None
            if not self._futures or self._carries(listening.group, name):
                key = (listening.combined, listening.micro)
                self._by_stream.setdefault(name, {}).setdefault(key, Listeners(*key)).connections.append(connection)

    def remove(self, connection: int, names: Iterable[str]) -> None:
        """Unsubscribe; what is not subscribed is left out."""
        listening = self._by_connection[connection]
        known = [name for name in names if name in listening.names]
        self._leave(connection, listening, known)
        for name in known:
            del listening.names[name]

    def listeners(self, stream: str) -> Iterable[Listeners]:
        """Groups of connections that get the same bytes."""
        groups = self._by_stream.get(stream)
        return groups.values() if groups else ()

    def has_listeners(self, stream: str) -> bool:
        """Whether anybody listens."""
        return stream in self._by_stream

    def connections(self) -> dict[int, Listening]:
        """All connections."""
        return self._by_connection

    def answer(self, connection: int, text: bytes) -> bytes:
        """Obey a control message; returns the reply."""
        try:
            message = msgspec.json.decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return _error(3, "Invalid JSON: expected value at line 1 column 1")
        if not isinstance(message, dict) or "method" not in message:
            return _error(2, "Invalid request: request ID must be an unsigned integer, method must be given")
        number = message.get("id")
        if not _is_id(number):
            return _error(2, "Invalid request: request ID must be a 64-bit integer, up to 36 letters and digits, or null")
        try:
            result = self._obey(connection, message["method"], message.get("params"))
        except _Refused as refused:
            return _error(refused.code, str(refused), number)
        return msgspec.json.encode({"result": result, "id": number})

    def _obey(self, connection: int, method: object, params: object) -> Any:
        listening = self._by_connection[connection]
        names = params if isinstance(params, list) else []
        if method in ("SUBSCRIBE", "UNSUBSCRIBE"):
            if not names or not all(isinstance(name, str) for name in names):
                raise _Refused(2, "Invalid request: params must be a list of stream names")
            if method == "UNSUBSCRIBE":
                self.remove(connection, names)
                return None
            if len(listening.names.keys() | set(names)) > MOST_STREAMS:
                raise _Refused(2, f"Invalid request: more than {MOST_STREAMS} streams")
            self.add(connection, names)
            return None
        if method == "LIST_SUBSCRIPTIONS":
            return list(listening.names)
        if method == "GET_PROPERTY":
            if names != [_COMBINED]:
                raise _Refused(0, "Unknown property")
            return listening.combined
        if method == "SET_PROPERTY":
            return self._set_property(connection, listening, names)
        raise _Refused(2, f"Invalid request: unknown variant {str(method)[:40]!r}")

    def _set_property(self, connection: int, listening: Listening, params: list[Any]) -> None:
        if not params or params[0] != _COMBINED:
            raise _Refused(0, "Unknown property")
        if len(params) != 2 or not isinstance(params[1], bool):
            raise _Refused(1, "Invalid value type: expected Boolean")
        names = list(listening.names)
        self.remove(connection, names)
        listening.combined = params[1]
        self.add(connection, names)

    def _leave(self, connection: int, listening: Listening, names: Iterable[str]) -> None:
        key = (listening.combined, listening.micro)
        for name in names:
            groups = self._by_stream.get(name, {})
            group = groups.get(key)
            if group is None or connection not in group.connections:
                continue
            group.connections.remove(connection)
            if not group.connections:
                del groups[key]
            if not groups:
                del self._by_stream[name]

    def _carries(self, group: str, name: str) -> bool:
        kind = name.partition("@")[2].partition("@")[0]
        kind = "depth" if kind.startswith("depth") else kind
        return group == GROUP_OF.get(kind, "market")


class _Refused(Exception):
    def __init__(self, code: int, message: str) -> None:
        self.code = code
        super().__init__(message)


def _is_id(number: object) -> bool:
    if isinstance(number, bool):
        return False
    if isinstance(number, int):
        return -(2**63) <= number < 2**63
    return number is None or (isinstance(number, str) and _ID.fullmatch(number) is not None)


def _error(code: int, message: str, number: Any = None) -> bytes:
    return msgspec.json.encode({"code": code, "msg": message, "id": number})
