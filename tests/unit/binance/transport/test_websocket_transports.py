"""Both WebSocket transports tell the same story of the same bytes."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from importlib.util import find_spec

import pytest
from attrs import define, field
from scripted_server import BINARY, CLOSE, CONT, PING, PONG, Client, Script, frame, http, scripted_server, upgraded

from flashcrash_binance.transport import over_picows, over_websockets
from flashcrash_binance.transport.failures import Failure, FailureKind
from flashcrash_binance.transport.interface import WebSocketConnection, WebSocketTransport, transport_named
from flashcrash_core.api import UsageError

MAX_BYTES = 4096
MAKERS: dict[str, Callable[[asyncio.AbstractEventLoop], WebSocketTransport]] = {
    "websockets": lambda loop: over_websockets.WebsocketsTransport(loop, max_bytes=MAX_BYTES),
    "picows": lambda loop: over_picows.PicowsTransport(loop, max_bytes=MAX_BYTES),
}
both = pytest.mark.parametrize("name", MAKERS)


@define(eq=False)
class Ear:
    """A handler that writes everything down."""

    heard: list[object] = field(factory=list)
    code: int = 0
    reason: str = ""
    failure: Failure | None = None
    over: asyncio.Event = field(factory=asyncio.Event)
    fresh: asyncio.Event = field(factory=asyncio.Event)

    def on_open(self) -> None:
        self.heard.append("open")
        self.fresh.set()

    def on_message(self, payload: bytes) -> None:
        self.heard.append(payload)
        self.fresh.set()

    def on_close(self, code: int, reason: str, failure: Failure | None) -> None:
        assert not self.over.is_set(), "closed twice"
        self.heard.append("close")
        self.code, self.reason, self.failure = code, reason, failure
        self.over.set()
        self.fresh.set()

    async def until(self, count: int) -> None:
        """Return when so much was heard."""
        while len(self.heard) < count:
            await self.fresh.wait()
            self.fresh.clear()


def told(name: str, script: Script, *, scheme: str = "ws") -> Ear:
    """What the handler heard until the connection was over and gone."""

    async def play() -> Ear:
        ear = Ear()
        async with scripted_server(script) as server:
            connection = MAKERS[name](asyncio.get_running_loop()).connect(f"{scheme}://127.0.0.1:{server.port}/stream", ear)
            async with asyncio.timeout(20):
                await ear.over.wait()
                await connection.wait_closed()
        return ear

    return asyncio.run(play())


def test_picows_is_installed_for_the_tests() -> None:
    """The extra ``fast`` is part of the development environment, so both transports are tested."""
    assert find_spec("picows") is not None


@both
def test_messages_come_whole_and_in_order_however_they_were_cut(name: str) -> None:
    """Frames in single bytes, several in one packet, in parts with a ping in between, and of all three sizes arrive as messages."""
    big = b"x" * 3000
    stream = (
        frame(b"one")
        + frame(b"two", BINARY)
        + frame(b"thr", fin=False)
        + frame(b"are you there", PING)
        + frame(b"ee", CONT)
        + frame(b"")
        + frame(b"y" * 200)
        + frame(big)
    )

    async def script(client: Client) -> None:
        for at in range(60):
            await client.send(stream[at : at + 1])
            await asyncio.sleep(0)
        await client.send(stream[60:])
        assert await client.receive() == (PONG, b"are you there")
        await client.send(frame(b"\x03\xe9bye", CLOSE))
        await client.gone()

    ear = told(name, upgraded(script))
    assert ear.heard == ["open", b"one", b"two", b"three", b"", b"y" * 200, big, "close"]
    assert (ear.code, ear.reason, ear.failure) == (1001, "bye", None)


@both
def test_a_stream_that_breaks_off_is_told_as_cut(name: str) -> None:
    """The server hangs up without a goodbye, in the middle of a frame: what came before is delivered, then the cut."""

    async def script(client: Client) -> None:
        await client.send(frame(b"whole") + frame(b"half of this")[:6])

    ear = told(name, upgraded(script))
    assert ear.heard == ["open", b"whole", "close"]
    assert ear.code == 1006
    assert ear.failure is not None
    assert ear.failure.kind is FailureKind.CUT
    assert not ear.failure.final


@both
@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (frame(b"z" * (MAX_BYTES + 1)), 1009),
        (frame(b"z" * MAX_BYTES, fin=False) + frame(b"z", CONT), 1009),
        (b"\xf1\x01z", 1002),
        (frame(b"never begun", CONT, fin=False) + frame(b"again"), 1002),
    ],
    ids=["too big", "too big in parts", "reserved bits", "no beginning"],
)
def test_a_message_that_breaks_the_protocol_ends_the_connection(name: str, bad: bytes, code: int) -> None:
    """A huge or malformed frame is never delivered; the connection ends once, with the code that says why."""

    async def script(client: Client) -> None:
        await client.send(frame(b"good") + bad)
        await client.gone()

    ear = told(name, upgraded(script))
    assert ear.heard == ["open", b"good", "close"]
    assert ear.code == code or (name == "picows" and ear.code == 1006)


@both
@pytest.mark.parametrize(("status", "final"), [(451, True), (403, True), (404, True), (418, True), (429, False), (503, False)])
def test_a_refused_upgrade_tells_status_and_body(name: str, status: int, final: bool) -> None:
    """An HTTP status instead of an upgrade is a failure with that status, what Binance said, and advice."""

    async def script(client: Client) -> None:
        await client.send(http(status, b'{"code":-1003,"msg":"Way too much."}', "Retry-After: 7"))

    ear = told(name, script)
    assert ear.heard == ["close"]
    failure = ear.failure
    assert failure is not None
    assert (failure.kind, failure.status, failure.retry_after_s) == (FailureKind.STATUS, status, 7.0)
    assert failure.final is final
    assert f"HTTP {status}" in str(failure)
    assert "Way too much." in str(failure)


@both
@pytest.mark.parametrize(
    "answer",
    [b"220 mail.example ESMTP\r\n\r\n", b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"],
    ids=["not HTTP", "no accept key"],
)
def test_a_server_of_something_else_is_told_as_no_binance(name: str, answer: bytes) -> None:
    """What does not speak WebSockets is a failure of the protocol, with the advice to check the address."""

    async def script(client: Client) -> None:
        await client.send(answer)
        await client.gone()

    ear = told(name, script)
    assert ear.heard == ["close"]
    assert ear.failure is not None
    assert ear.failure.kind is FailureKind.PROTOCOL
    assert "base addresses" in ear.failure.advice


@both
def test_a_server_that_hangs_up_at_the_upgrade_is_told_as_cut_or_no_answer(name: str) -> None:
    """Dropped before the upgrade's answer: one failure, no opening, worth another try."""

    async def script(client: Client) -> None:
        return

    ear = told(name, script)
    assert ear.heard == ["close"]
    assert ear.failure is not None
    assert not ear.failure.final


