"""A local exchange for plugins that reach out: the settings that name it, and the proof that they name nothing else.

Live feeds and executors of real runs are connected to nothing unless their author says where. What the author says must be this
machine: the kit sends orders.
"""

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import attrs

from flashcrash_core.errors import UsageError
from flashcrash_core.specs import ExecutorSpec, FeedSpec, Spec

__all__ = ["reaches_out", "require_loopback", "with_endpoint"]

_NAMES = frozenset({"localhost", "ip6-localhost"})


def reaches_out(spec: Spec) -> bool:
    """Whether the thing may speak to a venue: a live feed, or an executor that serves real runs and no others."""
    return (isinstance(spec, FeedSpec) and spec.live) or (isinstance(spec, ExecutorSpec) and spec.modes == {"real"})


def with_endpoint(options: Mapping[str, Any], endpoint: Mapping[str, Any]) -> dict[str, Any]:
    """``options`` with the settings of ``endpoint`` in their place, table by table."""
    merged = dict(options)
    for key, value in endpoint.items():
        old = merged.get(key)
        merged[key] = with_endpoint(old, value) if isinstance(value, Mapping) and isinstance(old, Mapping) else value
    return merged


def require_loopback(name: str, endpoint: Mapping[str, Any], config: Any) -> None:
    """Raise UsageError unless every text in ``endpoint`` names this machine, and every URL in the whole ``config`` does.

    A text is a URL, ``host``, ``host:port`` or the absolute path of a socket. ``config`` is the attrs instance that is built with.
    """
    for key, value in _texts(endpoint):
        if not _is_local(value):
            raise UsageError(
                f"{name}: local_endpoint.{key} is {value!r}, which is not on this machine; name 127.0.0.1, [::1] or localhost, and "
                "put settings that are no address into config"
            )
    plain = attrs.asdict(config) if attrs.has(type(config)) else {}
    for key, value in _texts(plain):
        if "://" in value and not _is_local(value):
            raise UsageError(
                f"{name}: {key} is {value!r} beside a local_endpoint; point every address at the local exchange, this one as well"
            )


def _texts(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Every text in nested tables and lists, with its dotted key."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _texts(inner, f"{key}.{name}".lstrip("."))
    elif isinstance(value, list | tuple | set | frozenset):
        for inner in value:
            yield from _texts(inner, key)


def _is_local(text: str) -> bool:
    if text.startswith("/"):
        return not text.startswith("//")
    try:
        host = urlsplit(text if "://" in text else f"//{_bracketed(text)}").hostname or ""
        return host.lower() in _NAMES or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _bracketed(text: str) -> str:
    """An IPv6 address without a port in the brackets that a URL wants."""
    return f"[{text}]" if text.count(":") > 1 and not text.startswith("[") else text
