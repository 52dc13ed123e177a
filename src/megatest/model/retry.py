"""Whether a failure is one after which a test is tried again: ``retries`` and ``retry-on``."""

from __future__ import annotations

from collections.abc import Sequence

from megatest.model.signature import Signature
from megatest.model.slotted import dataclass

_OF_SIGNATURE = "signature:"
_OF_LOG = "log:"


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryRule:
    """What a test's file says about trying it again.

    Attributes:
        retries: how often at most.
        on: after which failures: statuses, exit codes, ``signature:TEXT``, ``log:TEXT``; empty for any.
    """

    retries: int = 0
    on: tuple[str, ...] = ()

    def allowed(self, *, status: str, code: int | None, signature: Signature, log: Sequence[str]) -> int:
        """Return how often a test that fails so is tried again, in all.

        Args:
            status: how it came out.
            code: exit code of the script or step that decided; None if nobody knows.
            signature: of the failure.
            log: the last lines of its log.
        """
        if not self.on:
            return self.retries
        matches = any(_matches(word, status, code, signature, log) for word in self.on)
        return self.retries if matches else 0


def _matches(word: str, status: str, code: int | None, signature: Signature, log: Sequence[str]) -> bool:
    if word.startswith(_OF_SIGNATURE):
        text = word.removeprefix(_OF_SIGNATURE)
        return signature.id == text or has_parts(signature.text, text)
    if word.startswith(_OF_LOG):
        text = word.removeprefix(_OF_LOG)
        return any(has_parts(line, text) for line in log)
    if word.isdigit():
        return code == int(word)
    return word.upper() == status.upper()


def has_parts(text: str, pattern: str) -> bool:
    """Return whether a text has what stands between the ``%`` of a pattern, in order; case does not count."""
    position = 0
    folded = text.casefold()
    for part in pattern.casefold().split("%"):
        position = folded.find(part, position)
        if position < 0:
            return False
        position += len(part)
    return True
