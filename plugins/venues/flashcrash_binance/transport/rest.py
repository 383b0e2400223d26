"""REST by aiohttp: one GET, its answer with the times at which it left and came, or the failure in words."""

import asyncio
import ssl
from collections.abc import Mapping
from typing import Final

import aiohttp
from attrs import frozen
from yarl import URL

from flashcrash_binance.transport.clock import Clock
from flashcrash_binance.transport.failures import Failure, FailureKind, failure_of

__all__ = ["Answer", "RestClient", "Unanswered"]

CONNECT_S: Final = 5.0
ANSWER_S: Final = 10.0
"""The server itself gives up after 10 s (reference/binance.md section 4)."""
_MAX_BYTES: Final = 64 * 2**20
"""USD-M's whole exchangeInfo has about 1 MB."""


@frozen
class Answer:
    """What came back. ``headers`` are case-insensitive; times are microseconds of the client's clock."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    sent_us: int
    received_us: int


class Unanswered(Exception):
    """No HTTP answer came at all."""

    def __init__(self, failure: Failure) -> None:
        self.failure = failure
        super().__init__(str(failure))


class RestClient:
    """GET requests below one base address. Connections are kept and reused."""

    def __init__(self, base: str, clock: Clock) -> None:
        self.base = base.rstrip("/")
        self._clock = clock
        self._session: aiohttp.ClientSession | None = None

    async def get(
        self, path: str, query: Mapping[str, str | int] | None = None, *, signed: str = "", headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Ask for ``path``. Raises :class:`Unanswered` when no answer came; a status such as 429 is an answer.

        ``signed`` is a query that was encoded and signed, sent as it is.
        """
        session = self._session
        if session is None:
            timeout = aiohttp.ClientTimeout(total=ANSWER_S, sock_connect=CONNECT_S)
            session = self._session = aiohttp.ClientSession(timeout=timeout, headers={"User-Agent": "flashcrash"})
        url = self.base + path
        sent_us = self._clock()
        try:
            target = URL(f"{url}?{signed}", encoded=True) if signed else url
            async with session.get(target, params=query, headers=headers, allow_redirects=False) as response:
                body = await _read(response, url)
                return Answer(url, response.status, response.headers, body, sent_us, self._clock())
        except aiohttp.InvalidURL as error:
            raise Unanswered(Failure(FailureKind.PROTOCOL, url, f"{error} is no address")) from error
        except TimeoutError as error:
            after_s = (self._clock() - sent_us) / 1e6
            raise Unanswered(Failure(FailureKind.TIMEOUT, url, f"after {after_s:.1f} s")) from error
        except aiohttp.ClientPayloadError as error:
            raise Unanswered(Failure(FailureKind.CUT, url, "in the middle of its answer")) from error
        except aiohttp.ClientResponseError as error:
            raise Unanswered(Failure(FailureKind.PROTOCOL, url, error.message or "no HTTP")) from error
        except aiohttp.ServerDisconnectedError as error:
            raise Unanswered(Failure(FailureKind.CUT, url, "before its answer")) from error
        except (aiohttp.ClientError, OSError, ssl.SSLError) as error:
            raise Unanswered(failure_of(error, url)) from error

    async def close(self) -> None:
        """Close every connection."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()
            await asyncio.sleep(0)  # the sockets are closed by callbacks of the loop


async def _read(response: aiohttp.ClientResponse, url: str) -> bytes:
    """The whole body, unless it is absurdly long."""
    parts = []
    size = 0
    async for part in response.content.iter_any():
        size += len(part)
        if size > _MAX_BYTES:
            raise Unanswered(Failure(FailureKind.PROTOCOL, url, f"an answer of more than {_MAX_BYTES} bytes"))
        parts.append(part)
    return b"".join(parts)
