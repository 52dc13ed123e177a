"""Expansion: ``#{...}`` in a line, and what ``echo VALUE`` would print."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from megatest.typed import Final, NamedTuple, Protocol

from megatest.config.line import BLANKS
from megatest.config.nearest import did_you_mean
from megatest.config.shell import joined_lines, run_shell
from megatest.model.slotted import dataclass

_HELPER = re.compile(
    r"#\{(?:(scheme|scm|system|shell|sh|getenv|gv|get|g|runconfigs-get|rget|realpath|rp|mtrah)\s++([^{}]*+)|mtrah)\}",
    re.ASCII,
)
# Texts, not patterns: most files have no line that needs them.
_HELPER_LIKE: Final = r"#\{([A-Za-z][\w-]*)"
_KEY_ONLY: Final = r"\S*+\s++"
# Everything a shell might act on is left out: quotes, globs, expansions, operators, comments, tilde,
# backslash, braces (bash).  A leading dash would be an option of echo.
_PLAIN: Final = r"(?![ \t]*-)[\w%+,./:=@^ \t-]*\Z"
_COMMANDS: Final = frozenset({"system", "shell", "sh"})

MOST_EXPANSIONS: Final = 10_000
"""Helpers of one line, counting those that expansions bring in; more is a loop."""
MOST_COPIED: Final = 1 << 28
"""Characters copied while one line is expanded; more is a loop that also grows."""


class Found(NamedTuple):
    """What a helper stands for.

    Attributes:
        value: the text.
        volatile: a command or Scheme had a part in it.
        unset: there is no such thing, so the text is empty.
    """

    value: str
    volatile: bool = False
    unset: bool = False


class Scope(Protocol):
    """What helpers may ask of whoever reads the file."""

    @property
    def cwd(self) -> str:
        """Return the directory in which commands run."""
        ...

    @property
    def home(self) -> str:
        """Return the area's directory."""
        ...

    @property
    def env(self) -> Mapping[str, str]:
        """Return the environment that commands get."""
        ...

    def variable(self, name: str) -> str | None:
        """Return a variable of the environment, and note that it was asked for."""
        ...

    def look_up(self, section: str, key: str) -> Found | None:
        """Return a value that was read before."""
        ...

    def look_up_run(self, key: str) -> Found | None:
        """Return the run configuration's value for the current target."""
        ...

    def may_run_commands(self) -> bool:
        """Tell whether a helper of the line at hand may start a process."""
        ...

    def run_scheme(self, expression: str, offset: int) -> str | None:
        """Return what a Scheme expression prints; None if it failed, which was reported."""
        ...

    def warn(self, message: str, offset: int, length: int, hint: str | None = None) -> None:
        """Report something odd at a character of the line at hand."""
        ...

    def fail(self, message: str, offset: int, length: int, hint: str | None = None) -> None:
        """Report something wrong at a character of the line at hand."""
        ...


class Expanded(NamedTuple):
    """An expanded line; `volatile` and `unset` as of any of its helpers (see `Found`)."""

    text: str
    volatile: bool
    unset: bool


@dataclass(frozen=True, slots=True)
class _Call:
    """One helper of the line: its name and argument, and where it stands."""

    name: str
    argument: str
    offset: int
    length: int


def expand(text: str, scope: Scope) -> Expanded:
    """Expand all helpers of a logical line, the right-most innermost one first, results included.

    Cost: n helpers in a line of m characters, O(n m); bounded by `MOST_EXPANSIONS` and `MOST_COPIED`.
    """
    volatile = unset = False
    done = copied = 0
    end = len(text)
    while (start := text.rfind("#{", 0, end)) >= 0:
        match = _HELPER.match(text, start)
        if match is None:
            _check_unknown(text, start, scope)
            end = start + 1
            continue
        call = _Call(match[1] or "mtrah", match[2] or "", start, match.end() - start)
        found = _evaluate(call, scope)
        volatile |= found.volatile
        unset |= found.unset
        result = found.value
        if "\n" in result and not _is_whole(text, start, match.end()):
            result = result.replace("\n", " ")
        text = text[:start] + result + text[match.end() :]
        # The result may end in "#" in front of a "{": look one character beyond it.
        end = start + len(result) + 1
        done += 1
        copied += len(text)
        if done > MOST_EXPANSIONS or copied > MOST_COPIED:
            scope.fail("this line expands without end", start, call.length, "does a value name itself?")
            return Expanded(text[:start], volatile, unset)
    return Expanded(text, volatile, unset)


def _check_unknown(text: str, start: int, scope: Scope) -> None:
    """Report what looks like a helper and is none; a blank or ``(`` after the brace disables it."""
    match = re.match(_HELPER_LIKE, text[start:], re.ASCII)
    if match is None:
        return
    name = match[1]
    if name not in HELPER_NAMES:
        hint = did_you_mean(name, HELPER_NAMES)
        scope.warn(f"{name!r} is no helper; the text stays as it is", start, len(match[0]), hint)
    elif text.find("}", start) < 0:
        scope.warn(f"helper {name!r} has no closing brace; the text stays as it is", start, len(match[0]))


def _is_whole(text: str, start: int, end: int) -> bool:
    """Tell whether this part of a line is a whole value or continuation, which may have several lines."""
    return not text[end:].strip(BLANKS) and re.fullmatch(_KEY_ONLY, text[:start], re.ASCII) is not None


