"""A database made anew from records that somebody read out of the run directories."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Final

from megatest.failpoint import reach
from megatest.model.error import EnvironmentFault
from megatest.model.record import AttemptRecord, EditRecord, RunRecord, StepRecord, TestRecord, ValueRecord
from megatest.model.spec import Field
from megatest.store.port import Clock
from megatest.store.sqlite import open_store

ASIDE: Final = ".before-rebuild"
"""What is put behind the name of the database that a rebuilt one replaces, the second time with ``.2``."""

_COMPANIONS: Final = ("-wal", "-shm", "-journal")


def import_rows(
    path: str,
    fields: Sequence[Field],
    *,
    runs: Iterable[RunRecord],
    tests: Iterable[TestRecord],
    steps: Iterable[StepRecord],
    values: Iterable[ValueRecord] = (),
    attempts: Iterable[AttemptRecord] = (),
    edits: Iterable[EditRecord] = (),
    clock: Clock,
) -> str:
    """Write records, with the ids they have, into a fresh database, and put it in the old one's place.

    The old file, with its log, is kept under its name with `ASIDE` behind it, beside earlier ones.
    Whoever still has it open is told that it was replaced.  An interruption leaves either the old
    database, or none, or the new one; giving the command again is always right.

    Args:
        path: absolute path of megatest.db.
        fields: of the area.
        runs, tests, steps, values, attempts, edits: streamed; a test's run and a step's test are among them.
        clock: for `last_update`.

    Returns:
        Where the old file is now; empty if there was none.

    Raises:
        EnvironmentFault: the new file cannot be written; the old one is untouched then.
    """
    fresh = f"{path}.rebuild-{os.getpid()}"
    _remove(fresh)
    try:
        # A rollback journal, so that the finished file is one file.
        store = open_store(fresh, fields, create=True, network=True, clock=clock)
        try:
            store.import_records(runs, tests, steps, values, attempts, edits)
        finally:
            store.close()
        reach("rebuild written")
        return _replace(fresh, path)
    finally:
        _remove(fresh)


def _remove(path: str) -> None:
    for companion in ("", *_COMPANIONS):
        with suppress(FileNotFoundError):
            os.unlink(path + companion)


def _replace(fresh: str, path: str) -> str:
    """Put the fresh file in place; a log of the old file beside it would be played into it."""
    aside = _aside(path)
    try:
        for companion in ("", *_COMPANIONS):
            with suppress(FileNotFoundError):
                os.rename(path + companion, aside + companion)
                reach("rebuild moved aside")
        os.rename(fresh, path)
        reach("rebuild in place")
        _sync_directory(os.path.dirname(path))
    except OSError as error:
        raise EnvironmentFault(
            f"{path} cannot be replaced: {error.strerror}", hint="check the permissions of its directory"
        ) from error
    return aside if os.path.exists(aside) else ""


def _aside(path: str) -> str:
    """Return where the old file is to be kept.

    Without one an earlier rebuild was cut off, and what is left of its log belongs to what that put aside.
    """
    latest, free, number = "", path + ASIDE, 1
    while os.path.exists(free):
        number += 1
        latest, free = free, f"{path}{ASIDE}.{number}"
    return free if os.path.exists(path) or not latest else latest


def _sync_directory(path: str) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
