"""One classic command line at work: the area, the records, the run and tests that it means."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Final

from megatest.app import wiring
from megatest.app.edit import Author
from megatest.app.query import RunFilter, TestFilter, find_runs
from megatest.app.session import AreaRequest, Session, open_area, target_names
from megatest.cli.grammar import Line
from megatest.cli.main import print_error
from megatest.config.nearest import did_you_mean
from megatest.model.error import EnvironmentFault, UserError
from megatest.model.ids import Target
from megatest.model.record import RunRecord
from megatest.model.spec import Variable

if TYPE_CHECKING:
    from megatest.app.request import RunRequest

RUN_FAMILY: Final = ("run", "runall", "runtests", "rerun-clean", "rerun-all")
"""Actions that run tests."""

FAILED: Final = 1
"""Exit status where the request could not be met."""

NO_PATTERN: Final = 3
"""Exit status where -testpatt is missing; the original's scripts know it."""


class Call:
    """One command line, its area and records opened when first needed.

    Args:
        line: the options.
        start: where the search for the area begins.
        environ: the caller's environment.
    """

    def __init__(self, *, line: Line, start: str, environ: Mapping[str, str]) -> None:
        self.line = line
        self._start = start
        self._environ = environ

    @property
    def environ(self) -> Mapping[str, str]:
        """The caller's environment."""
        return self._environ

    # -- area and records -------------------------------------------------------------------------

    @property
    def quiet(self) -> bool:
        """Whether warnings are not wanted."""
        return self.line.has("q") or self.line.value("debug") == "0"

    @property
    def request(self) -> AreaRequest:
        """Which area is meant."""
        return AreaRequest(
            start=self._start,
            config_name=self.line.value("config", "megatest.config"),
            append=self.line.value("append-config"),
            environ=self._environ,
        )

    @cached_property
    def session(self) -> Session:
        """The area, opened for no target; the line's ``:field value`` pairs are checked by it."""
        session = open_area(self.request)
        known = session.area.field_names
        for name in self.line.fields:
            if name not in known:
                hint = did_you_mean(name, known) or f"its fields: {', '.join(known)}"
                raise UserError(f"unknown argument ':{name}': this area has no such field", hint=hint)
        return session

    @cached_property
    def records(self) -> wiring.AllRecords:
        """The records, to be changed; made if the area has none yet."""
        return wiring.open_records(self.session, create=True)

    @cached_property
    def records_if_any(self) -> wiring.AllRecords | None:
        """The records, to be read; None if nothing has run yet."""
        if not os.path.exists(self.session.database):
            return None
        return wiring.open_records(self.session, read_only=True)

    def close(self) -> None:
        """Give up what was opened."""
        for name in ("records", "records_if_any"):
            opened = self.__dict__.get(name)
            if opened is not None:
                opened.close()

    @cached_property
    def author(self) -> Author:
        """Who gave the command."""
        return Author(user=wiring.user_name(self._environ), time=int(wiring.SystemClock().now()))

    # -- the run ----------------------------------------------------------------------------------

    def target(self, action: str, *, partly: bool = False) -> str:
        """Return the target, as a value or pattern for each field.

        Args:
            action: the option that needs it, for the message.
            partly: fields may be missing: then any value is meant, and nothing at all is empty.

        Raises:
            UserError: it is missing or given in two ways; -reqtarg names no section (exit status 1).
        """
        given = self.line.value("reqtarg") or self.line.value("target")
        fields = self.line.fields
        known = self.session.area.field_names
        if given and fields:
            raise UserError(f"both -target and :{next(iter(fields))} say what the target is")
        if given:
            self._check_required_target()
            return given
        if not fields and partly:
            return ""
        missing = [name for name in known if name not in fields]
        if missing and not partly:
            raise UserError(
                f"{action} needs a value for the field {missing[0]}",
                hint=f"give -target {'/'.join(known)}, or " + " ".join(f":{name} VALUE" for name in missing),
            )
        return "/".join(fields.get(name, "%") for name in known)

    def _check_required_target(self) -> None:
        wanted = self.line.value("reqtarg")
        if wanted and wanted not in (known := target_names(self.session)):
            raise UserError(
                f"-reqtarg {wanted}: runconfigs has no section of this name",
                hint=did_you_mean(wanted, known) or f"its targets: {', '.join(known) or 'none'}",
                exit_code=FAILED,
            )

    def runname(self, action: str) -> str:
        """Return the run's name, or the pattern of it.

        Raises:
            UserError: it is missing.
        """
        name = self.line.value("runname")
        if not name:
            raise UserError(f"{action} needs the name of a run", hint="give -runname NAME")
        return name

    def runs(self, action: str) -> list[RunRecord]:
        """Return the runs that the line means, by start time.

        Raises:
            UserError: target or run name are missing.
        """
        which = RunFilter(target=self.target(action), runname=self.runname(action))
        return find_runs(self.records, self.session.area.field_names, which)

    def first_run(self, action: str) -> RunRecord:
        """Return the first run that the line means.

        Raises:
            UserError: there is none (exit status 1).
        """
        runs = self.runs(action)
        if not runs:
            name = f"{self.target(action)}/{self.runname(action)}"
            raise UserError(f"{action}: there is no run {name}", exit_code=FAILED)
        return runs[0]

    def own_run(self) -> RunRecord | None:
        """Return the run of the test that gives this command; None outside a test."""
        target, runname = self._environ.get("MT_TARGET", ""), self._environ.get("MT_RUNNAME", "")
        if not target or not runname:
            return None
        parsed = Target.parse(target, self.session.area.field_names)
        return self.records.run(parsed, runname)

    @property
    def own_test(self) -> str:
        """Name of the test that gives this command; empty outside a test."""
        return self._environ.get("MT_TEST_NAME", "")

    @property
    def has_run(self) -> bool:
        """Whether the line runs tests."""
        return any(self.line.has(name) for name in RUN_FAMILY)

    # -- the tests --------------------------------------------------------------------------------

    def pattern(self) -> str:
        """Return the pattern of tests, with -itempatt behind each of its tests; empty without.

        Raises:
            UserError: one is given and is empty, as from an unset variable: it matches no test.
        """
        tests = self.line.value("runtests") or self.line.value("testpatt")
        given = next((option for option in ("runtests", "testpatt") if self.line.has(option)), "")
        if given and not tests.strip():
            raise UserError(
                f"-{given}: an empty pattern matches no test",
                hint=f"-{given} % means all tests",
                exit_code=NO_PATTERN,
            )
        if not self.line.has("itempatt"):
            return tests
        item = self.line.value("itempatt")
        words = [word.strip() for word in (tests or "%").split(",") if word.strip()]
        return ",".join(word if "/" in word else f"{word}/{item}" for word in words)

    def tests(self, action: str = "") -> TestFilter:
        """Return which tests are meant.

        Args:
            action: the option that cannot do without a pattern; empty if none of it means all.

        Raises:
            UserError: there is none (exit status 3).
        """
        pattern = self.pattern()
        if action and not pattern:
            raise UserError(
                f"{action} needs -testpatt", hint="-testpatt % means all tests", exit_code=NO_PATTERN
            )
        return TestFilter(
            pattern=pattern, states=self.line.words("state"), statuses=self.line.words("status")
        )

    def run_request(self) -> RunRequest:
        """Return what -run and its kin ask for.

        Raises:
            UserError: target or run name are missing.
        """
        from megatest.app.request import RunRequest

        line = self.line
        action = next(f"-{name}" for name in RUN_FAMILY if line.has(name))
        return RunRequest(
            area=self.request,
            target=self.target(action),
            require_target=line.has("reqtarg"),
            runname=self.runname(action),
            pattern=self.pattern(),
            tags=line.value("tagexpr"),
            mode_key=line.value("modepatt"),
            rerun=line.words("rerun") if line.has("rerun") else None,
            force=line.has("force"),
            keepgoing=line.has("keepgoing"),
            rerun_all=line.has("rerun-all"),
            rerun_clean=line.has("rerun-clean"),
            preclean=line.has("preclean"),
            variables=self._variables(),
            comment=line.value("m"),
        )

    def _variables(self) -> tuple[Variable, ...]:
        found = []
        for word in self.line.words("setvars"):
            name, equals, value = word.partition("=")
            if not equals or "=" in value or not name.isidentifier():
                self.warn(f"-setvars: {word!r} is not NAME=VALUE and is passed over")
                continue
            found.append(Variable(name, value))
        return tuple(found)

    # -- output -----------------------------------------------------------------------------------

    def warn(self, text: str) -> None:
        """Tell the user something that does not stop the command."""
        if not self.quiet:
            print_error(f"warning: {text}")

    def mode(self, *known: str, default: str) -> str:
        """Return how a listing is to be printed.

        Raises:
            UserError: -dumpmode has another word.
        """
        mode = self.line.value("dumpmode", default)
        mode = {"sexp": "sexpr"}.get(mode, mode)
        if mode not in known:
            raise UserError(f"-dumpmode {mode!r} is not known here", hint=f"known: {', '.join(known)}")
        return mode

    def write(self, text: str) -> None:
        """Write a listing to standard output, or to the file of -o.

        Raises:
            EnvironmentFault: the file cannot be written.
        """
        if not text:
            return
        path = self.line.value("o")
        if not path:
            sys.stdout.write(text + "\n")
            return
        try:
            with open(path, "w", encoding="utf-8", errors="surrogateescape") as file:
                file.write(text + "\n")
        except OSError as error:
            raise EnvironmentFault(f"cannot write {path}: {error.strerror}") from error
