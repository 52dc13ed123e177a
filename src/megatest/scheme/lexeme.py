"""The words of Scheme text, one by one: what each means."""

from __future__ import annotations

import re
from megatest.typed import Final

from megatest.scheme.number import parse_number
from megatest.scheme.value import Keyword, Special, Symbol, Value

_ESCAPE: Final = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|[ \t]*\n[ \t]*|(.))", re.DOTALL)
_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "v": "\v", "f": "\f", "0": "\0"}
_CHAR_NAMES: Final = {
    "space": " ",
    "newline": "\n",
    "linefeed": "\n",
    "tab": "\t",
    "return": "\r",
    "nul": "\0",
    "null": "\0",
    "escape": "\x1b",
    "esc": "\x1b",
    "alarm": "\a",
    "backspace": "\b",
    "delete": "\x7f",
    "page": "\f",
    "vtab": "\v",
}
_HASH_WORDS: Final = {
    "#t": True,
    "#true": True,
    "#f": False,
    "#false": False,
    "#!eof": Special.EOF,
    "#!unspecified": Special.UNSPECIFIED,
    "#!key": Symbol("#!key"),
    "#!optional": Symbol("#!optional"),
    "#!rest": Symbol("#!rest"),
}


def char_named(name: str) -> str | None:
    """Return the character that ``#\\NAME`` is; None if there is none of this name."""
    if len(name) == 1:
        return name
    if re.fullmatch(r"[xuU][0-9a-fA-F]{1,6}", name) and int(name[1:], 16) < 0x110000:
        return chr(int(name[1:], 16))
    return _CHAR_NAMES.get(name)


def hash_word_value(word: str) -> Value:
    """Return what a word that begins with ``#`` means; None if nothing."""
    if word in _HASH_WORDS:
        return _HASH_WORDS[word]
    if word.startswith("#:") and len(word) > 2:
        return Keyword(word[2:])
    return parse_number(word)


def word_value(word: str) -> Value:
    """Return what any other word means: a symbol, a keyword or a number."""
    if "|" in word:
        return Symbol(word.replace("|", ""))
    if word.endswith(":") and len(word) > 1:
        return Keyword(word[:-1])
    number = parse_number(word)
    return Symbol(word) if number is None else number


def unescape(text: str) -> str:
    """Resolve the escapes of a string; an unknown one loses its backslash."""
    return _ESCAPE.sub(_escaped, text) if "\\" in text else text


def _escaped(match: re.Match[str]) -> str:
    code = match[1] or match[2]
    if code:
        return chr(int(code, 16))
    if match[3] is None:
        return ""
    return _ESCAPES.get(match[3], match[3])
