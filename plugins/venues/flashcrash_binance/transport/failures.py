"""Why a venue could not be reached, in one sentence with what to do about it.

The same words for a REST request, a WebSocket and ``flashcrash doctor``. Statuses: reference/binance.md sections 8 and 9.
"""

import json
import socket
import ssl
from collections.abc import Mapping
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

from attrs import frozen

__all__ = ["Failure", "FailureKind", "failure_of", "failure_of_status"]


class FailureKind(StrEnum):
    """Which step failed."""

    DNS = "dns"
    CONNECT = "connect"
    TIMEOUT = "timeout"
    TLS = "tls"
    STATUS = "status"
    PROTOCOL = "protocol"
    CUT = "cut"


_NO_HOPE: Final = frozenset({400, 401, 403, 404, 405, 410, 418, 451})
"""Statuses that asking again does not change."""
_SHOWN: Final = 160


@frozen
class Failure:
    """One failed attempt. ``detail`` is what the system or the venue said; ``status`` the HTTP status, 0 where there was none."""

    kind: FailureKind
    url: str
    detail: str
    status: int = 0
    retry_after_s: float | None = None

    @property
    def place(self) -> str:
        """Host and port."""
        return _place(self.url)

    @property
    def final(self) -> bool:
        """Whether trying again soon is pointless: a person has to do something first."""
        return self.kind is FailureKind.TLS or (self.kind is FailureKind.STATUS and self.status in _NO_HOPE)

    @property
    def what(self) -> str:
        """What happened, where."""
        match self.kind:
            case FailureKind.DNS:
                return f"{self.place}: the name cannot be resolved ({self.detail})"
            case FailureKind.CONNECT:
                return f"{self.place}: no connection ({self.detail})"
            case FailureKind.TIMEOUT:
                return f"{self.place}: no answer ({self.detail})"
            case FailureKind.TLS:
                return f"{self.place}: no secure connection ({self.detail})"
            case FailureKind.STATUS:
                return f"{self.place}: HTTP {self.status}{_of(self.detail)} for {urlsplit(self.url).path or '/'}"
            case FailureKind.PROTOCOL:
                return f"{self.place}: not an answer of Binance ({self.detail})"
            case FailureKind.CUT:
                return f"{self.place}: the connection was cut ({self.detail})"

    @property
    def advice(self) -> str:
        """What to do about it."""
        match self.kind:
            case FailureKind.DNS:
                return "check that this machine is online and its DNS works, and the spelling of rest and ws in [feeds.binance]"
            case FailureKind.CONNECT | FailureKind.TIMEOUT | FailureKind.CUT:
                return "check that this machine is online, that no firewall is in between, and rest and ws in [feeds.binance]"
            case FailureKind.TLS:
                return (
                    "check this machine's clock and its CA certificates; a proxy that opens TLS must be trusted by this machine; a "
                    "local exchange speaks http:// and ws://"
                )
            case FailureKind.PROTOCOL:
                return "rest and ws in [feeds.binance] must be base addresses of Binance (or of `flashcrash exchange`) and no page"
            case FailureKind.STATUS:
                return _advice_of_status(self.status, self.retry_after_s)

    def __str__(self) -> str:
        return f"{self.what}; {self.advice}"


def failure_of(error: BaseException, url: str) -> Failure:
    """The failure that an exception of a socket, of TLS or of a time limit stands for."""
    for one in _chain(error):
        if isinstance(one, ssl.SSLError):
            reason = getattr(one, "verify_message", "") or one.reason or str(one)
            return Failure(FailureKind.TLS, url, _short(str(reason)))
        if isinstance(one, socket.gaierror):
            return Failure(FailureKind.DNS, url, one.strerror or str(one))
        if isinstance(one, TimeoutError):
            return Failure(FailureKind.TIMEOUT, url, _short(str(one)) or "time limit")
    for one in _chain(error):
        if isinstance(one, ConnectionResetError | BrokenPipeError | EOFError):
            return Failure(FailureKind.CUT, url, _short(str(one)) or type(one).__name__)
        if isinstance(one, OSError):
            return Failure(FailureKind.CONNECT, url, _short(one.strerror or str(one)))
    return Failure(FailureKind.CUT, url, _short(f"{type(error).__name__}: {error}"))


def failure_of_status(status: int, url: str, headers: Mapping[str, str], body: bytes) -> Failure:
    """The failure that an HTTP status other than success stands for."""
    try:
        wait_s: float | None = float(headers.get("Retry-After", ""))
    except ValueError:
        wait_s = None
    return Failure(FailureKind.STATUS, url, _message(body), status, wait_s)


def _advice_of_status(status: int, wait_s: float | None) -> str:
    wait = "for some minutes" if wait_s is None else f"{wait_s:.0f} s"
    match status:
        case 451:
            return "Binance does not serve the place this machine is in; work with recorded data, or with `flashcrash exchange`"
        case 403:
            return f"Binance's firewall turned this machine away, often for too many connections; wait {wait} before trying again"
        case 418:
            return f"Binance banned this address for asking too much; wait {wait}, trying sooner makes it longer"
        case 429:
            return f"this address asked too much; wait {wait}, and stop other programs that use Binance from here"
        case 400:
            return "check --symbols and market in [feeds.binance]"
        case 404 | 405 | 410 | 301 | 302 | 307 | 308:
            return "this is not where Binance serves it; check environment, market, rest and ws in [feeds.binance]"
        case _ if status >= 500:
            return "a fault on Binance's side; try again in a moment"
        case _:
            return "check environment, market, rest and ws in [feeds.binance]"


def _message(body: bytes) -> str:
    """The message in Binance's error document, or the beginning of another text."""
    try:
        told = json.loads(body)
        return _short(f"{told['code']} {told['msg']}")
    except (ValueError, KeyError, TypeError):
        text = body[: 4 * _SHOWN].decode("utf-8", "replace").strip()
        return "" if text.startswith("<") else _short(text)


def _of(detail: str) -> str:
    return f" ({detail})" if detail else ""


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else f"{line[: _SHOWN - 3]}..."


def _place(url: str) -> str:
    return urlsplit(url).netloc or url


def _chain(error: BaseException) -> list[BaseException]:
    """The error and what it was raised from, outermost first; of a group of attempts the parts as well."""
    seen: list[BaseException] = []
    todo: list[BaseException | None] = [error]
    while todo:
        one = todo.pop()
        if one is None or one in seen:
            continue
        seen.append(one)
        if isinstance(one, BaseExceptionGroup):
            todo.extend(one.exceptions)
        todo.append(getattr(one, "os_error", None))
        todo.append(one.__cause__ or one.__context__)
    return seen
