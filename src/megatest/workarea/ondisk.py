"""Run directories on local or network disks: what satisfies the engine's port `WorkArea`."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from megatest.failpoint import reach
from megatest.model.attempt import AttemptSpec, JournalPart, Prepared
from megatest.model.error import EnvironmentFault, MegatestError, NoSpace, UserError
from megatest.model.ids import Target, TestId
from megatest.model.rundir import JOB_LOG, OURS, SCRIPT
from megatest.model.spec import Area, Disk, Step, Variable
from megatest.workarea import journal
from megatest.workarea.aside import set_aside
from megatest.workarea.directory import make_directories
from megatest.workarea.disk import Disks
from megatest.workarea.environment import Environment, EnvironmentText
from megatest.workarea.findings import with_findings
from megatest.workarea.jobscript import JobScript, command_info, job_script
from megatest.workarea.layout import Place, place_of
from megatest.workarea.linktree import home_of, link_new, link_up, standing
from megatest.workarea.marker import Owner, owner_at, owner_of_spec
from megatest.workarea.populate import Sources, populate
from megatest.workarea.putback import put_back_all, put_back_before
from megatest.workarea.quote import sh_quote
from megatest.workarea.removal import (
    Refused,
    Removed,
    Roots,
    place_of_owner,
    remove_links,
    remove_run_dir,
    remove_test,
)

SHIM_DIR: Final = os.path.join(os.path.dirname(__file__), "shim")
_SHIM: Final = f"{SHIM_DIR}/megatest"

_RULES_HEAD: Final = """\
;; The log rules that [logpro] {step} of the testconfig has for this step.
;; A file {step}.logpro among the test's own files takes their place.
"""

_TAIL_BYTES: Final = 2000


class WorkAreaOnDisk:
    """Makes run directories on the area's disks, reads their journals, removes them.

    Every directory of an attempt gets its marker first and its link last, so that whatever an
    engine that died left half-made is recognised as ours and moved aside by the next attempt.
    """

    def __init__(
        self,
        area: Area,
        *,
        monotonic: Callable[[], float],
        now: Callable[[], float],
        environment: Mapping[str, str],
        python: str,
        home: str = "",
    ) -> None:
        """Take what does not change during a run.

        Args:
            area: the area.
            monotonic, now: the clocks.
            environment: what every job inherits, for ``megatest.sh`` and ``megatest.csh``.
            python: absolute path of the interpreter that the shim falls back on.
            home: the user's home directory, which removal never touches.
        """
        self._area = area
        self._runs = Disk(name="runs", path=f"{area.home}/runs")
        self._disks = Disks(
            default=self._runs,
            disks=area.disks,
            min_space_kib=area.min_space_kib,
            free_space_script=area.free_space_script,
            monotonic=monotonic,
        )
        self._sources = Sources(now)
        self._environment = Environment(
            environment,
            area.hidden_variables,
            last=(Variable("MT_MEGATEST", _SHIM), Variable("MT_PYTHON", python)),
            path=SHIM_DIR,
        )
        self._precious = tuple(path for path in (area.home, home) if path)

    def prepare(self, spec: AttemptSpec) -> Prepared:
        """Make the run directory of an attempt, with its files, script and links.

        Raises:
            EnvironmentFault: no disk has room, a directory cannot be made.
            UserError: the test's own files do not fit (unreadable, a name in the way).
        """
        place = place_of(spec.target, spec.runname, spec.test_id)
        path = place.path
        owner = owner_of_spec(self._area.home, spec)
        run_dir = f"{self._disks.real(self._disks.choose(spec.disks))}/{path}"
        own = _own_variables(run_dir, owner, spec)
        text = self._environment.text(spec.shared, own)
        script = _script(run_dir, owner, spec, text.exports)
        try:
            self._make_room(run_dir, place, owner, spec)
            reach("work area made")
            try:
                self._fill(run_dir, spec, script, own, text)
                self._link(run_dir, place, owner, spec)
                reach("work area linked")
            except (OSError, MegatestError):
                _undo(run_dir, owner, self._roots(spec.disks))
                raise
        except OSError as error:
            raise _fault(run_dir, error) from error
        return Prepared(
            run_dir=run_dir,
            link=f"{self._area.linktree}/{path}",
            script=f"{run_dir}/{SCRIPT}",
            log=f"{run_dir}/{JOB_LOG}",
        )

    def discard(self, prepared: Prepared) -> None:
        """Take a prepared attempt away again that was never launched; one that has begun stays."""
        owner = owner_at(prepared.run_dir)
        if owner is not None and journal.revoke(prepared.run_dir, owner.attempt):
            disk = place_of_owner(owner).disk_of(prepared.run_dir)
            own = [Disk(name="", path=disk)] if disk else []  # the test's, maybe not the area's
            roots = self._roots(own)
            _take_away(prepared.run_dir, owner, roots)
            put_back_before(owner, roots)

    def put_back(self, target: Target, runname: str, latest: Mapping[TestId, int]) -> None:
        """Put back attempts that were moved aside for ones that were never launched.

        Args:
            target, runname: the run.
            latest: see `putback.put_back_all`.
        """
        run = "/".join((*target.values, runname))
        put_back_all(run, latest, self._area.home, self._roots(()))

    def remove(
        self, run_dir: str, owner: Owner, *, disks: Sequence[Disk] = (), dry_run: bool = False
    ) -> Removed | Refused:
        """Remove all that a test left: directory, earlier attempts, links; see `remove_test`.

        Args:
            run_dir: the real path in its record.
            owner: whose it has to be.
            disks: the test's own ``[disks]``, besides the area's.
            dry_run: only tell.
        """
        return remove_test(run_dir, owner, self._roots(disks), dry_run=dry_run)

    def read_journal(self, run_dir: str, offset: int) -> JournalPart:
        """Return the records from `offset` on."""
        return with_findings(run_dir, journal.read_journal(run_dir, offset))

    def revoke(self, run_dir: str, attempt: int) -> bool:
        """Make sure that an attempt that has not begun never will; see `journal.revoke`."""
        return journal.revoke(run_dir, attempt)

    def low_space(self) -> str:
        """Return why nothing may be launched for want of disk space; empty if all is well."""
        return self._disks.low_space()

    def unusable(self) -> str:
        """Return why no disk could take a run directory even if it were empty; empty if one could."""
        return self._disks.unusable()

    def free_kib(self, path: str) -> int:
        """Return the free KiB of the disk that holds `path`; -1 if it cannot be asked."""
        return self._disks.free_kib(path)

    def _roots(self, more: Sequence[Disk]) -> Roots:
        disks = (*self._disks.paths, *(disk.path for disk in more), self._runs.path)
        return Roots(
            disks=tuple(dict.fromkeys(disks)),
            linktree=self._area.linktree,
            sources=self._area.tests_paths,
            precious=self._precious,
        )

    def _make_room(self, run_dir: str, place: Place, owner: Owner, spec: AttemptSpec) -> None:
        """Make the directory; move aside what earlier attempts left, on whichever disk.

        The first attempt of a test without items looks for that only if something is in its way,
        there or, on another disk, at the link: nearly always nothing is.
        """
        if spec.attempt > 1 or place.item:
            self._clear_the_way(run_dir, place, owner, spec)
        try:
            _make_directory(run_dir)
        except FileExistsError:
            self._clear_the_way(run_dir, place, owner, spec)
            set_aside(run_dir, place, owner, self._roots(spec.disks), keep=self._keep(spec))
            _make_directory(run_dir)

    def _link(self, run_dir: str, place: Place, owner: Owner, spec: AttemptSpec) -> None:
        """Make the directory reachable through the link tree."""
        if not place.item and link_new(self._area.linktree, run_dir, place):
            return
        self._clear_the_way(run_dir, place, owner, spec)
        link_up(self._area.linktree, run_dir, place)

    def _keep(self, spec: AttemptSpec) -> int:
        return 0 if spec.preclean else max(self._area.keep_attempts, spec.keep)

    def _clear_the_way(self, run_dir: str, place: Place, owner: Owner, spec: AttemptSpec) -> None:
        """Move aside what the link tree shows of earlier attempts elsewhere than in `run_dir`."""
        roots, keep = self._roots(spec.disks), self._keep(spec)
        home = home_of(self._area.linktree, place)
        if home is not None and place.item:
            self._clear_test_without_items(home, place, owner, roots, keep)
        for earlier in standing(home, place):
            if earlier != run_dir:
                set_aside(earlier, place, owner, roots, keep=keep)

    def _clear_test_without_items(
        self, home: str, place: Place, owner: Owner, roots: Roots, keep: int
    ) -> None:
        """Move aside the run directory of a test that has got items since."""
        found = owner_at(home)
        if found is not None and not found.item:
            test = Place(run=place.run, test=place.test)
            set_aside(home, test, owner, roots, keep=keep)

    def _fill(
        self, run_dir: str, spec: AttemptSpec, script: str, own: Mapping[str, str], text: EnvironmentText
    ) -> None:
        """Put everything into a directory that was just made, the marker first."""
        _write_script(run_dir, script)
        if self._area.test_copy_command:
            environment = self._environment.whole(spec.shared, own)
            _run_copy_command(self._area.test_copy_command, spec.source, run_dir, environment)
            # Again: `rsync --delete` takes away what is not among the test's files.
            _write_script(run_dir, script)
        else:
            notes = populate(spec.source, self._sources.listing(spec.source), run_dir)
            if notes:
                _write(f"{run_dir}/{JOB_LOG}", "".join(f"megatest: {note}\n" for note in notes), 0o666)
        reach("work area files copied")
        _write(f"{run_dir}/megatest.sh", text.sh, 0o666)
        _write(f"{run_dir}/megatest.csh", text.csh, 0o666)
        if spec.steps:
            make_directories(f"{run_dir}/.ezsteps")
            _write_rules(run_dir, spec.steps)


def _own_variables(run_dir: str, owner: Owner, spec: AttemptSpec) -> dict[str, str]:
    own = {variable.name: variable.value for variable in spec.variables}
    own["MT_TEST_RUN_DIR"] = run_dir
    own["MT_CMDINFO"] = command_info(owner, spec.source, run_dir, _SHIM, own.get("MT_ITEM_INFO", ""))
    own["MT_JOURNAL"] = journal.journal_path(run_dir)
    return own


def _script(run_dir: str, owner: Owner, spec: AttemptSpec, exports: str) -> str:
    return job_script(
        JobScript(
            owner=owner,
            run_dir=run_dir,
            exports=exports,
            shim_dir=SHIM_DIR,
            runscript=spec.runscript,
            steps=spec.steps,
            elsewhere=not spec.on_this_host,
            resolved=spec.resolved,
        )
    )


def _make_directory(path: str) -> None:
    """Make one directory, and its parents if it is the first of its run."""
    reach("work area before make")
    try:
        os.mkdir(path)
    except FileNotFoundError:
        make_directories(os.path.dirname(path))
        os.mkdir(path)


def _write_script(run_dir: str, script: str) -> None:
    with contextlib.suppress(FileExistsError):  # the second time; then opening the file says what is wrong
        os.mkdir(f"{run_dir}/{OURS}")
    reach("work area marker directory made")
    _write(f"{run_dir}/{SCRIPT}", script, 0o777)
    reach("work area script written")


def _write_rules(run_dir: str, steps: Sequence[Step]) -> None:
    """Write the log rules that ``[logpro]`` has; a rule file among the test's own files wins."""
    for step in steps:
        path = f"{run_dir}/{step.name}.logpro"
        if step.logpro is not None and not os.path.lexists(path):
            _write(path, _RULES_HEAD.format(step=step.name) + step.logpro + "\n", 0o666)


