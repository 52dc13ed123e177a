"""``runconfigs.config``: the variables of a run."""

from __future__ import annotations

import os
from collections.abc import Mapping
from megatest.typed import Final

from megatest.config.entry import Document, Loaded
from megatest.config.line import BLANKS
from megatest.config.reader import read
from megatest.config.request import Request
from megatest.config.source import ParseCache
from megatest.model.error import Diagnostic, Severity
from megatest.model.ids import Target
from megatest.model.slotted import dataclass, field
from megatest.model.spec import Area, Variable

RUNCONFIGS_NAME: Final = "runconfigs.config"
DEFAULT_SECTION: Final = "default"
TESTPATT: Final = "TESTPATT"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunConfig:
    """What the file says for one target.

    Attributes:
        path: the file.
        variables: of ``default``, then of the target, as read (not through echo): set them in order,
            the later one wins.  Keys with ``:`` are no variables.
        sections: names of all sections in order, ``default`` included, wildcards left out.
        testpatt: the value of ``TESTPATT``, or of the key that was asked for; None without.
        found_target: the file has a section of exactly the target's name.
        resolved: the sections that were kept (all of them without a target).
    """

    path: str
    variables: tuple[Variable, ...] = ()
    sections: tuple[str, ...] = ()
    testpatt: str | None = None
    found_target: bool = False
    resolved: Mapping[str, tuple[Variable, ...]] = field(default_factory=dict)

    def value(self, name: str) -> str | None:
        """Return a variable's value for the target, else the default one, else None."""
        for variable in reversed(self.variables):
            if variable.name == name:
                return variable.value
        return None


def load_runconfig(
    area: Area,
    target: Target | None,
    *,
    env: dict[str, str],
    cache: ParseCache,
    mode_key: str | None = None,
) -> Loaded[RunConfig]:
    """Read the area's run variables.

    Args:
        area: the area.
        target: whose section counts, and in which (with ``default``) commands may run; None reads
            all sections, for lists of targets.
        env: the environment, which the reading may change; the variables themselves are not put
            into it.
        cache: parsed files.
        mode_key: the variable that names the tests; ``TESTPATT`` unless given.
    """
    path = os.path.join(area.home, RUNCONFIGS_NAME)
    section = str(target) if target is not None else ""
    request = Request(
        cwd=area.home,
        home=area.home,
        env=env,
        cache=cache,
        runname=env.get("MT_RUNNAME", ""),
        target_section=section,
        restricted=target is not None,
    )
    try:
        document = read(path, request)
    except FileNotFoundError:
        finding = Diagnostic(severity=Severity.WARNING, message=f"there is no file {path}")
        return Loaded(value=RunConfig(path=path), findings=(finding,))
    config = _runconfig(document, path, section, mode_key or TESTPATT)
    return Loaded(value=config, findings=document.findings, document=document)


def _runconfig(document: Document, path: str, section: str, mode_key: str) -> RunConfig:
    names = [DEFAULT_SECTION, section] if section else [DEFAULT_SECTION]
    found = [variable for name in names for variable in document.variables(name)]
    variables = tuple(variable for variable in found if not set(":=") & set(variable.name))
    patterns = [variable.value.strip(BLANKS) for variable in variables if variable.name == mode_key]
    return RunConfig(
        path=path,
        variables=variables,
        sections=_section_names(document),
        testpatt=patterns[-1] if patterns else None,
        found_target=bool(section) and section in document.headers,
        resolved=document.resolved(),
    )


def _section_names(document: Document) -> tuple[str, ...]:
    """Return the sections with a header, and ``default`` even if its lines stand before the first."""
    names = dict.fromkeys(document.headers)
    if DEFAULT_SECTION in document.sections and DEFAULT_SECTION not in names:
        names = {DEFAULT_SECTION: None, **names}
    return tuple(name for name in names if "%" not in name and not name.startswith("/"))
