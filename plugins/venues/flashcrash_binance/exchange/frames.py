"""What the exchange hands to whoever has the sockets."""

from attrs import field, frozen

__all__ = ["Answer", "Close", "Cut", "Frame", "Ping", "Pong", "Refusal"]


@frozen
class Close:
    """Close the connection in good order."""

    code: int
    reason: str


@frozen
class Ping:
    """A ping; the client has to echo its payload."""

    payload: bytes


@frozen
class Pong:
    """The answer to a client's ping."""

    payload: bytes


@frozen
class Cut:
    """The connection breaks, after half of the frame of ``payload`` (nothing of it if that is empty)."""

    payload: bytes = b""
    reason: str = "connection reset"


@frozen
class Frame:
    """For one connection: a text message, or something else. Frames of a connection leave in order."""

    connection: int
    at_us: int
    payload: bytes | Close | Ping | Pong | Cut


@frozen
class Refusal:
    """The upgrade is refused with an HTTP status; 0: the connection breaks without an answer."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(factory=dict)


@frozen
class Answer:
    """A REST answer; ``delay_us`` later it leaves. Status 0: the connection breaks without one."""

    status: int
    headers: dict[str, str]
    body: bytes
    delay_us: int = 0
