"""What the lines of a reading see and change: the environment, earlier values, the list of findings."""

from __future__ import annotations

from megatest.config.entry import Entry, Origin, Pending
from megatest.config.expand import Found
from megatest.config.line import BLANKS, Kind
from megatest.config.request import Commands, Request
from megatest.config.shell import joined_lines, run_shell
from megatest.config.source import Line
from megatest.model.error import Diagnostic, Severity
from megatest.model.slotted import replace

_START = Line(1, "", Kind.BLANK, "", "", 0, False)


class Surroundings:
    """The `megatest.config.expand.Scope` of a reading; the reader says which line it is at.

    Attributes:
        line, origin, section: of the line at hand.
        sections: what was read so far; `SectionBuilder` fills it.
        findings: what is odd or wrong so far.
        asked, opaque, missing: see `megatest.config.entry.Document`.
    """

    def __init__(self, request: Request) -> None:
        self.request = request
        self.sections: dict[str, dict[str, Entry]] = {}
        self.findings: list[Diagnostic] = []
        self.asked: dict[str, bool] = {}
        self.opaque = False
        self.missing: set[str] = set()
        self.line = _START
        self.origin = Origin(file="")
        self.section = "default"
        self._before: dict[str, str | None] = {}

    @property
    def cwd(self) -> str:
        """Directory in which commands run."""
        return self.request.cwd

    @property
    def home(self) -> str:
        """The area's directory."""
        return self.request.home

    @property
    def env(self) -> dict[str, str]:
        """The environment as it is now."""
        return self.request.env

    # environment

    def variable(self, name: str) -> str | None:
        """Return a variable of the environment, and note that it was asked for."""
        value = self.request.env.get(name)
        self.asked[name] = self.asked.get(name, True) and value is not None
        return value

    def export(self, name: str, value: str | None) -> None:
        """Set a variable of the environment, or unset it; names that no environment has are ignored."""
        if not _exportable(name, value):
            return
        env = self.request.env
        self._before.setdefault(name, env.get(name))
        if value is None:
            env.pop(name, None)
        else:
            env[name] = value

    def exported(self) -> dict[str, str | None]:
        """Return what `export` did: name -> value now, None for a variable that was there and is not."""
        env = self.request.env
        return {
            name: env.get(name) for name, before in self._before.items() if before is not None or name in env
        }

    # values

    def look_up(self, section: str, key: str) -> Found | None:
        """Return a value that was read before; one that was put off is made now."""
        entry = self.sections.get(section, {}).get(key)
        if entry is None:
            return None
        if entry.pending is not None:
            entry = self.settle(section, key)
        return Found(entry.value, entry.volatile)

    def look_up_run(self, key: str) -> Found | None:
        """Return the target's or the default value of a run variable."""
        target = self.request.target_section
        found = self.look_up(target, key) if target else None
        found = found or self.look_up("default", key)
        if found is None and self.request.run_value is not None:
            found = self.request.run_value(key)
        return found

    def section_environment(self) -> dict[str, str]:
        """Return the values of ``default`` and of the section at hand, as scripts and commands see them."""
        result: dict[str, str] = {}
        for name in ("default", self.section):
            for entry in self.sections.get(name, {}).values():
                if entry.pending is None and _exportable(entry.key, entry.value):
                    result[entry.key] = entry.value
        return result

    def settle(self, section: str, key: str) -> Entry:
        """Run the command of an entry that was put off and keep what it printed."""
        table = self.sections[section]
        entry = table[key]
        assert entry.pending is not None, "only what was put off is settled"
        at = (self.line, self.origin)
        self.line, self.origin = entry.line, entry.origin
        value = self.run_command(entry.pending, entry.offset)
        self.line, self.origin = at
        table[key] = settled = entry._replace(value=value, pending=None)
        return settled

    # commands

    def may_run_commands(self) -> bool:
        """Tell whether a helper of the line at hand may start a process."""
        return self.request.commands is not Commands.FORBID and self.request.keeps(self.section)

    def run_command(self, pending: Pending, offset: int) -> str:
        """Return a ``[system]`` command's output as one line, and report how it failed if it did."""
        self.opaque = True
        env = {**self.request.env, **pending.environment}
        outcome = run_shell(pending.command, cwd=self.cwd, env=env)
        if outcome.problem:
            self.warn(f"the command could not be started: {outcome.problem}", offset, len(pending.command))
        elif outcome.code:
            self.warn(
                f"the command ended with exit status {outcome.code}; what it printed is used",
                offset,
                len(pending.command),
            )
        return joined_lines(outcome.output)

    def run_scheme(self, expression: str, offset: int) -> str | None:
        """Return what a Scheme expression prints; None if it failed, which is reported."""
        # These bring in the interpreter, which most configurations do not need.
        from megatest.config.embedded import run_expression
        from megatest.scheme.fault import SchemeError

        self.opaque = True
        place = self.line.place(self.origin.file, offset)
        try:
            return run_expression(expression, place, self.line.physical(offset), self)
        except SchemeError as error:
            for finding in error.diagnostics():
                severity = Severity.WARNING if self._in_comment else finding.severity
                self.findings.append(replace(finding, severity=severity, notes=self.origin.notes()))
        return None

    def argument(self, name: str) -> str | None:
        """Return an option's value of the command that reads the file, by the option's classic name."""
        request = self.request
        target = str(request.target) if request.target else request.target_section
        known = {
            "-target": target,
            "-reqtarg": target,
            "-runname": request.runname,
            ":runname": request.runname,
            "-start-dir": request.home,
        }
        return known.get(name) or None

    # findings

    def warn(self, message: str, offset: int, length: int, hint: str | None = None) -> None:
        """Report something odd at a character of the line at hand."""
        self.report(Severity.NOTE if self._in_comment else Severity.WARNING, message, offset, length, hint)

    def fail(self, message: str, offset: int, length: int, hint: str | None = None) -> None:
        """Report something wrong there; in a comment, where helpers act too, it is only odd."""
        self.report(Severity.WARNING if self._in_comment else Severity.ERROR, message, offset, length, hint)

    @property
    def _in_comment(self) -> bool:
        text = self.line.text.lstrip(BLANKS)
        return text.startswith("#") and not text.startswith("#{")

    def report(
        self, severity: Severity, message: str, offset: int = 0, length: int = 1, hint: str | None = None
    ) -> None:
        """Report something at a character of the line at hand, as it was written."""
        line = self.line
        offset = min(offset, len(line.text))
        finding = Diagnostic(
            severity=severity,
            message=message,
            location=line.place(self.origin.file, offset),
            source=line.physical(offset),
            length=max(1, length),
            hint=hint,
            notes=self.origin.notes(),
        )
        self.findings.append(finding)


def _exportable(name: str, value: str | None) -> bool:
    """Tell whether an environment can have this variable; names with ``:`` never leave the file."""
    if not name or ":" in name or "=" in name or "\0" in name:
        return False
    return value is None or "\0" not in value
