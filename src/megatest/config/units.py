"""Times and sizes as users write them."""

from __future__ import annotations

import re
from typing import Final

# Texts, not patterns: most files have plain numbers.
_TIME_WORD: Final = r"(\d{1,18})([smhdwMy])\Z"
_SECONDS: Final = {
    "s": 1,
    "m": 60,
    "h": 3600,
    "d": 86_400,
    "w": 604_800,
    "M": 2_628_000,  # a twelfth of a year
    "y": 31_536_000,
}
_SIZE: Final = r"(\d{1,15}(?:\.\d{1,15})?)\s*(?:([kmgtp])(?:i?b)?|(b))?\Z"
_KIB: Final = {"": 1.0, "k": 1.0, "m": 2.0**10, "g": 2.0**20, "t": 2.0**30, "p": 2.0**40}


def parse_seconds(text: str) -> int:
    """Return the sum of the words like ``1h`` or ``30m`` in a text, in seconds; 0 without any.

    A word is a whole number and one of ``s m h d w M y``; whatever else stands there is passed over,
    as the original does it: everything that is no letter, digit or ``_`` separates words, so
    ``1.5h`` is 5 hours, and ``1h30m`` is one word that means nothing.
    """
    total = 0
    for word in re.split(r"\W+", text, flags=re.ASCII):
        match = re.match(_TIME_WORD, word, re.ASCII)
        if match:
            total += int(match[1]) * _SECONDS[match[2]]
    return total


def format_duration(seconds: float) -> str:
    """Return seconds as ``2hr 2m 5s``; leading zero parts are left out, fractions cut off."""
    whole = max(0, int(seconds))
    hours, rest = divmod(whole, 3600)
    minutes, second = divmod(rest, 60)
    parts = [f"{hours}hr"] if hours else []
    if minutes:
        parts.append(f"{minutes}m")
    return " ".join([*parts, f"{second}s"])


def parse_size_kib(text: str) -> int:
    """Return a size in KiB; a bare number is KiB already, units are ``B K M G T P``, powers of 1024.

    Raises:
        ValueError: it is no size.
    """
    match = re.match(_SIZE, text.strip(), re.ASCII | re.IGNORECASE)
    if match is None:
        raise ValueError(f"{text!r} is no size: write a number of KiB, or one like 500M, 10G or 1.5T")
    if match[3]:
        return int(float(match[1]) / 1024)
    return int(float(match[1]) * _KIB[(match[2] or "").lower()])
