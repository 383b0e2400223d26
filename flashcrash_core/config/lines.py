"""On which line each key of a TOML text stands. The text is known to be valid: the parser has accepted it before."""

import json
import re
from typing import Final

from attrs import define, field

__all__ = ["KeyPath", "key_lines"]

KeyPath = tuple[str, ...]

_BLANK: Final = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_KEY: Final = re.compile(r"""[ \t]*("(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[A-Za-z0-9_-]+)[ \t]*(\.?)""")
_STRING: Final = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}'  # a basic multi-line string may end in up to two quotes of its own
    r"|'''.*?'{3,5}"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)
_BARE: Final = re.compile(r"[^,\]}#\n]+")


def key_lines(text: str) -> dict[KeyPath, int]:
    """Every key path of ``text`` (tables included) with the 1-based line of its first appearance."""
    scanner = _Scanner(text)
    scanner.document()
    return scanner.lines


@define
class _Scanner:
    text: str
    pos: int = 0
    lines: dict[KeyPath, int] = field(factory=dict)

    def document(self) -> None:
        table: KeyPath = ()
        while self._skip_blank():
            if self.text[self.pos] == "[":
                width = 2 if self.text.startswith("[[", self.pos) else 1
                self.pos += width
                table = ()
                table = self._key(table)
                self.pos += width
            else:
                self._key_value(table)

    def _skip_blank(self) -> bool:
        match = _BLANK.match(self.text, self.pos)
        assert match is not None  # the pattern matches the empty string too
        self.pos = match.end()
        return self.pos < len(self.text)

    def _key(self, parent: KeyPath) -> KeyPath:
        path = parent
        line = self.text.count("\n", 0, self.pos) + 1
        more = "."
        while more:
            match = _KEY.match(self.text, self.pos)
            if match is None:  # cannot happen on valid TOML; stop rather than loop
                self.pos = len(self.text)
                return path
            raw, more = match.groups()
            self.pos = match.end()
            if raw[0] == '"':
                raw = json.loads(raw) if "\\" in raw else raw[1:-1]
            elif raw[0] == "'":
                raw = raw[1:-1]
            path = (*path, raw)
            self.lines.setdefault(path, line)
        return path

    def _key_value(self, parent: KeyPath) -> None:
        path = self._key(parent)
        self.pos += 1  # the equals sign
        self._value(path)

    def _value(self, path: KeyPath) -> None:
        self._skip_blank()
        string = _STRING.match(self.text, self.pos)
        if string is not None:
            self.pos = string.end()
        elif self.text.startswith("[", self.pos):
            self._items(path, "]", pairs=False)
        elif self.text.startswith("{", self.pos):
            self._items(path, "}", pairs=True)
        else:
            bare = _BARE.match(self.text, self.pos)
            self.pos = bare.end() if bare is not None else self.pos + 1

    def _items(self, path: KeyPath, close: str, *, pairs: bool) -> None:
        self.pos += 1
        while self._skip_blank():
            char = self.text[self.pos]
            if char == close:
                self.pos += 1
                return
            if char == ",":
                self.pos += 1
            elif pairs:
                self._key_value(path)
            else:
                self._value(path)
