"""The environment of a command: as files for the shells, kept by name, and how it changed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from megatest.model.error import EnvironmentFault, UserError
from megatest.model.slotted import dataclass
from megatest.model.spec import USUALLY_HIDDEN
from megatest.store import envdat
from megatest.workarea.environment import Environment
from megatest.workarea.quote import csh_quote, is_exportable, sh_quote

DATABASE: Final = "envdat.db"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delta:
    """How an environment differs from an earlier one.

    Attributes:
        added, changed: variables by name, with their values in the later one.
        removed: with those in the earlier one.
    """

    added: Mapping[str, str]
    removed: Mapping[str, str]
    changed: Mapping[str, str]


def write_files(base: str, environ: Mapping[str, str]) -> None:
    """Write an environment as ``BASE.sh`` and ``BASE.csh``, to be sourced.

    Raises:
        EnvironmentFault: they cannot be written.
    """
    text = Environment(environ, USUALLY_HIDDEN).text((), {})
    for path, lines in ((f"{base}.sh", text.sh), (f"{base}.csh", text.csh)):
        try:
            with open(path, "w", encoding="utf-8", errors="surrogateescape") as file:
                file.write(lines)
        except OSError as error:
            raise EnvironmentFault(f"cannot write {path}: {error.strerror}") from error


def capture(context: str, path: str, environ: Mapping[str, str]) -> None:
    """Keep an environment under a name.

    Raises:
        UserError: the name cannot be one.
        EnvironmentFault: the file cannot be written.
    """
    if not context or "-" in context:
        raise UserError(f"an environment cannot be called {context!r}", hint="a name has no '-'")
    envdat.keep(path, context, environ)


def difference(names: str, path: str) -> Delta:
    """Return how the second of two environments differs from the first.

    Args:
        names: of both, as ``FIRST-SECOND``.
        path: the file in which they are kept.

    Raises:
        UserError: one of them is not there.
        EnvironmentFault: the file cannot be read.
    """
    first, dash, second = names.partition("-")
    if not (first and dash and second):
        raise UserError(f"{names!r} does not name two environments", hint="write: FIRST-SECOND")
    before, after = _kept(path, first), _kept(path, second)
    both = sorted(before.keys() & after.keys())
    return Delta(
        added={name: after[name] for name in sorted(after.keys() - before.keys())},
        removed={name: before[name] for name in sorted(before.keys() - after.keys())},
        changed={name: after[name] for name in both if before[name] != after[name]},
    )


def _kept(path: str, context: str) -> Mapping[str, str]:
    found = envdat.kept(path, context) if os.path.exists(path) else {}
    if not found:
        raise UserError(
            f"{path} has no environment {context!r}", hint=f"keep one with: megatest -envcap {context}"
        )
    return found


def delta_text(delta: Delta, mode: str) -> str:
    """Return a difference as lines for a shell or a configuration file.

    Args:
        delta: the difference.
        mode: ``bash``, ``csh``, ``config`` or ``ini``.
    """
    set_line, unset_line = _LINES[mode]
    return "\n".join(_sections(delta, set_line, unset_line))


def _sections(
    delta: Delta, set_line: Callable[[str, str], str], unset_line: Callable[[str], str]
) -> Iterator[str]:
    for title, variables in (("Added", delta.added), ("Removed", delta.removed), ("Changed", delta.changed)):
        names = [name for name in variables if is_exportable(name)]
        if names:
            yield f"# {title} vars"
        for name in names:
            yield unset_line(name) if variables is delta.removed else set_line(name, variables[name])


def _config_line(name: str, value: str) -> str:
    """Return the line of a variable; one for PATH puts these directories before those that are there."""
    if name == "PATH":
        return f'PATH #{{scheme (env:min-path "{value}" "#{{getenv PATH}}")}}'
    return f"{name} {value}".replace("\n", "\n ")


_CONFIG: Final = (_config_line, lambda name: f'#{{scheme (unsetenv "{name}")}}')
_LINES: Final[Mapping[str, tuple[Callable[[str, str], str], Callable[[str], str]]]] = {
    "bash": (lambda name, value: f"export {name}={sh_quote(value)}", lambda name: f"unset {name}"),
    "csh": (lambda name, value: f"setenv {name} {csh_quote(value)}", lambda name: f"unsetenv {name}"),
    "config": _CONFIG,
    "ini": _CONFIG,
}
