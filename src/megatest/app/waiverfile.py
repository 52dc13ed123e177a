"""The text of ``waivers.config``: read, changed section by section, put in place as a whole."""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Final

from megatest.config.paths import WAIVERS_NAME
from megatest.config.source import ParseCache
from megatest.config.waivers import load_waivers
from megatest.model.error import EnvironmentFault, UserError
from megatest.model.waiver import Waiver

HEAD: Final = """\
# Known failures of this area.  Each section is a test, a blank, and the signature of its failure
# (megatest show TEST).  While a test fails just so, it counts as WAIVED, until the day that
# `expires` names.  Written by `megatest waive`, looked at by `megatest check`; edit it as you like.
"""
_HEADER: Final = re.compile(r"\[(.*)\]\s*\Z", re.ASCII)


@contextmanager
def locked(home: str) -> Iterator[None]:
    """Let no other ``megatest waive`` change the file meanwhile."""
    try:
        descriptor = os.open(home, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise EnvironmentFault(f"cannot open {home}: {error.strerror}") from error
    try:
        with suppress(OSError):  # a file system without locks: as good as it gets
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def read_text(home: str) -> str:
    """Return the file of an area; empty if it has none.

    Raises:
        EnvironmentFault: it cannot be read.
    """
    try:
        with open(os.path.join(home, WAIVERS_NAME), "rb") as file:
            return file.read().decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise EnvironmentFault(f"cannot read {home}/{WAIVERS_NAME}: {error.strerror}") from error


def without(text: str, names: set[str]) -> str:
    """Return a file without the sections of these names; comments above the next one stay."""
    kept: list[str] = []
    pending: list[str] = []  # comments and blank lines of a section that goes
    goes = False
    for line in text.splitlines():
        header = _HEADER.fullmatch(line)
        if header:
            goes_too = header[1] in names
            kept += [] if goes_too else (pending if goes else [])
            goes, pending = goes_too, []
        if not goes:
            kept.append(line)
        elif line.startswith("#") or (pending and not line.strip()):
            pending.append(line)
        else:
            pending = []
    return "\n".join(kept) + "\n" if kept else ""


def write_text(home: str, text: str, expected: Sequence[Waiver]) -> None:
    """Put the file in place, once it was read back and says what it should.

    Raises:
        UserError: a text means something else to the language of these files.
        EnvironmentFault: it cannot be written.
    """
    path = os.path.realpath(os.path.join(home, WAIVERS_NAME))
    draft = f"{path}.{os.getpid()}"
    try:
        with open(draft, "wb") as file:
            file.write(text.encode("utf-8", "surrogateescape"))
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileNotFoundError):
            os.chmod(draft, os.stat(path).st_mode & 0o7777)
        found = {_essence(waiver) for waiver in load_waivers(home, ParseCache(), path=draft).value}
        for waiver in expected:
            if _essence(waiver) not in found:
                raise UserError(
                    f"the waiver of {waiver.test_id} cannot be written to {WAIVERS_NAME}",
                    hint="leave out '#{', '[', '%' and a backslash at the end",
                )
        os.replace(draft, path)
    except OSError as error:
        raise EnvironmentFault(f"cannot write {path}: {error.strerror}", hint="nothing was stored") from error
    finally:
        with suppress(FileNotFoundError):
            os.unlink(draft)


def _essence(waiver: Waiver) -> tuple[object, ...]:
    return (waiver.name, waiver.reason, waiver.owner, waiver.expires, waiver.targets)
