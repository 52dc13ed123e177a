"""The variables of a test as text: ``megatest.sh``, ``megatest.csh``, the exports of the job script.

The files are the whole environment of a test, to be sourced by hand.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from megatest.model.error import UserError
from megatest.model.slotted import dataclass
from megatest.model.spec import Variable
from megatest.workarea.quote import csh_quote, is_exportable, is_plain, sh_quote

PATH: Final = "PATH"


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentText:
    """The variables of one test, in every form.

    Attributes:
        exports: for the job script: those that are not inherited, but for PATH.
        sh, csh: the text of both files.
    """

    exports: str
    sh: str
    csh: str


class Environment:
    """What all tests of a run inherit and share, rendered once.

    Nearly all tests share the same variables and set variables of the same names themselves: the
    text of all but these is kept for the latest names.

    Args:
        inherited: the environment of every job.
        hidden: names that the files comment out.
        last: variables of every test that nobody else sets.
        path: the directory that comes first on PATH.
    """

    def __init__(
        self,
        inherited: Mapping[str, str],
        hidden: Collection[str],
        *,
        last: Sequence[Variable] = (),
        path: str = "",
    ) -> None:
        self._inherited = dict(inherited)
        self._hidden = frozenset(hidden)
        self._last = {variable.name: variable.value for variable in last}
        self._path = path
        self._shared: Sequence[Variable] | None = None
        self._names: tuple[str, ...] = ()
        self._rest = EnvironmentText(exports="", sh="", csh="")
        self._own_sh = self._own_csh = ""  # lines with a place for each value; empty if it is not so simple

    def whole(self, shared: Sequence[Variable], own: Mapping[str, str]) -> dict[str, str]:
        """Return the environment of what is run for a test before its job script is."""
        return (
            self._inherited | {variable.name: variable.value for variable in shared} | self._last | dict(own)
        )

    def text(self, shared: Sequence[Variable], own: Mapping[str, str]) -> EnvironmentText:
        """Return the text of one test.

        Args:
            shared: set for many tests alike; text is kept as long as it is the same object.
            own: what the test sets itself, after these.

        Raises:
            UserError: a value holds a NUL.
        """
        names = tuple(own)
        if shared is not self._shared or names != self._names:
            self._keep(shared, names)
        rest = self._rest
        if self._own_sh:
            words = tuple([v if is_plain(v) else sh_quote(v) for v in own.values()])
            sh = self._own_sh % words
            if "\0" not in sh:
                if "!" in sh or sh.count("\n") > len(words):  # all that the families quote differently
                    words = tuple([csh_quote(v) for v in own.values()])
                csh = self._own_csh % words
                return EnvironmentText(exports=rest.exports + sh, sh=rest.sh + sh, csh=rest.csh + csh)
        exports = "".join([_export(name, value) for name, value in own.items()])
        if PATH in own:
            own = {**own, PATH: self._with_ours(own[PATH])}
        return EnvironmentText(
            exports=rest.exports + exports,
            sh=rest.sh + self._sh(own.items()),
            csh=rest.csh + self._csh(own.items()),
        )

    def _keep(self, shared: Sequence[Variable], names: tuple[str, ...]) -> None:
        """Render everything but the variables of these names, which each test has for itself."""
        self._shared, self._names = shared, names
        is_simple = PATH not in names and all(
            is_exportable(name) and name not in self._hidden for name in names
        )
        self._own_sh = "".join([f"export {name}=%s\n" for name in names]) if is_simple else ""
        self._own_csh = "".join([f"setenv {name} %s\n" for name in names]) if is_simple else ""
        set_here = {variable.name: variable.value for variable in shared} | self._last
        everything = self._inherited | set_here
        everything[PATH] = self._with_ours(everything.get(PATH, ""))
        for name in names:
            set_here.pop(name, None)
            everything.pop(name, None)
        common = sorted(everything.items())
        self._rest = EnvironmentText(
            exports="".join([_export(name, value) for name, value in set_here.items()]),
            sh=self._sh(common),
            csh=self._csh(common),
        )

    def _with_ours(self, path: str) -> str:
        return f"{self._path}:{path}" if path and self._path else path or self._path

    def _sh(self, variables: Iterable[tuple[str, str]]) -> str:
        return "".join([self._line(f"export {name}={sh_quote(v)}", name) for name, v in variables])

    def _csh(self, variables: Iterable[tuple[str, str]]) -> str:
        return "".join([self._line(f"setenv {name} {csh_quote(v)}", name) for name, v in variables])

    def _line(self, line: str, name: str) -> str:
        if name in self._hidden or not is_exportable(name):
            # Each line of it: the value may hold several.
            line = "# " + line.replace("\n", "\n# ")
        return line + "\n"


def _export(name: str, value: str) -> str:
    _refuse_nul(name, value)
    if not is_exportable(name):
        return f"# not exported, a shell cannot: {name!r}\n"
    return f"export {name}={sh_quote(value)}\n"


def _refuse_nul(name: str, value: str) -> None:
    if "\0" in value:
        raise UserError(f"variable {name} holds a NUL, which no environment can")
