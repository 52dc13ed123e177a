"""The nearest known name, for hints."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that was probably meant, or None if none is near.

    Cost: grows with the number of known names; only a mistake needs it.
    """
    from difflib import get_close_matches  # costs 5 ms to import

    folded = {other.casefold(): other for other in known}
    close = get_close_matches(name.casefold(), folded, n=1, cutoff=0.75)
    return folded[close[0]] if close else None


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """Return a hint that names the nearest known name, or None."""
    other = nearest(name, known)
    return None if other is None else f"did you mean {other!r}?"