def _write(path: str, text: str, mode: int) -> None:
    """Write a file of ours; one of the test's of that name, or a link, makes way."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags, mode)
    except FileExistsError:
        os.unlink(path)
        descriptor = os.open(path, flags, mode)
    reach("work area file made")
    try:
        rest = text.encode("utf-8", "surrogateescape")
        while len(rest) > (written := os.write(descriptor, rest)):
            rest = rest[written:]
    finally:
        os.close(descriptor)


def _run_copy_command(command: str, source: str, run_dir: str, environment: Mapping[str, str]) -> None:
    """Run the area's `testcopycmd`; what it says is the beginning of the test's log.

    Raises:
        UserError: it failed; a test must not run on half of its files.
    """
    import subprocess  # takes 5 ms, and most areas have no such command

    line = command.replace("TEST_SRC_PATH", sh_quote(source)).replace("TEST_TARG_PATH", sh_quote(run_dir))
    with open(f"{run_dir}/{JOB_LOG}", "ab") as log:
        code = subprocess.call(
            ["/bin/sh", "-c", line],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=run_dir,
            env=environment,
        )
    if code != 0:
        with open(f"{run_dir}/{JOB_LOG}", "rb") as log:
            said = log.read()[-_TAIL_BYTES:].decode("utf-8", "replace").strip()
        raise UserError(f"testcopycmd ended with {code}: {line}", hint=said or None)


def _fault(run_dir: str, error: OSError) -> MegatestError:
    place = error.filename or run_dir
    message = f"cannot make the run directory {run_dir}: {place}: {error.strerror}"
    if error.errno == errno.ENAMETOOLONG:
        return UserError(message)
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return NoSpace(message) if full else EnvironmentFault(message)


def _undo(run_dir: str, owner: Owner, roots: Roots) -> None:
    """Take away what was made of an attempt that cannot be made; on a full disk the room is needed."""
    if owner_at(run_dir) is None:
        with contextlib.suppress(OSError):  # the disk was full before the marker was whole
            os.unlink(f"{run_dir}/{SCRIPT}")
            os.rmdir(f"{run_dir}/{OURS}")
            os.rmdir(run_dir)
        return
    _take_away(run_dir, owner, roots)


def _take_away(run_dir: str, owner: Owner, roots: Roots) -> None:
    """Remove an attempt that never began; earlier attempts stay where they are."""
    reach("attempt before discard")
    if isinstance(remove_run_dir(run_dir, owner, roots), Removed):
        remove_links(run_dir, owner, roots)
