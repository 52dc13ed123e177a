"""What a user asks to run, and its form on the way to an engine that already runs."""

from __future__ import annotations

from megatest.typed import Final

from megatest.app.session import AreaRequest
from megatest.model.error import UserError
from megatest.model.record import RequestRecord
from megatest.model.slotted import dataclass, replace
from megatest.model.spec import Variable

RUN: Final = "run"
"""The kind of request that asks an engine to add tests to its plan."""

_HANDED_OVER: Final = (
    "pattern",
    "tags",
    "mode_key",
    "rerun",
    "force",
    "keepgoing",
    "rerun_all",
    "rerun_clean",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """What a user asks to run.

    Attributes:
        area: which area.
        target: ``a/b/c``; empty for the area's default.
        require_target: the target must be a section of runconfigs (``-reqtarg``).
        runname: empty for today's date.
        pattern: which tests; empty for TESTPATT of runconfigs, else all.
        tags: a tag expression; empty without.
        mode_key: the runconfigs key that holds the pattern instead of TESTPATT.
        rerun: statuses to run again; None: not asked.
        force, keepgoing, rerun_all, rerun_clean: see `megatest.plan.rerun`.
        preclean: remove what earlier attempts left.
        jobs: tests of this run at once; None for the area's limit.
        executor: by name; empty for the area's choice.
        variables: set in every test.
        comment: for the run's record.
    """

    area: AreaRequest
    target: str = ""
    require_target: bool = False
    runname: str = ""
    pattern: str = ""
    tags: str = ""
    mode_key: str = ""
    rerun: tuple[str, ...] | None = None
    force: bool = False
    keepgoing: bool = False
    rerun_all: bool = False
    rerun_clean: bool = False
    preclean: bool = False
    jobs: int | None = None
    executor: str = ""
    variables: tuple[Variable, ...] = ()
    comment: str = ""


def packed(request: RunRequest) -> str:
    """Return the part of a request that another engine can heed, as text for the store."""
    import json  # only a second command hands anything over

    return json.dumps({name: getattr(request, name) for name in _HANDED_OVER})


def unpacked(record: RequestRecord, like: RunRequest) -> RunRequest:
    """Return the request that a record holds, for the area and run of `like`.

    Raises:
        UserError: it was written by a program that we do not understand.
    """
    import json

    try:
        values = json.loads(record.payload)
        known = {name: values[name] for name in _HANDED_OVER}
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"request {record.id} cannot be read: {record.payload!r}") from error
    if known["rerun"] is not None:
        known["rerun"] = tuple(known["rerun"])
    return replace(like, **known)
