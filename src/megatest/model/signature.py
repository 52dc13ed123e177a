"""The signature of a failure: what stays the same when the same thing goes wrong again.

It is made of the cause (a log rule, a step, the test's own word) and of the most telling lines of
the log, without what differs from one attempt to the next: numbers, times, addresses, ids, paths.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from megatest.typed import Final

from megatest.model.slotted import dataclass

MOST_LINES: Final = 3
"""So many lines of the log tell one failure from another; more would tell attempts apart."""

_WIDEST: Final = 200
_MOST_LOOKED_AT: Final = 2000

# Texts, not patterns: they are needed only when something has failed.
_TELLING: Final = (
    r"error|fail|fatal|exception|traceback|assert|abort|panic|segmentation|core dumped|killed|denied"
    r"|refused|cannot|can't|could not|unable|unexpected|undefined|no such|not found|time[d ]*out|mismatch"
)
_HARMLESS: Final = (
    r"\b(?:0|no|without) (?:errors?|failures?|failed)\b|\b(?:errors?|failed|failures?)\s*[:=]\s*0\b"
)

_CLOCK: Final = r"[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?"

# In this order: each takes away what a later one would take to pieces.  Every one is linear.
_TAKEN_OUT: Final = (
        (r"\x1b\[[0-9;]*[A-Za-z]", ""),
        (r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b", "<id>"),
        (rf"\b[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}(?:[T ]{_CLOCK}(?:Z|[+-][0-9]{{2}}:?[0-9]{{2}})?)?", "<time>"),
        (r"\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? +[A-Z][a-z]{2} +[0-9]{1,2}\b", "<time>"),
        (r"\b[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]+)?\b", "<time>"),
        (r"\b[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?::[0-9]+)?\b", "<host>"),
        (r"\b0[xX][0-9a-fA-F]+\b", "<hex>"),
        (r"(?<![\w.~/-])~?/(?:tmp|var/tmp|dev/shm)/[^\s:;,'\"()\[\]{}<>|]*", "<tmp>"),
        (r"(?<![\w.~/<>-])~?/(?:[^\s:;,'\"()\[\]{}<>|/]+/)*(?=[^\s:;,'\"()\[\]{}<>|/]*)", "<path>/"),
        (r"\b(?=[a-fA-F]*[0-9])(?=[0-9]*[a-fA-F])[0-9a-fA-F]{8,}\b", "<hex>"),
        (r"[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?", "N"),
        (r"\s+", " "),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """What one failure has in common with its like.

    Attributes:
        id: twelve hexadecimal digits, made of `text`.
        text: the cause and the lines, normalised, each on a line of its own.
    """

    id: str
    text: str


def signature_of(
    cause: str, message: str = "", log: Sequence[str] = (), *, places: Iterable[tuple[str, str]] = ()
) -> Signature:
    """Return the signature of a failure.

    Args:
        cause: what is known of it without the log, as it is: ``step build: exit 2``.
        message: the rule's or the test's own word; what varies in it is taken out.
        log: the last lines of the log that tells most.
        places: texts that stand for something, and what stands in their place: the run directory,
            the area, the test's item.

    Cost: linear in the lines; of a very long line only the beginning counts.
    """
    known = sorted(((text, word) for text, word in places if text), key=lambda pair: -len(pair[0]))
    lines = [cause, normalised(message, known), *telling_lines(log, known)]
    text = "\n".join(line for line in lines if line)
    import hashlib  # brings in a library of 2 ms, and most runs have no failure

    digest = hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
    return Signature(id=digest[:12], text=text)


def telling_lines(log: Sequence[str], places: Sequence[tuple[str, str]] = ()) -> list[str]:
    """Return the normalised lines that say most: the first that look like errors, else the last ones."""
    recent = [line for line in log[-_MOST_LOOKED_AT:] if line.strip()]
    errors = [line for line in recent if looks_like_error(line)]
    chosen: dict[str, None] = {}
    for line in errors or recent[-MOST_LINES:]:
        chosen[normalised(line, places)] = None
        if len(chosen) == MOST_LINES:
            break
    return list(chosen)


def looks_like_error(line: str) -> bool:
    """Return whether a line of a log speaks of something that went wrong."""
    start = line[:_WIDEST]
    if re.search(_TELLING, start, re.IGNORECASE) is None:
        return False
    return re.search(_HARMLESS, start, re.IGNORECASE) is None


def normalised(line: str, places: Sequence[tuple[str, str]] = ()) -> str:
    """Return a line without what differs between two attempts that fail alike."""
    text = line[: 4 * _WIDEST]
    for known, word in places:
        text = text.replace(known, word)
    for pattern, word in _TAKEN_OUT:
        text = re.sub(pattern, word, text)
    return text.strip()[:_WIDEST]
