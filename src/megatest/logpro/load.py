"""Rule file to `RuleSet`: runs it as a Scheme program whose forms define rules; collects every error."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from typing import Final

from megatest.logpro.definition import Definitions
from megatest.logpro.host import Host
from megatest.logpro.pattern import translate_pattern
from megatest.logpro.rule import Measure, Rule, RuleSet
from megatest.model.error import ConfigError, Diagnostic, Severity
from megatest.model.slotted import dataclass, replace
from megatest.scheme.argument import integer_of, text_of
from megatest.scheme.bracket import RegexpError
from megatest.scheme.evaluate import Interpreter
from megatest.scheme.fault import FileFault, SchemeError, SchemeFault
from megatest.scheme.form import AtomForm, Form, ListForm, Source
from megatest.scheme.procedure import CallSite, PlacedProcedure, Steps
from megatest.scheme.reader import UNCLOSED_REGEXP, read_source
from megatest.scheme.value import UNSPECIFIED, Regexp, Value, brief

_STEP_LIMIT: Final = 2_000_000
_MOST_LOADS: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleText:
    """A rule file's name, for messages, and its text."""

    file: str
    text: str


class RuleFileError(ConfigError):
    """A rule file that cannot be used; carries every finding.

    Attributes:
        refused: the original refused such a file when it read it, and left an empty ``.dat``.  What it passed
            over until it broke, or for good, leaves a ``.dat`` that says so.
    """

    def __init__(self, findings: Iterable[Diagnostic], *, refused: bool) -> None:
        super().__init__(findings)
        self.refused = refused


class RulesExitError(Exception):
    """The rules called ``exit``: nothing is judged.

    Attributes:
        code: the exit status that they ask for.
        finding: a note that says so, at the call.
    """

    def __init__(self, code: int, finding: Diagnostic) -> None:
        super().__init__(finding.message)
        self.code = code
        self.finding = finding


def load_rules(texts: Sequence[RuleText], today: datetime.date, host: Host | None = None) -> RuleSet:
    """Read rule files, in order, into one set of rules; waivers come first.

    Args:
        texts: the files.
        today: rules that expire on it or before are dropped.
        host: what they may reach.

    Raises:
        RuleFileError: they cannot be used.
        RulesExitError: they called ``exit``, and nothing before it was wrong.

    Cost: that of running them, within a limit of steps.
    """
    loader = _Loader(Definitions(today=today), host or Host())
    try:
        for text in texts:
            loader.run(Source(file=text.file, text=text.text))
    except RulesExitError:
        loader.finish()
        raise
    return loader.finish()


class _Loader:
    """A run of rule files: the interpreter, what it defined, and what was wrong."""

    def __init__(self, definitions: Definitions, host: Host) -> None:
        self.definitions = definitions
        self.host = host
        self.findings: list[Diagnostic] = []
        self.loads = 0
        bindings = {**definitions.names(), **self._reaching_out()}
        self.interpreter = Interpreter(bindings, step_limit=_STEP_LIMIT, output=host.write)

    def run(self, source: Source) -> None:
        """Run a file form by form; an error in one does not keep the others from being checked."""
        forms, findings = read_source(source)
        self.findings += findings
        for form in forms:
            self.findings += _literal_errors(form)
            try:
                self.interpreter.run([form])
            except SchemeError as error:
                self.findings += error.diagnostics()

    def finish(self) -> RuleSet:
        """Return the rules, or raise what was wrong with them."""
        found = self.definitions
        if self.findings or found.mistakes:
            # A complaint alone would not end the run, but once it has ended the user wants all of them.
            findings = [*self.findings, *found.mistakes, *found.complaints, *found.warnings]
            refused = any(finding.message != UNCLOSED_REGEXP for finding in self.findings)
            raise RuleFileError(_in_order(findings), refused=refused)
        rules = RuleSet(
            rules=tuple(found.rules),
            triggers=tuple(found.triggers),
            sections=tuple(found.sections),
            hooks=found.hooks,
            complaints=tuple(found.complaints),
        )
        return replace(rules, warnings=(*found.warnings, *_doubts(rules)))

    def _reaching_out(self) -> dict[str, Value]:
        host = self.host

        def environment(name: Value) -> Value:
            return host.environ.get(text_of(name, "get-environment-variable"), False)

        def set_environment(name: Value, value: Value) -> Value:
            host.environ[_variable_name(name, "setenv")] = _without_nul(text_of(value, "setenv"), "setenv")
            return UNSPECIFIED

        def unset_environment(name: Value) -> Value:
            host.environ.pop(_variable_name(name, "unsetenv"), None)
            return UNSPECIFIED

        bindings: dict[str, Value] = {
            "exit": PlacedProcedure("exit", _exit),
            "load": self._load,
            "include": self._load,
            "getenv": environment,
            "get-environment-variable": environment,
            "setenv": set_environment,
            "unsetenv": unset_environment,
            "file-exists?": lambda name: host.exists(text_of(name, "file-exists?")),
        }
        if (run_shell := host.run_shell) is not None:
            bindings["system"] = lambda line: run_shell(text_of(line, "system"))
        return bindings

    def _load(self, name: Value) -> Steps:
        self.loads += 1
        if self.loads > _MOST_LOADS:
            raise SchemeFault(f"load: more than {_MOST_LOADS} files", hint="does a file load itself?")
        file, data = self._read(text_of(name, "load"))
        source = Source(file=file, text=data.decode("utf-8", "replace"))
        forms, findings = read_source(source)
        self.findings += findings
        for form in forms:
            self.findings += _literal_errors(form)
            yield self.interpreter.evaluation(form)
        return UNSPECIFIED

    def _read(self, file: str) -> tuple[str, bytes]:
        """Return the name and the bytes of a file, whose extension may be left out."""
        if "\0" in file:
            raise SchemeFault("load: a file name with a NUL in it")
        try:
            return file, self.host.read_file(file)
        except FileNotFoundError as error:
            try:
                return file + ".scm", self.host.read_file(file + ".scm")
            except OSError:
                raise FileFault(f"load: {file}: {error.strerror}") from error
        except OSError as error:
            raise FileFault(f"load: {file}: {error.strerror}") from error


