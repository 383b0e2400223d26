"""A server on loopback that says exactly what a test scripts, byte by byte: good WebSockets, broken ones, and bare HTTP."""

import asyncio
import base64
import hashlib
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from attrs import define, field

__all__ = ["Client", "ScriptedServer", "frame", "http", "scripted_server", "upgraded"]

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, BINARY, CLOSE, PING, PONG, CONT = 1, 2, 8, 9, 10, 0


def frame(payload: bytes, opcode: int = TEXT, *, fin: bool = True) -> bytes:
    """One frame as a server sends it, unmasked."""
    first = (0x80 if fin else 0) | opcode
    size = len(payload)
    if size < 126:
        return struct.pack("!BB", first, size) + payload
    if size < 65_536:
        return struct.pack("!BBH", first, 126, size) + payload
    return struct.pack("!BBQ", first, 127, size) + payload


def http(status: int, body: bytes = b"", *headers: str) -> bytes:
    """A whole HTTP answer after which the server closes."""
    lines = [f"HTTP/1.1 {status} Told", f"Content-Length: {len(body)}", "Connection: close", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


@define
class Client:
    """One connection, as the server's script sees it."""

    request: bytes
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @property
    def target(self) -> str:
        """Path and query of the request."""
        return self.request.split(b" ")[1].decode()

    async def send(self, data: bytes) -> None:
        """Bytes to the client."""
        self.writer.write(data)
        await self.writer.drain()

    async def upgrade(self) -> None:
        """Answer the upgrade as it should be."""
        lines = dict(line.split(b": ", 1) for line in self.request.split(b"\r\n")[1:] if b": " in line)
        key = next(value for name, value in lines.items() if name.lower() == b"sec-websocket-key")
        accept = base64.b64encode(hashlib.sha1(key + _GUID).digest())
        await self.send(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
            + accept
            + b"\r\n\r\n"
        )

    async def receive(self) -> tuple[int, bytes]:
        """Opcode and payload of the client's next (short, masked) frame."""
        first, size = await self.reader.readexactly(2)
        mask = await self.reader.readexactly(4)
        data = await self.reader.readexactly(size & 0x7F)
        return first & 0x0F, bytes(byte ^ mask[index % 4] for index, byte in enumerate(data))

    async def gone(self) -> bytes:
        """What the client still sends until it hangs up."""
        try:
            return await self.reader.read()
        except ConnectionError:
            return b""


Script = Callable[[Client], Awaitable[None]]


@define
class ScriptedServer:
    """Port, and the request targets that were asked for."""

    port: int
    asked: list[str] = field(factory=list)

    @property
    def rest(self) -> str:
        """Base address for REST."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws(self) -> str:
        """Base address for WebSockets."""
        return f"ws://127.0.0.1:{self.port}"


@asynccontextmanager
async def scripted_server(script: Script) -> AsyncIterator[ScriptedServer]:
    """A server that runs ``script`` for every connection, and hangs up when it returns. An error of the script is raised."""
    server = ScriptedServer(0)
    running: set[asyncio.Task[None]] = set()
    errors: list[BaseException] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        running.add(task)
        try:
            request = await reader.readuntil(b"\r\n\r\n")
            client = Client(request, reader, writer)
            server.asked.append(client.target)
            await script(client)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        except BaseException as error:
            errors.append(error)
        finally:
            writer.close()
            running.discard(task)

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        for task in list(running):
            task.cancel()
        if running:
            await asyncio.wait(list(running))
        await listening.wait_closed()
    if errors:
        raise errors[0]


def upgraded(script: Script) -> Script:
    """``script`` behind a sound upgrade."""

    async def whole(client: Client) -> None:
        await client.upgrade()
        await script(client)

    return whole
