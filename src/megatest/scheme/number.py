"""Numbers in Scheme's syntax: reading, printing, and the size at which integers end.

After the original's dialect (CHICKEN 4 without its numbers extension): integers of 62 bits and a sign, all
else floating point.  There are no exact fractions: ``1/2`` reads as 0.5 and ``(/ 7 2)`` is 3.5.
"""

from __future__ import annotations

import math
import re
from typing import Final

FIXNUM_LIMIT: Final = 1 << 62

_RADIX: Final = {"x": 16, "o": 8, "b": 2, "d": 10}
_DIGITS: Final = {16: "0-9a-fA-F", 10: "0-9", 8: "0-7", 2: "01"}
_DECIMAL: Final = re.compile(r"[+-]?(?:\d+#*(?:\.[\d#]*)?|\.\d+#*)(?:[esfdlESFDL][+-]?\d+)?")
_EXPONENT: Final = re.compile(r"[sfdlSFDL]")
_SPECIAL: Final = {"+inf.0": math.inf, "-inf.0": -math.inf, "+nan.0": math.nan, "-nan.0": math.nan}
_LONGEST: Final = 400  # digits; more never make a finite number, nor one worth reading


def normalise(number: int | float) -> int | float:
    """Return an integer that has grown out of its 62 bits as floating point."""
    if isinstance(number, int) and not -FIXNUM_LIMIT <= number < FIXNUM_LIMIT:
        return to_float(number)
    return number


def to_float(number: int | float) -> float:
    """Return a number as floating point; one that is too large for that is an infinity."""
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def parse_number(text: str, radix: int = 10) -> int | float | None:
    """Return the number that `text` is, whole and exactly as Scheme writes numbers; None if it is none.

    ``+5 .5 5. 1e3 007 1/2 #xff 12# +inf.0`` are numbers; ``5s 1,000 0xff inf 1e400`` and "" are not.
    """
    if len(text) > _LONGEST:
        return None
    inexact = False
    while text.startswith("#") and len(text) > 1:
        mark = text[1].lower()
        if mark in _RADIX:
            radix = _RADIX[mark]
        elif mark == "i":
            inexact = True
        else:
            return None
        text = text[2:]
    number = _parse_unprefixed(text, radix)
    return float(number) if inexact and number is not None else number


def _parse_unprefixed(text: str, radix: int) -> int | float | None:
    if text.lower() in _SPECIAL:
        return _SPECIAL[text.lower()]
    digits = _DIGITS[radix]
    if re.fullmatch(f"[+-]?[{digits}]+", text):
        return _finite(normalise(int(text, radix)))
    if ratio := re.fullmatch(f"([+-]?[{digits}]+)/([{digits}]+)", text):
        return divide(to_float(int(ratio[1], radix)), to_float(int(ratio[2], radix)))
    if radix != 10 or not text.isascii() or not _DECIMAL.fullmatch(text):
        return None
    return _finite(float(_EXPONENT.sub("e", text.replace("#", "0"))))


def _finite(number: int | float) -> int | float | None:
    return None if math.isinf(number) else number


def divide(a: float, b: float) -> float:
    """Divide as floating-point hardware does: by zero gives an infinity or not-a-number."""
    if b:
        return a / b
    return math.nan if a == 0 or math.isnan(a) else math.copysign(math.inf, a) * math.copysign(1.0, b)


def format_number(number: int | float, radix: int = 10) -> str:
    """Return the number as Scheme prints it: 15 significant digits, ``5.0``, ``1e+20``, ``+inf.0``."""
    if isinstance(number, int):
        return str(number) if radix == 10 else _in_radix(number, radix)
    if math.isnan(number):
        return "+nan.0"
    if math.isinf(number):
        return "+inf.0" if number > 0 else "-inf.0"
    text = f"{number:.15g}"
    return text if "." in text or "e" in text else text + ".0"


def _in_radix(number: int, radix: int) -> str:
    letter = {16: "x", 8: "o", 2: "b"}.get(radix, "d")
    return format(number, letter)