def _evaluate(call: _Call, scope: Scope) -> Found:
    if call.name in _COMMANDS and not scope.may_run_commands():
        return Found(f"#{{({call.name}) {call.argument}}}")
    return _HELPERS[call.name](call, scope)


def _getenv(call: _Call, scope: Scope) -> Found:
    value = scope.variable(call.argument)
    if value is None:
        scope.warn(f"variable {call.argument!r} is not set", call.offset, call.length)
        return Found("", unset=True)
    return Found(value)


def _get(call: _Call, scope: Scope) -> Found:
    words = re.findall(r"\S+", call.argument, re.ASCII)
    if len(words) < 2:
        scope.fail("get needs a section and a key", call.offset, call.length, "write #{get SECTION KEY}")
        return Found("", unset=True)
    found = scope.look_up(words[0], words[1])
    if found is None:
        scope.warn(f"no earlier line sets {words[1]!r} in section [{words[0]}]", call.offset, call.length)
    return found or Found("", unset=True)


def _rget(call: _Call, scope: Scope) -> Found:
    key = call.argument.strip(BLANKS)
    found = scope.look_up_run(key)
    if found is None:
        scope.warn(f"neither the target nor [default] sets {key!r}", call.offset, call.length)
    return found or Found("", unset=True)


def _shell(call: _Call, scope: Scope) -> Found:
    outcome = run_shell(call.argument, cwd=scope.cwd, env=scope.env)
    if outcome.problem:
        scope.warn(f"the command could not be started: {outcome.problem}", call.offset, call.length)
    elif outcome.code:
        scope.warn(f"the command ended with exit status {outcome.code}", call.offset, call.length)
    return Found("" if outcome.code else joined_lines(outcome.output), True)


def _system(call: _Call, scope: Scope) -> Found:
    outcome = run_shell(call.argument, cwd=scope.cwd, env=scope.env, capture=False)
    if outcome.problem:
        scope.warn(f"the command could not be started: {outcome.problem}", call.offset, call.length)
    return Found(str(outcome.code), True)


def _scheme(call: _Call, scope: Scope) -> Found:
    result = scope.run_scheme(call.argument, call.offset + call.length - 1 - len(call.argument))
    return Found(f"#{{({call.name}) {call.argument}}}" if result is None else result, True)


def _absolute(call: _Call, scope: Scope) -> Found:
    return Found(absolute_path(call.argument, scope.cwd, scope.env))


def _area_path(call: _Call, scope: Scope) -> Found:
    return Found(f"{scope.home}/{call.argument}" if call.argument else scope.home)


_HELPERS: Final[Mapping[str, Callable[[_Call, Scope], Found]]] = {
    "getenv": _getenv,
    "gv": _getenv,
    "get": _get,
    "g": _get,
    "runconfigs-get": _rget,
    "rget": _rget,
    "shell": _shell,
    "sh": _shell,
    "system": _system,
    "scheme": _scheme,
    "scm": _scheme,
    "realpath": _absolute,
    "rp": _absolute,
    "mtrah": _area_path,
}

HELPER_NAMES: Final = frozenset(_HELPERS)


def absolute_path(path: str, cwd: str, env: Mapping[str, str]) -> str:
    """Return an absolute path without ``.`` and ``..``; links are not resolved, a final slash stays."""
    expanded = expand_home(path, env)
    result = os.path.normpath(os.path.join(cwd, expanded))
    if result.startswith("//"):  # POSIX gives two slashes a meaning of their own, nobody else does
        result = result[1:]
    return result + "/" if expanded.endswith("/") and not result.endswith("/") else result


def expand_home(path: str, env: Mapping[str, str]) -> str:
    """Replace a leading ``~`` or ``~user`` as a shell with this environment would."""
    if not path.startswith("~"):
        return path
    user, slash, rest = path[1:].partition("/")
    home = env.get("HOME") if not user else None
    if home is None:
        # The library would ask the environment of this process only for a bare "~".
        home = _home_of(user)
    return path if home is None else home.rstrip("/") + slash + rest or "/"


def _home_of(user: str) -> str | None:
    import pwd  # not on every system, and seldom needed

    try:
        record = pwd.getpwnam(user) if user else pwd.getpwuid(os.getuid())
    except (KeyError, ValueError):
        return None
    return record.pw_dir


def shell_special(value: str) -> bool:
    """Tell whether the shell or its ``echo`` might make something else of the value than its words."""
    return re.match(_PLAIN, value) is None


def shell_echo(value: str, env: Mapping[str, str], cwd: str) -> str:
    """Return the first line that ``echo VALUE`` prints; empty if it prints none.

    Starts no process unless the value has a character that is special to the shell.
    """
    return first_echoed_line(value, env, cwd) or ""


def first_echoed_line(value: str, env: Mapping[str, str], cwd: str) -> str | None:
    """Return what `shell_echo` returns, but None if no line is printed."""
    if not shell_special(value):
        return " ".join(word for word in value.replace("\t", " ").split(" ") if word)
    output = run_shell(f"echo {value}", cwd=cwd, env=env).output
    return re.split(r"\r\n|\r|\n", output, maxsplit=1)[0] if output else None
