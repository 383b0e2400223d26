"""REST requests: answers with their times, and every way of getting none in words."""

import asyncio
import socket
from collections.abc import Callable

import pytest
from attrs import frozen
from scripted_server import Client, Script, http, scripted_server

from flashcrash_binance.transport.clock import steady_clock
from flashcrash_binance.transport.failures import FailureKind, failure_of_status
from flashcrash_binance.transport.rest import Answer, RestClient, Unanswered


@frozen
class Got:
    """The answer or the failure, and the targets that the server was asked for."""

    answer: Answer | None
    failure: object
    asked: list[str]


def ask(script: Script, path: str = "/api/v3/time", query: dict[str, str | int] | None = None, times: int = 1) -> Got:
    """Ask a scripted server, over one client."""

    async def play() -> Got:
        async with scripted_server(script) as server:
            client = RestClient(server.rest + "/", steady_clock())
            answer, failure = None, None
            try:
                for _ in range(times):
                    answer = await client.get(path, query)
            except Unanswered as unanswered:
                failure = unanswered.failure
            finally:
                await client.close()
            return Got(answer, failure, server.asked)

    return asyncio.run(play())


def telling(data: bytes) -> Script:
    """A server that says this and hangs up."""

    async def script(client: Client) -> None:
        await client.send(data)

    return script


def test_an_answer_has_status_headers_body_and_times() -> None:
    """Whatever the status, an answer is an answer; header names have no case, and it left before it came."""
    got = ask(telling(http(429, b'{"code":-1003}', "Retry-After: 9", "X-MBX-USED-WEIGHT-1M: 6001")))
    answer = got.answer
    assert answer is not None
    assert (answer.status, answer.body) == (429, b'{"code":-1003}')
    assert answer.headers["x-mbx-used-weight-1m"] == "6001"
    assert 0 < answer.sent_us <= answer.received_us
    assert got.asked == ["/api/v3/time"]


def test_the_query_is_encoded() -> None:
    """A list of symbols and letters beyond ASCII reach the server percent-encoded."""
    got = ask(telling(http(200, b"{}")), "/api/v3/exchangeInfo", {"symbols": '["\uff11\uff12USDT"]', "limit": 5})
    assert got.asked == ["/api/v3/exchangeInfo?symbols=%5B%22%EF%BC%91%EF%BC%92USDT%22%5D&limit=5"]


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", FailureKind.CUT),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", FailureKind.CUT),
        (b"220 mail.example ESMTP\r\n\r\n", FailureKind.PROTOCOL),
    ],
    ids=["nothing", "half", "not HTTP"],
)
def test_no_whole_answer_is_a_failure(data: bytes, kind: FailureKind) -> None:
    """A server that hangs up before or in the middle of its answer, or that speaks something else."""
    failure = ask(telling(data)).failure
    assert getattr(failure, "kind", None) is kind


def test_a_redirect_is_not_followed() -> None:
    """A redirect, as of a page where one logs in to a network, is an answer with its status and no second request."""
    got = ask(telling(http(302, b"", "Location: http://127.0.0.1:9/login")))
    assert got.answer is not None
    assert got.answer.status == 302
    assert len(got.asked) == 1


def test_an_endless_answer_is_cut_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A body beyond the limit is a failure, and is not kept."""
    monkeypatch.setattr("flashcrash_binance.transport.rest._MAX_BYTES", 1000)
    failure = ask(telling(http(200, b"x" * 5000))).failure
    assert "more than 1000 bytes" in str(failure)


def fails(base: Callable[[int], str]) -> object:
    """The failure of asking a place where nobody listens; ``base`` is given a free port."""

    async def play(port: int) -> object:
        client = RestClient(base(port), steady_clock())
        try:
            await client.get("/api/v3/ping")
        except Unanswered as unanswered:
            return unanswered.failure
        finally:
            await client.close()
        return None

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return asyncio.run(play(free.getsockname()[1]))


@pytest.mark.parametrize(
    ("base", "kind", "says"),
    [
        (lambda port: f"http://127.0.0.1:{port}", FailureKind.CONNECT, "online"),
        (lambda _port: "http://no-such-host.invalid", FailureKind.DNS, "DNS"),
        (lambda _port: "http://", FailureKind.PROTOCOL, "base addresses"),
    ],
    ids=["refused", "no such name", "no address"],
)
def test_what_cannot_be_reached_is_told_by_its_step(base: Callable[[int], str], kind: FailureKind, says: str) -> None:
    """Connection refused, a name without an address and a bad address are different failures with advice of their own."""
    failure = fails(base)
    assert getattr(failure, "kind", None) is kind
    assert says in str(failure)


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (451, "place this machine is in"),
        (403, "firewall"),
        (418, "wait 30 s, trying sooner makes it longer"),
        (429, "wait 30 s"),
        (404, "environment"),
        (500, "Binance's side"),
        (400, "--symbols"),
    ],
)
def test_every_refusal_says_what_to_do(status: int, says: str) -> None:
    """Each status that Binance refuses with has advice that fits it, and quotes what Binance said."""
    failure = failure_of_status(
        status, "https://api.binance.com/api/v3/depth", {"Retry-After": "30"}, b'{"code":-1,"msg":"so it is"}'
    )
    assert says in str(failure)
    assert "so it is" in str(failure)
    assert f"HTTP {status}" in str(failure)


def test_a_page_instead_of_a_message_is_not_quoted() -> None:
    """An HTML page of a firewall does not end up in the message."""
    failure = failure_of_status(403, "https://api.binance.com/api/v3/ping", {}, b"<html><body>Request blocked</body></html>")
    assert "<html" not in str(failure)


def test_the_clock_tells_wall_time_and_never_goes_back() -> None:
    """Microseconds UTC within a second of the system's clock, and rising."""
    import time

    clock = steady_clock()
    times = [clock() for _ in range(1000)]
    assert times == sorted(times)
    assert abs(times[-1] - time.time_ns() // 1000) < 1_000_000
