"""TOML documents with the line of every key, so that a fault can be named as ``file:line table.key``.

tomlkit parses (it keeps the text of each number, so that ``0.10`` becomes an exact decimal and not a binary float); it does not
tell where a key stands, so :mod:`flashcrash_core.config.lines` reads that from the text.
"""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import tomlkit
import tomlkit.exceptions
from attrs import field, frozen

from flashcrash_core.config.lines import KeyPath, key_lines
from flashcrash_core.errors import ConfigError

__all__ = ["Document", "ExactFloat", "KeyPath", "Tree", "dotted", "parse_document", "parse_value", "read_document"]

Tree = dict[str, Any]
"""Nested tables as plain dicts; leaves are str, bool, int, :class:`ExactFloat`, list, date or time."""

MAX_BYTES: Final = 4 * 1024 * 1024
"""A configuration beyond this is a wrong file given by mistake (a capture, a database)."""


class ExactFloat(float):
    """A float that remembers the text it was written as (``0.10``), for settings that are exact decimals."""

    __slots__ = ("text",)
    text: str

    @classmethod
    def of(cls, text: str) -> "ExactFloat":
        """The float written as ``text``, TOML syntax."""
        value = cls(text.replace("_", ""))
        value.text = text.replace("_", "")
        return value

    def __reduce__(self) -> tuple[Any, ...]:
        return (ExactFloat.of, (self.text,))


@frozen
class Document:
    """A parsed file. ``lines`` maps each key path (tables too) to its 1-based line."""

    source: str
    values: Tree
    lines: Mapping[KeyPath, int] = field(factory=dict)


def dotted(path: KeyPath) -> str:
    """``("run", "seed")`` as ``run.seed``; parts with dots or blanks are quoted, as in TOML."""
    return ".".join(part if part.replace("_", "").replace("-", "").isalnum() else f'"{part}"' for part in path)


def read_document(path: Path, *, shown_as: str | None = None) -> Document:
    """Read and parse one file. Raises ConfigError naming file and line."""
    source = shown_as or str(path)
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{source}: cannot be read: {error.strerror or error}; check the path and its permissions") from error
    if len(data) > MAX_BYTES:
        raise ConfigError(f"{source}: larger than {MAX_BYTES // 2**20} MiB; this is not a configuration file")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{source}:{line}: not UTF-8 text; save the file as UTF-8") from error
    return parse_document(text, source)


def parse_document(text: str, source: str) -> Document:
    """Parse TOML text. Raises ConfigError as ``source:line: message``."""
    try:
        parsed = tomlkit.parse(text)
    except tomlkit.exceptions.TOMLKitError as error:
        line = _line_of_fault(text, getattr(error, "line", None))
        message = str(error).split(" at line ")[0]
        if "\\x00" in message and "\0" not in text:  # how tomlkit says "end of text"
            message = "the text ends inside a value; close the bracket or the quote"
        raise ConfigError(f"{source}:{line}: not valid TOML: {message}") from error
    return Document(source=source, values=_plain(parsed), lines=key_lines(text))


def _line_of_fault(text: str, reported: int | None) -> int:
    # tomlkit names no line for some keys given twice and the end of the table for others; the standard parser is exact there.
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        match = re.search(r"\(at line (\d+)", str(error))
        if match is not None:
            return int(match.group(1))
    return reported or text.count("\n") + 1


def parse_value(text: str) -> Any:
    """A value of the environment or ``--set``: TOML if it parses as such (``5``, ``true``, ``["a"]``, ``"5"``), else the text."""
    try:
        return _plain(tomlkit.value(text))
    except (tomlkit.exceptions.TOMLKitError, ValueError):
        return text


def _plain(item: Any) -> Any:
    if isinstance(item, Mapping):
        return {str(key): _plain(value) for key, value in item.items()}
    if isinstance(item, list | tuple):
        return [_plain(value) for value in item]
    if isinstance(item, bool):
        return item
    if isinstance(item, tomlkit.items.Float):
        return ExactFloat.of(item.as_string())
    if isinstance(item, tomlkit.items.Item):
        return _plain(item.unwrap())
    return item
