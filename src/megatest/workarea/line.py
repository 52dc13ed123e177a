"""One journal record as bytes, and its append: the part that must start in no time.

The commands inside a test import this module and little else, so it imports nothing but
`os` (`typing` alone would bring `re` and `enum`, a third of the whole start);
`megatest.workarea.journal` is the reader and speaks in records.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

_ESCAPES = {code: f"\\u{code:04x}" for code in range(32)} | {34: '\\"', 92: "\\\\"}


def record_line(kind: str, fields: Iterable[tuple[str, str | int | float]]) -> bytes:
    """Return one record as the bytes of its line, newline included.

    Args:
        kind: the value of ``k``, which comes first so that a reader can find a record that was
            glued behind a torn one.
        fields: name and value, in order; numbers are finite.

    Any text is exact.  What is not Unicode (bytes that Python carries as lone surrogates) is
    written as a ``\\udcXX`` escape, so that the line is always valid UTF-8 and valid JSON.
    """
    parts = [f'{{"k":"{kind}"']
    for name, value in fields:
        shown = f'"{value.translate(_ESCAPES)}"' if isinstance(value, str) else _number(value)
        parts.append(f'"{name}":{shown}')
    return (",".join(parts) + "}\n").encode("utf-8", "backslashreplace")


def _number(value: float) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value)


def append_lines(path: str, lines: bytes) -> None:
    """Add whole lines to a journal that exists.

    One ``write`` on a descriptor opened for appending: the kernel puts it behind whatever
    others wrote, whole, on a local file system.  NFS clients do that only among processes of
    one host, which is where all writers of a running test are.

    Raises:
        OSError: there is no journal, it cannot be written, or the disk took only a part of it
            (then the reader counts a torn line).
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
    try:
        written = os.write(descriptor, lines)
        if written != len(lines):
            raise OSError(28, "the disk took only a part of a journal record", path)
    finally:
        os.close(descriptor)


def uptime_s() -> float:
    """Return the seconds since this host's boot, with which every record is stamped; 0 if unknown."""
    try:
        descriptor = os.open("/proc/uptime", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return 0.0
    try:
        return float(os.read(descriptor, 64).split()[0])
    except (OSError, ValueError, IndexError):
        return 0.0
    finally:
        os.close(descriptor)
