"""A run directory whose test runs on a host that does not share it.

What travels is the run directory with a job script made for the place over there.  What is
remembered here is one note, `.megatest/away/note`, written before anything is sent and removed
when the host has nothing of it any more: whoever takes over a test, or removes one, reads there
which host has a copy.

The journal here is a beginning of the one over there, so its length says how much of that it has.
"""

from __future__ import annotations

import glob
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from megatest.failpoint import reach
from megatest.model.rundir import AWAY, JOURNAL, OURS, SCRIPT
from megatest.model.slotted import dataclass
from megatest.workarea.journal import journal_path

_EXIT: Final = b'{"k":"exit"'
_STATUS: Final = b'{"k":"status"'
_COMPLETED: Final = b'"state":"COMPLETED"'
_SCRIPTS: Final = (SCRIPT, "megatest.sh", "megatest.csh")
_STAYS: Final = (JOURNAL, f"{AWAY}/note", f"{AWAY}/stage")
_MEANS_MORE: Final = re.compile(r"[\\*?\[\]]")
_ESCAPED: Final = r"\\\g<0>"
_DEEPEST: Final = 3
_PYTHON: Final = re.compile(r"^(export MT_PYTHON=|setenv MT_PYTHON ).*$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Which host has a copy of a run directory, and where."""

    host: str
    directory: str


class Luggage:
    """What the ssh executor needs of run directories that travel.

    Args:
        shim_dir: what tests call here, first on their PATH.
        package: the directory of the package that holds it; it is sent to each host.
    """

    def __init__(self, *, shim_dir: str, package: str) -> None:
        self._shim_dir = shim_dir
        self.parent, self.package = os.path.split(package)
        self._state = ""

    def kit_name(self) -> str:
        """Return a name for what tests call, that changes whenever one of its files does."""
        if not self._state:
            self._state = f"{_state_of(f'{self.parent}/{self.package}'):08x}"
        return f".megatest-{self._state}"

    def pack(self, run_dir: str, host: str, directory: str, kit: str) -> None:
        """Write the note, the scripts for a place on another host, and what stays here.

        Args:
            run_dir: here.
            host, directory: where it will run; plain characters.
            kit: directory over there with the package.

        Raises:
            OSError: they cannot be written.
        """
        away = f"{run_dir}/{AWAY}"
        script, *others = [f"{run_dir}/{name}" for name in _SCRIPTS]
        texts = {script: _read(script)}
        for path in others:
            with suppress(FileNotFoundError):
                texts[path] = _read(path)
        for path in (away, f"{away}/new", f"{away}/new/{OURS}"):
            with suppress(FileExistsError):
                os.mkdir(path)
        _write(f"{away}/note", json.dumps({"host": host, "directory": directory}))
        shim = self._shim_dir.replace(self.parent, kit, 1)
        for path, text in texts.items():
            there = moved(moved(text, run_dir, directory), self._shim_dir, shim)
            there = _PYTHON.sub(rf"\1{kit}/python", there)
            _write(f"{away}/new{path.removeprefix(run_dir)}", there)
        stays = (f"{run_dir[1:]}/{name}" for name in (*_STAYS, *_inner(run_dir)))
        _write(f"{away}/stays", "".join(f"{_MEANS_MORE.sub(_ESCAPED, path)}\n" for path in stays))
        reach("parcel packed")

    def note(self, run_dir: str) -> tuple[str, str] | None:
        """Return the host that has a copy, and its directory there; None if none has."""
        note = read_note(run_dir)
        return (note.host, note.directory) if note is not None else None

    def claim(self, run_dir: str) -> bool:
        """Let the attempt begin: make its journal; False if it was revoked or has begun."""
        try:
            os.close(os.open(journal_path(run_dir), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        except FileExistsError:
            return False
        reach("parcel claimed")
        return True

    def heard(self, run_dir: str) -> int:
        """Return how many bytes of the journal over there are here."""
        try:
            return os.path.getsize(journal_path(run_dir))
        except FileNotFoundError:
            return 0

    def append(self, run_dir: str, text: bytes) -> None:
        """Add what the journal over there says.

        Raises:
            OSError: not all of it could be written.
        """
        with open(journal_path(run_dir), "ab") as journal:
            journal.write(text)

    def is_final(self, line: bytes) -> bool:
        """Return whether a line says how the test came out: then its results must be here first."""
        return line.startswith(_EXIT) or (line.startswith(_STATUS) and _COMPLETED in line)

    def returned(self, run_dir: str, journal: str) -> None:
        """The results are here: believe the rest of the journal.

        Args:
            run_dir: here.
            journal: name in it under which the whole journal came back; it is removed.

        Raises:
            OSError: it could not be written.
        """
        reach("parcel back")
        path = f"{run_dir}/{journal}"
        with open(path, "rb") as file:
            file.seek(self.heard(run_dir))
            rest = file.read()
        os.unlink(path)
        if rest:
            self.append(run_dir, rest)
        reach("parcel believed")

    def forget(self, run_dir: str, directory: str) -> None:
        """The host has no copy any more; one that was made since is another's."""
        note = read_note(run_dir)
        if note is not None and note.directory == directory:
            shutil.rmtree(f"{run_dir}/{AWAY}", ignore_errors=True)
            reach("parcel forgotten")


def read_note(run_dir: str) -> Note | None:
    """Return which host has a copy of a run directory; None if none is known to."""
    try:
        said = json.loads(_read(f"{run_dir}/{AWAY}/note"))
        return Note(host=str(said["host"]), directory=str(said["directory"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def moved(text: str, old: str, new: str) -> str:
    """Return shell text in which a path, quoted or not, is another one with plain characters."""
    for form in {old, old.replace("'", "'\\''"), old.replace("'", "'\"'\"'")}:
        text = re.sub(re.escape(form) + r"(?![\w.+-])", new.replace("\\", r"\\"), text)
    return text


def _inner(run_dir: str) -> Iterator[str]:
    """Yield the run directories inside one: items of a deeper path, which are other tests."""
    for depth in range(1, _DEEPEST + 1):
        for script in glob.iglob("/".join(["*"] * depth) + f"/{SCRIPT}", root_dir=run_dir):
            yield script.removesuffix(f"/{SCRIPT}")


def _state_of(package: str) -> int:
    """Return a number that differs when a file of a package does."""
    import zlib

    state = 0
    for directory, _, names in sorted(os.walk(package)):
        for name in sorted(names):
            if not directory.endswith("__pycache__"):
                status = os.stat(f"{directory}/{name}")
                said = f"{directory}/{name} {status.st_size} {status.st_mtime_ns}"
                state = zlib.crc32(said.encode("utf-8", "surrogateescape"), state)
    return state


def _read(path: str) -> str:
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return file.read()


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(text)
