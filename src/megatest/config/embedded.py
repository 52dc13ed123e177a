"""Scheme inside a line: one expression, with the procedures that areas really use."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Protocol

from megatest.config.expand import absolute_path, expand_home
from megatest.config.shell import joined_lines, run_shell
from megatest.model.error import Location
from megatest.scheme.argument import text_of
from megatest.scheme.evaluate import Interpreter
from megatest.scheme.fault import SchemeFault
from megatest.scheme.reader import read_all
from megatest.scheme.value import UNSPECIFIED, Value, is_true, to_text


class Host(Protocol):
    """What an expression may see and change."""

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
        """Return a variable of the environment."""
        ...

    def export(self, name: str, value: str | None) -> None:
        """Set a variable of the environment, or unset it."""
        ...

    def argument(self, name: str) -> str | None:
        """Return an option's value of the command that reads the file, by the option's classic name."""
        ...


def run_expression(expression: str, place: Location, line: str, host: Host) -> str:
    """Return what the last form of an expression prints.

    Args:
        expression: one or more forms; what they define is gone afterwards.
        place: of its first character.
        line: the line that it stands in, for messages.
        host: what its procedures act on.

    Raises:
        SchemeError: it cannot be read or run; carries the findings with their places.
    """
    forms = read_all(expression, place.file, line=place.line, column=place.column, line_text=line)
    return Interpreter(bindings(host)).run_to_text(forms)


def bindings(host: Host) -> dict[str, Value]:
    """Return the procedures and values that an expression has beyond the language's own."""
    return {
        "getenv": _getenv(host),
        "get-environment-variable": _getenv(host),
        "setenv": _setenv(host),
        "unsetenv": _unsetenv(host),
        "system": _system(host),
        "shell": _shell(host),
        "create-directory": _create_directory(host),
        "file-exists?": _test(host, "file-exists?", os.path.exists),
        "directory-exists?": _test(host, "directory-exists?", os.path.isdir),
        "args:get-arg": _argument(host),
        "env:min-path": _min_path,
        "current-directory": lambda: host.cwd,
        "*toppath*": host.home,
    }


def _getenv(host: Host) -> Callable[[Value], Value]:
    def getenv(name: Value) -> Value:
        value = host.variable(text_of(name, "getenv"))
        return False if value is None else value

    return getenv


def _setenv(host: Host) -> Callable[[Value, Value], Value]:
    def setenv(name: Value, value: Value) -> Value:
        host.export(text_of(name, "setenv"), to_text(value))
        return UNSPECIFIED

    return setenv


def _unsetenv(host: Host) -> Callable[[Value], Value]:
    def unsetenv(name: Value) -> Value:
        host.export(text_of(name, "unsetenv"), None)
        return UNSPECIFIED

    return unsetenv


def _system(host: Host) -> Callable[[Value], Value]:
    def system(command: Value) -> Value:
        return run_shell(text_of(command, "system"), cwd=host.cwd, env=host.env, capture=False).code

    return system


def _shell(host: Host) -> Callable[[Value], Value]:
    def shell(command: Value) -> Value:
        return joined_lines(run_shell(text_of(command, "shell"), cwd=host.cwd, env=host.env).output)

    return shell


def _create_directory(host: Host) -> Callable[..., Value]:
    def create_directory(name: Value, parents: Value = False) -> Value:
        given = text_of(name, "create-directory")
        path = os.path.join(host.cwd, expand_home(given, host.env))
        if "\0" in path:
            raise SchemeFault("create-directory: a path has no NUL")
        if is_true(parents):
            os.makedirs(path, exist_ok=True)
        elif not os.path.isdir(path):
            os.mkdir(path)
        return given

    return create_directory


def _test(host: Host, who: str, predicate: Callable[[str], bool]) -> Callable[[Value], Value]:
    def test(name: Value) -> Value:
        given = text_of(name, who)
        path = absolute_path(given, host.cwd, host.env)
        return given if predicate(path) else False

    return test


def _argument(host: Host) -> Callable[..., Value]:
    def get_arg(name: Value, default: Value = False) -> Value:
        value = host.argument(text_of(name, "args:get-arg"))
        return default if value is None else value

    return get_arg


def _min_path(first: Value, second: Value) -> Value:
    """Return both paths as one, each directory once: lines of ``-envdelta`` change PATH with it."""
    whole = ":".join(text_of(path, "env:min-path") for path in (first, second))
    return ":".join(dict.fromkeys(part for part in whole.split(":") if part))
