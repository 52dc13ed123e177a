"""Quoting of any text for the two families of shells, and which names they can export."""

from __future__ import annotations

import re
from typing import Final

_PLAIN: Final = re.compile(r"[A-Za-z0-9_\-:,./%+=@]+", re.ASCII)
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)

_SHELLS_OWN: Final = frozenset(
    {"BASHOPTS", "BASH_VERSINFO", "EUID", "OPTIND", "PPID", "SHELLOPTS", "UID", "_"}
)
"""Assigning one of these ends bash or dash instead of setting the variable."""


def is_exportable(name: str) -> bool:
    """Return whether every shell can export a variable of this name."""
    return _NAME.fullmatch(name) is not None and name not in _SHELLS_OWN


is_plain: Final = _PLAIN.fullmatch
"""Returns a true value if a text is one word of any shell as it is; called for each variable of each test."""


def sh_quote(text: str) -> str:
    """Return `text` as one word of a Bourne shell, quoted only if it needs to be."""
    if _PLAIN.fullmatch(text):
        return text
    return "'" + text.replace("'", "'\\''") + "'"


def csh_quote(text: str) -> str:
    r"""Return `text` as one word of csh, quoted only if it needs to be.

    Inside single quotes csh still sees ``!`` (history) and a newline (an error); a backslash
    before either takes its meaning, and before anything else is a plain character.
    """
    if _PLAIN.fullmatch(text):
        return text
    quoted = text.replace("'", "'\\''").replace("!", "\\!").replace("\n", "\\\n")
    return "'" + quoted + "'"
