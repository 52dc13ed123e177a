"""The original's options: the one table from which the parser, the help and the manual come."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from megatest.model.slotted import dataclass


class Kind(StrEnum):
    """What an option is."""

    ACTION = "action"
    MODIFIER = "modifier"
    IN_TEST = "inside a test"
    INERT = "accepted, without effect"
    MISSING = "not in this program"


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One option of the original.

    Attributes:
        name: without its sign.
        text: what it does, in a line.
        kind: see there.
        value: what its value is called; empty for a switch.
        further: what a second word behind the value is called, which may be there; empty for none.
        signs: how it may begin.
        other: other spellings, with their signs.
        modern: the modern command that does it; empty for none.
    """

    name: str
    text: str
    kind: Kind = Kind.MODIFIER
    value: str = ""
    further: str = ""
    signs: tuple[str, ...] = ("-",)
    other: tuple[str, ...] = ()
    modern: str = ""

    @property
    def values(self) -> str:
        """What follows the option on a line, as help and manual write it."""
        return f"{self.value} [{self.further}]" if self.further else self.value

    @property
    def spellings(self) -> tuple[str, ...]:
        """Every word that means this option."""
        return (*(f"{sign}{self.name}" for sign in self.signs), *self.other)


def _action(name: str, value: str, text: str, modern: str, *other: str) -> Option:
    return Option(name=name, value=value, text=text, kind=Kind.ACTION, modern=modern, other=other)


def _modifier(name: str, value: str, text: str, modern: str = "", *other: str) -> Option:
    return Option(name=name, value=value, text=text, modern=modern, other=other)


def _both(name: str, value: str, text: str, modern: str) -> Option:
    return Option(name=name, value=value, text=text, modern=modern, signs=("-", ":"))


def _in_test(name: str, value: str, text: str, modern: str) -> Option:
    return Option(name=name, value=value, text=text, kind=Kind.IN_TEST, modern=modern)


def _field(name: str, text: str) -> Option:
    value = name.upper()
    return Option(name=name, value=value, text=text, kind=Kind.IN_TEST, signs=(":",), modern="value")


def _kept_environment(name: str, value: str, text: str) -> Option:
    return Option(name=name, value=value, further="DATABASE", text=text, kind=Kind.ACTION)


def _inert(name: str, value: str, text: str) -> Option:
    return Option(name=name, value=value, text=text, kind=Kind.INERT)


def _missing(name: str, value: str, text: str, modern: str = "") -> Option:
    return Option(name=name, value=value, text=text, kind=Kind.MISSING, modern=modern)


