"""``megatest.sh`` and ``megatest.csh``: the whole environment of a test, to be sourced by hand."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Final

from megatest.model.slotted import dataclass
from megatest.model.spec import Variable
from megatest.workarea.quote import csh_quote, is_exportable, is_plain, sh_quote

_MOST_NAMES: Final = 2000


@dataclass(frozen=True, slots=True)
class EnvironmentFiles:
    """The text of both files."""

    sh: str
    csh: str


class Environment:
    """The environment that all tests of a run inherit, and the variables that they share.

    Both are the same for nearly every test, and so are the names of the variables that the tests
    set themselves: the text of all but these is kept for the latest names.
    """

    def __init__(self, inherited: Mapping[str, str], hidden: Collection[str]) -> None:
        """Take a copy of `inherited`; names in `hidden` will be commented out."""
        self._inherited = dict(inherited)
        self._hidden = frozenset(hidden)
        self._shared: Sequence[Variable] = ()
        self._common = self._inherited
        self._own: tuple[str, ...] = ()
        self._forms: dict[str, tuple[str, str]] = {}
        self._rest = self._render(sorted(self._inherited.items()))

    def with_variables(self, variables: Iterable[Variable]) -> dict[str, str]:
        """Return the whole environment of a test that sets `variables` itself; later ones win."""
        return self._inherited | {variable.name: variable.value for variable in variables}

    def value(self, name: str, shared: Sequence[Variable]) -> str:
        """Return the value of a variable that the test does not set itself; empty if there is none."""
        self._take(shared)
        return self._common.get(name, "")

    def files(self, shared: Sequence[Variable], variables: Iterable[Variable]) -> EnvironmentFiles:
        """Return the files' text.

        Args:
            shared: set for many tests alike; text is kept as long as it is the same object.
            variables: what the test sets itself; later ones win.
        """
        self._take(shared)
        own = {variable.name: variable.value for variable in variables}
        names = tuple(own)
        if names != self._own:
            self._own = names
            rest = {**self._common}
            for name in names:
                rest.pop(name, None)
            self._rest = self._render(sorted(rest.items()))
        mine = self._render(own.items())
        return EnvironmentFiles(self._rest.sh + mine.sh, self._rest.csh + mine.csh)

    def _take(self, shared: Sequence[Variable]) -> None:
        if shared is not self._shared:
            self._shared, self._own = shared, ()
            self._common = self.with_variables(shared)
            self._rest = self._render(sorted(self._common.items()))

    def _render(self, variables: Iterable[tuple[str, str]]) -> EnvironmentFiles:
        sh, csh = [], []
        for name, value in variables:
            begin_sh, begin_csh = self._form(name)
            if is_plain(value):
                sh.append(f"{begin_sh}{value}\n")
                csh.append(f"{begin_csh}{value}\n")
            else:
                sh.append(self._quoted(begin_sh, value, sh_quote))
                csh.append(self._quoted(begin_csh, value, csh_quote))
        return EnvironmentFiles("".join(sh), "".join(csh))

    def _form(self, name: str) -> tuple[str, str]:
        """Return how the lines that set a variable begin, for each family of shells."""
        form = self._forms.get(name)
        if form is None:
            mute = "# " if name in self._hidden or not is_exportable(name) else ""
            form = (f"{mute}export {name}=", f"{mute}setenv {name} ")
            if len(self._forms) < _MOST_NAMES:
                self._forms[name] = form
        return form

    def _quoted(self, begin: str, value: str, quote: Callable[[str], str]) -> str:
        line = begin + quote(value)
        # Each line of a comment: the value may hold several.
        return (line.replace("\n", "\n# ") if begin.startswith("#") else line) + "\n"