def _exit(site: CallSite, arguments: Sequence[Value]) -> Value:
    """``(exit [CODE])``; the system keeps the last eight bits."""
    if len(arguments) > 1:
        raise SchemeFault(f"exit takes one exit status, not {len(arguments)}")
    code = integer_of(arguments[0], "exit") & 0xFF if arguments else 0
    finding = site.form.finding(f"the rules end here with exit status {code}; the log was not read")
    raise RulesExitError(code, replace(finding, severity=Severity.NOTE))


def _variable_name(name: Value, who: str) -> str:
    text = _without_nul(text_of(name, who), who)
    if not text or "=" in text:
        raise SchemeFault(f"{who}: {brief(text)} cannot be the name of a variable")
    return text


def _without_nul(text: str, who: str) -> str:
    if "\0" in text:
        raise SchemeFault(f"{who}: no variable has a NUL in it")
    return text


def _literal_errors(form: Form) -> list[Diagnostic]:
    """Return what is wrong with the regular-expression literals in a form, each at its place."""
    errors: list[Diagnostic] = []
    todo = [form]
    while todo:
        part = todo.pop()
        if isinstance(part, ListForm):
            todo += reversed(part.items)
            todo += [part.tail] if part.tail is not None else []
        elif isinstance(part.value, Regexp) and (error := _literal_error(part, part.value)):
            errors.append(error)
    return errors


def _literal_error(form: AtomForm, regexp: Regexp) -> Diagnostic | None:
    try:
        translate_pattern(regexp)
    except RegexpError as error:
        opening = form.text.find(regexp.source, 2)
        message = f"the regular expression cannot be read: {error.message}"
        return form.source.finding(form.start + opening + error.offset, 1, message)
    return None


def _in_order(findings: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Put errors before warnings and otherwise keep the order; drop what is said twice."""
    return sorted(dict.fromkeys(findings), key=lambda finding: finding.severity is not Severity.ERROR)


def _doubts(rules: RuleSet) -> list[Diagnostic]:
    """Return warnings about rules that can be run but are probably not meant."""
    known = {trigger.name for trigger in rules.triggers}
    doubts = [
        _doubt(f"section {section.name!r} never starts: there is no trigger {section.start!r}")
        for section in rules.sections
        if section.start not in known
    ]
    sections = {section.name for section in rules.sections}
    for rule in rules.rules:
        unknown = (name for name in rule.sections if name not in sections)
        doubts += [
            _doubt(f"rule {rule.name!r} never counts in {n!r}, which is no section", rule) for n in unknown
        ]
        if rule.hook and rule.hook not in rules.hooks:
            doubts.append(_doubt(f"rule {rule.name!r} has a hook {rule.hook!r}, which is not defined", rule))
        if isinstance(rule.test, Measure):
            doubts += _group_doubts(rule, rule.test.group)
    return doubts


def _group_doubts(rule: Rule, group: int) -> list[Diagnostic]:
    return [
        _doubt(f"rule {rule.name!r} takes its value from group {group}, which #/{regexp.source}/ lacks", rule)
        for regexp in rule.patterns
        if translate_pattern(regexp).groups < group
    ]


def _doubt(message: str, rule: Rule | None = None) -> Diagnostic:
    location = rule.location if rule else None
    return Diagnostic(severity=Severity.WARNING, message=message, location=location)