GROUPS: Final[tuple[tuple[str, tuple[Option, ...]], ...]] = (
    (
        "Running tests",
        (
            _action("run", "", "run the tests of -testpatt; without it those of TESTPATT, else all", "run"),
            _action("runall", "", "the same as -run", "run"),
            _action("runtests", "A,B", "run these tests, with all their items", "run A,B"),
            _action(
                "rerun-clean", "", "run again what failed, was killed or did not end", "run --rerun-clean"
            ),
            _action("rerun-all", "", "run everything again", "run --rerun-all"),
            _modifier("rerun", "A,B", "run again what has one of these statuses", "run --rerun A,B"),
            _modifier("force", "", "run whatever the records say; wait for no prerequisite", "run --force"),
            _modifier("keepgoing", "", "run failed and killed tests of this run again", "run --keep-going"),
            _modifier("preclean", "", "remove what earlier attempts left, do not keep it", "run --preclean"),
            _modifier("setvars", "A=1,B=2", "set variables in every test", "run --env A=1"),
            _modifier("m", "TEXT", "comment of the run, the step or the test", "run -m TEXT"),
        ),
    ),
    (
        "Which run",
        (
            _modifier("target", "A/B/C", "a value for each field; in queries a pattern for each", "-t A/B/C"),
            _modifier(
                "reqtarg", "A/B/C", "the same; runconfigs must have a section of this name", "-t A/B/C"
            ),
            _both("runname", "NAME", "name of the run; in queries a pattern", "-n NAME"),
            _modifier(
                "config", "FILE", "name of the area's file, instead of megatest.config", "--config-name"
            ),
            _modifier("append-config", "FILE", "a further file, whose values win"),
            _modifier("start-dir", "DIR", "go to this directory first", "--area DIR"),
        ),
    ),
    (
        "Which tests",
        (
            _modifier("testpatt", "PATT", "tests, or test/item; % is any text, ~ negates", "PATTERN"),
            _modifier("itempatt", "PATT", "items: put behind each test of -testpatt as /PATT", "PATTERN"),
            _modifier("tagexpr", "A,B%", "only tests with a tag that matches", "run --tags A,B%"),
            _modifier("modepatt", "KEY", "take the pattern from this key of runconfigs", "", "--modepatt"),
            _both("state", "A,B", "only tests in these states", "list --state A,B"),
            _both("status", "A,B", "only tests with these statuses", "list --status A,B"),
        ),
    ),
    (
        "Asking",
        (
            _action("list-runs", "PATT", "list the runs of this name, with their tests", "list --runs"),
            _action("list-targets", "", "list the sections of runconfigs", "targets"),
            _action("testdata-csv", "[CATEGORY/]VAR", "print measured values as CSV", "values"),
            _action("list-db-targets", "", "list the targets for which there are runs", "list --runs"),
            _action("list-disks", "", "list the disks for run directories", "config show disks"),
            _action("showkeys", "", "list the fields of the target", "config show fields", "-show-keys"),
            _action("show-config", "", "print the area's resolved file", "config show"),
            _action("show-runconfig", "", "print the resolved runconfigs", "config show --runconfig"),
            _action("test-paths", "", "print the run directories of tests", "list --json"),
            _action("test-files", "GLOB", "print matching files of run directories", "log TEST --path"),
            _action("get-run-status", "", "print the status of a run", "list --runs --json"),
            _modifier("section", "NAME", "of -show-config and -show-runconfig: one section", "config get"),
            _modifier("var", "NAME", "with -section: one value", "config get"),
            _modifier(
                "dumpmode",
                "MODE",
                "json, sexpr, ini or csv, where a listing has it; bash, csh or config of -envdelta",
                "--json, --format",
            ),
            _modifier("fields", "SPEC", "of -list-runs: runs:a,b+tests:c,d+steps"),
            _modifier("sort", "FIELD", "of -list-runs: order of the tests", "list --sort"),
            _action("list-run-time", "", "list how long runs took", ""),
            _modifier("run-patt", "PATT", "of -list-run-time: runs of this name"),
            _modifier("target-patt", "A/B/C", "of -list-run-time: a pattern for each field"),
            _action("list-test-time", "", "list how long each test took", "list --sort duration"),
            _modifier("o", "FILE", "write a listing to this file"),
        ),
    ),
    (
        "Changing and removing",
        (
            _action("remove-runs", "", "remove directories and records of tests, then empty runs", "rm"),
            _modifier(
                "keep-records",
                "",
                "of -remove-runs and -remove-keep: only the directories go",
                "rm --keep-records",
            ),
            _action(
                "remove-keep",
                "N",
                "print all but the newest N runs of each target; removed by -actions only",
                "rm % --keep N",
            ),
            _modifier("age", "TIME", "of -remove-keep: what began later stays", "rm --older-than TIME"),
            _modifier("actions", "LIST", "of -remove-keep: print, remove-runs"),
            _action(
                "set-state-status",
                "STATE,STATUS",
                "set both by hand; KILLREQ kills",
                "set PATTERN; megatest kill PATTERN",
            ),
            _action("set-run-status", "STATUS", "set the status of a run; -m sets its comment", ""),
            _action("lock", "", "protect runs from removal and changes by hand", "lock"),
            _action(
                "unlock", "", "take the protection away; asks y or n on standard input for each run", "unlock"
            ),
            _action("summarize-items", "", "write the pages about the items of tests again", ""),
            _action("update-meta", "", "read [test_meta] of all tests again", ""),
            _action("run-wait", "", "wait until nothing that matches is under way", "wait"),
            _action("mark-incompletes", "", "say what became of tests that no engine looks after", "list"),
            _action("rebuild-db", "", "bring an old database up to date", ""),
            _action("cleanup-db", "", "take out of the database what belongs to nothing", ""),
            _action("create-megatest-area", "", "make an area here, with commented files", "init ."),
            _action("create-test", "NAME", "make a test, with commented files", "new NAME"),
        ),
    ),
    (
        "Inside a test",
        (
            _in_test("step", "NAME", "record a step with :state and :status", "step"),
            _in_test("test-status", "", "record the test's own :state and :status", "status"),
            _in_test("setlog", "FILE", "name the test's log", "log-file"),
            _in_test("set-toplog", "FILE", "name the log of the test above the items", "log-file --top"),
            _in_test("runstep", "NAME", "run the words that follow as a step", ""),
            _in_test("logpro", "FILE", "of -runstep: judge its log by these rules", ""),
            _in_test("set-values", "", "record a measured value", "value"),
            _in_test("load-test-data", "", "record values from comma separated lines on stdin", "value"),
            _field("category", "of a measured value"),
            _field("variable", "name of a measured value"),
            _field("value", "what was measured"),
            _field("expected", "what was expected"),
            _field("tol", "how far off it may be, or one of > < >= <="),
            _field("units", "of a measured value"),
            _action("env2file", "BASE", "write the environment as BASE.sh and BASE.csh", ""),
            _kept_environment("envcap", "CONTEXT", "keep the environment under a name, in envdat.db"),
            _kept_environment("envdelta", "A-B", "print what makes the environment kept as A that kept as B"),
            _action("show-cmdinfo", "", "print what MT_CMDINFO, or :value, says about the test", ""),
        ),
    ),
    (
        "Messages",
        (
            _modifier("log", "FILE", "write messages to this file"),
            _modifier("debug", "N", "accepted; N below 1 is -q"),
            _modifier("v", "", "accepted"),
            _modifier("q", "", "no warnings", "run -q"),
            _action("version", "", "print the version", "--version", "--version"),
            _action("h", "", "print this help", "--help", "-help", "--help"),
        ),
    ),
    (
        "Accepted, without effect",
        (
            _inert("one-pass", "", "a run is always one pass"),
            _inert("clean-cache", "", "there is no cache on disk"),
            _inert("no-cache", "", "there is no cache on disk"),
            _inert("use-db-cache", "", "there is no cache on disk"),
            _inert("cache-db", "", "there is no cache on disk"),
            _inert("local", "", "there is no server"),
            _inert("server", "HOST", "there is no server"),
            _inert("transport", "NAME", "there is no server"),
            _inert("daemonize", "", "there is no server"),
            _inert("port", "N", "there is no server"),
            _inert("list-servers", "", "there is no server"),
            _inert("kill-servers", "", "there is no server"),
            _inert("rollup", "", "parents follow their items by themselves"),
            _inert("contour", "NAME", "it had no effect on a run"),
            _inert("prepend-contour", "", "it had no effect"),
            _inert("area-tag", "NAME", "it had no effect on a run"),
            _inert("logging", "", "it had no effect"),
            _inert("gui", "", "it had no effect"),
            _inert("precmd", "COMMAND", "-remove-keep removes by itself, it starts no other command"),
            _inert("xterm", "", "a test's output is in its log: megatest log -f"),
            _inert("since", "TIME", "it had no effect"),
            _inert("days", "N", "it had no effect"),
            _inert("rename-run", "NAME", "it had no effect"),
            _inert("to", "NAME", "it had no effect"),
        ),
    ),
    (
        "Not in this program",
        (
            _missing("archive", "ACTION", "keep run directories elsewhere"),
            _missing("extract-ods", "FILE", "write a spreadsheet", "list --json"),
            _missing("pathmod", "PATH", "of -extract-ods"),
            _missing("diff-rep", "", "compare two runs"),
            _missing("diff-html", "FILE", "of -diff-rep"),
            _missing("diff-email", "LIST", "of -diff-rep"),
            _missing("src-target", "A/B/C", "of -diff-rep"),
            _missing("src-runname", "NAME", "of -diff-rep"),
            _missing("generate-html", "", "write pages about all runs"),
            _missing("generate-html-structure", "", "write pages about all runs"),
            _missing("refdb2dat", "DIR", "convert a reference database"),
            _missing("execute", "BLOB", "the original's own way to start a test", "sh .megatest/job.sh"),
            _missing("recover-test", "RUN,TEST", "recovery is part of every run", "run"),
            _missing("import-megatest.db", "", "copy between databases"),
            _missing("sync-to-megatest.db", "", "copy between databases"),
            _missing("sync-to", "NAME", "copy between databases"),
            _missing("ping", "HOST", "there is no server"),
            _missing("repl", "", "there is no Scheme to talk to"),
            _missing("load", "FILE", "there is no Scheme to talk to"),
            _missing("manual", "", "open the manual"),
        ),
    ),
)
"""Every option of the original, by what it is for."""

OPTIONS: Final[Mapping[str, Option]] = {
    word: option for _, options in GROUPS for option in options for word in option.spellings
}
"""Every word that is an option."""
