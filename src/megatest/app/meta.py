"""What the files say about tests for people (``[test_meta]``), kept beside their results."""

from __future__ import annotations

from collections.abc import Mapping
from megatest.typed import TYPE_CHECKING

from megatest.config.testconfig import Purpose, load_test
from megatest.model.error import Diagnostic, Severity
from megatest.model.spec import TestMeta

if TYPE_CHECKING:
    from megatest.app.session import Session
    from megatest.app.wiring import AllRecords


def record_meta(records: AllRecords, metas: Mapping[str, TestMeta]) -> int:
    """Record what is new about tests; return of how many. Nothing is written if all is known."""
    known = records.meta()
    nothing = TestMeta()
    changed = {name: meta for name, meta in metas.items() if meta != known.get(name, nothing)}
    if changed:
        records.put_meta(changed)
    return len(changed)


def read_meta(session: Session) -> tuple[dict[str, TestMeta], list[Diagnostic]]:
    """Return what every test of the area says of itself; no command of theirs is run.

    Returns:
        By name, without the tests whose files are wrong; and what is wrong with those.
    """
    metas: dict[str, TestMeta] = {}
    wrong: list[Diagnostic] = []
    for name, directory in session.tests().items():
        loaded = load_test(
            session.area,
            name,
            directory,
            env=dict(session.environ),
            cache=session.cache,
            runconfig=None,
            purpose=Purpose.META,
        )
        errors = [finding for finding in loaded.findings if finding.severity is Severity.ERROR]
        if errors:
            wrong += errors
        else:
            metas[name] = loaded.value.meta
    return metas, wrong
