"""States and statuses that people type: words of their own are legal, but may be slips of the finger."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from megatest.cli.main import print_error
from megatest.config.nearest import did_you_mean
from megatest.model.spec import Area
from megatest.model.status import State, Status


def warn_of_states(area: Area, words: Iterable[str]) -> None:
    """Warn of states that mean nothing here."""
    _warn("state", words, area.valid_states or [word.value for word in State])


def warn_of_statuses(area: Area, words: Iterable[str]) -> None:
    """Warn of statuses that mean nothing here."""
    _warn("status", words, area.valid_statuses or [word.value for word in Status])


def _warn(what: str, words: Iterable[str], known: Collection[str]) -> None:
    for word in words:
        if word not in known:
            hint = did_you_mean(word, known)
            print_error(
                f"warning: {word!r} is no {what} that means anything here" + (f"; {hint}" if hint else "")
            )