@both
def test_plain_text_where_tls_is_expected_is_told_as_tls(name: str) -> None:
    """wss:// to a server without TLS: the failure says so and that a local exchange speaks ws://."""

    async def play() -> Ear:
        ear = Ear()

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(100)
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            writer.close()

        async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            connection = MAKERS[name](asyncio.get_running_loop()).connect(f"wss://127.0.0.1:{port}/ws", ear)
            async with asyncio.timeout(20):
                await ear.over.wait()
                await connection.wait_closed()
        return ear

    ear = asyncio.run(play())
    assert ear.failure is not None
    assert ear.failure.kind is FailureKind.TLS
    assert ear.failure.final
    assert "ws://" in ear.failure.advice


@both
def test_nobody_there_and_no_such_name_are_told_apart(name: str) -> None:
    """A refused connection is a failure to connect, an unknown host name one of DNS."""

    async def play(url: str) -> Ear:
        ear = Ear()
        connection = MAKERS[name](asyncio.get_running_loop()).connect(url, ear)
        async with asyncio.timeout(20):
            await ear.over.wait()
            await connection.wait_closed()
        return ear

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        refused = asyncio.run(play(f"ws://127.0.0.1:{free.getsockname()[1]}/ws"))
    unknown = asyncio.run(play("ws://no-such-host.invalid:9/ws"))
    assert refused.failure is not None
    assert unknown.failure is not None
    assert (refused.failure.kind, unknown.failure.kind) == (FailureKind.CONNECT, FailureKind.DNS)
    assert "no-such-host.invalid" in str(unknown.failure)


@both
def test_closing_says_goodbye_and_is_not_heard_of_again(name: str) -> None:
    """After close() the handler hears nothing, the server gets code 1000, and closing twice is harmless."""
    seen: list[tuple[int, bytes]] = []

    async def script(client: Client) -> None:
        await client.send(frame(b"hello"))
        seen.append(await client.receive())
        said.set()
        await client.send(frame(b"too late"))
        await client.gone()

    said = asyncio.Event()

    async def play() -> Ear:
        ear = Ear()
        async with scripted_server(upgraded(script)) as server:
            connection = MAKERS[name](asyncio.get_running_loop()).connect(f"{server.ws}/stream", ear)
            async with asyncio.timeout(20):
                await ear.until(2)
                connection.close()
                connection.close()
                await connection.wait_closed()
                await said.wait()
        return ear

    ear = asyncio.run(play())
    assert ear.heard == ["open", b"hello"]
    assert seen == [(CLOSE, b"\x03\xe8")]


@both
@pytest.mark.parametrize("answered", [False, True], ids=["upgrade hangs", "just connected"])
def test_closing_while_it_opens_leaves_nothing(name: str, answered: bool) -> None:
    """close() during the opening is silent, and wait_closed() returns with the socket gone."""

    async def script(client: Client) -> None:
        asked.set()
        if answered:
            await client.upgrade()
        assert await client.gone() is not None
        left.set()

    async def play() -> Ear:
        ear = Ear()
        async with scripted_server(script) as server:
            connection: WebSocketConnection = MAKERS[name](asyncio.get_running_loop()).connect(f"{server.ws}/stream", ear)
            async with asyncio.timeout(20):
                await asked.wait()
                connection.close()
                await connection.wait_closed()
                await left.wait()
        return ear

    asked, left = asyncio.Event(), asyncio.Event()
    assert asyncio.run(play()).heard == []


@both
def test_an_address_that_is_none_is_refused_at_once(name: str) -> None:
    """A URL without ws:// raises UsageError and names the setting."""

    async def play() -> None:
        MAKERS[name](asyncio.get_running_loop()).connect("https://stream.binance.com", Ear())

    with pytest.raises(UsageError, match=r"feeds\.binance"):
        asyncio.run(play())


def test_auto_takes_picows_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """``auto`` is picows with the extra and websockets without it; a name that was asked for is taken."""
    loop = asyncio.new_event_loop()
    try:
        assert transport_named("auto", loop).name == "picows"
        assert transport_named("websockets", loop).name == "websockets"
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
        assert transport_named("auto", loop).name == "websockets"
    finally:
        loop.close()


def test_tls_reasons_are_told() -> None:
    """A certificate that is not accepted is told with OpenSSL's reason."""
    from flashcrash_binance.transport.failures import failure_of

    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_message = "self-signed certificate"
    failure = failure_of(error, "wss://example.invalid/ws")
    assert "self-signed certificate" in str(failure)
    assert failure.final
