"""What kind of line a line is: the ten shapes of the language, tried in a fixed order."""

from __future__ import annotations

import re
from enum import IntEnum
from megatest.typed import Final

BLANKS: Final = " \t\n\r\f\v"
"""What separates words; nothing else does, in particular no blank beyond ASCII."""

# Texts, not patterns: each is looked for only behind its first word, and few files have all of them.
_SETTING: Final = r"\[configf:settings\s+(\S+)\s+(\S+)\s*\]\s*\Z"
_INCLUDE: Final = r"\[include\s+(.*)\]\s*\Z"
_SCRIPT: Final = r"\[scriptinc\s+(\S+)([^\]]*)\]\s*\Z"
_KEY: Final = r"(\S+)\s*"
_SYSTEM: Final = r"\[system\s+(\S.*)\]\s*\Z"


class Kind(IntEnum):
    """The shapes, in the order in which they are tried."""

    COMMENT = 0
    BLANK = 1
    SETTING = 2  # [configf:settings FIRST SECOND]
    INCLUDE = 3  # [include FIRST]
    SCRIPT = 4  # [scriptinc FIRST SECOND]
    SECTION = 5  # [FIRST]
    SYSTEM = 6  # FIRST [system SECOND]
    BARE = 7  # FIRST, and nothing but blanks: SECOND
    ASSIGNMENT = 8  # FIRST SECOND
    CONTINUATION = 9  # blanks FIRST, text SECOND


Shape = tuple[Kind, str, str, int]
"""Kind, first, second, and where second begins in the text (a bare tuple: files have thousands)."""

_COMMENT: Final = (Kind.COMMENT, "", "", 0)
_BLANK: Final = (Kind.BLANK, "", "", 0)
_CONTINUATION: Final = Kind.CONTINUATION
_BARE: Final = Kind.BARE
_ASSIGNMENT: Final = Kind.ASSIGNMENT
_SECTION: Final = Kind.SECTION


def classify(text: str) -> Shape:
    """Return the shape of one expanded logical line; every text has one.

    A newline can occur in the text only where an expansion made a value of several lines.
    """
    first = text[:1]
    if first in BLANKS:  # or nothing at all
        return _classify_indented(text)
    if first == "#":
        return _COMMENT
    if first == "[":
        header = _classify_header(text)
        if header is not None:
            return header
    return _classify_key(text)


def _classify_indented(text: str) -> Shape:
    body = text.lstrip(BLANKS)
    if not body:
        return _BLANK
    if body[0] == "#":
        return _COMMENT
    indent = len(text) - len(body)
    return _CONTINUATION, text[:indent], body, indent


def _classify_header(text: str) -> Shape | None:
    """Return what a line that begins with ``[`` is, or None: then it is a key."""
    if text.startswith("[configf:settings") and (match := re.match(_SETTING, text, re.ASCII)):
        return Kind.SETTING, match[1], match[2], match.start(2)
    if text.startswith("[include") and (match := re.match(_INCLUDE, text, re.ASCII)):
        return Kind.INCLUDE, match[1], "", match.start(1)
    if text.startswith("[scriptinc") and (match := re.match(_SCRIPT, text, re.ASCII)):
        return Kind.SCRIPT, match[1], match[2], match.start(1)
    body = text.rstrip(BLANKS)
    if len(body) > 1 and body[-1] == "]" and "\n" not in body:
        return _SECTION, body[1:-1], "", 1
    return None


def _classify_key(text: str) -> Shape:
    match = re.match(_KEY, text, re.ASCII)
    assert match is not None, "the first character is no blank"
    end = match.end()
    key = match[1]
    if end == len(text):
        return _BARE, key, text[len(key) :], len(key)
    value = text[end:]
    if value.startswith("[system") and (command := re.match(_SYSTEM, value, re.ASCII | re.DOTALL)):
        return Kind.SYSTEM, key, command[1], end + command.start(1)
    return _ASSIGNMENT, key, value, end
