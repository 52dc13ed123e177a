"""What goes wrong in Scheme text: with a place for the user, without one inside a procedure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from megatest.model.error import Diagnostic, Severity, UserError


class SchemeFault(UserError):  # noqa: N818 - it becomes a SchemeError where the place is known
    """A procedure cannot do what it was asked; the evaluator adds the place of the call.

    Procedures bound by a host raise it too.
    """


class FileFault(SchemeFault):
    """A file, or what the system was asked for, is not to be had."""


class UncatchableFault(SchemeFault):
    """A fault that no handler in the text catches.

    What is not here may be there in the original: a handler that passed over it would change in silence what
    the text means.  So would one that passed over a limit.
    """


class SchemeError(UserError):
    """Scheme text that cannot be read or run; every finding has its place."""

    def __init__(self, findings: Iterable[Diagnostic]) -> None:
        self._findings = tuple(findings)
        first = next((f for f in self._findings if f.severity is Severity.ERROR), self._findings[0])
        super().__init__(first.message, hint=first.hint)

    def diagnostics(self) -> Sequence[Diagnostic]:
        """Return every finding, in the order of the text."""
        return self._findings
