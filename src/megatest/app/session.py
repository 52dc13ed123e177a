"""An opened area: its configuration, and what every use case starts from."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from megatest.config.area import find_area, load_area
from megatest.config.paths import WAIVERS_NAME
from megatest.config.source import ParseCache
from megatest.model.error import ConfigError, Diagnostic, Severity, UserError
from megatest.model.ids import Target, check_name
from megatest.model.slotted import dataclass, field
from megatest.model.spec import Area

if TYPE_CHECKING:
    from megatest.config.runconfig import RunConfig

DATABASE = "megatest.db"

_OF_A_TEST: Final = ("MT_CMDINFO", "MT_JOB", "MT_TEST_NAME", "MT_TEST_RUN_DIR")
"""Variables by which a test, or what it fires, is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaRequest:
    """How a command line names an area.

    Attributes:
        start: directory from which the nearest megatest.config upward is looked for.
        area: the area given outright; empty without.
        config_name: name of the configuration file.
        append: a further file merged over it; empty without.
        environ: the caller's environment.
    """

    start: str
    area: str = ""
    config_name: str = "megatest.config"
    append: str = ""
    environ: Mapping[str, str]


@dataclass(slots=True, kw_only=True)
class Session:
    """One command's view of an area.

    Attributes:
        request: how it was asked for.
        area: the configuration, read for `target` if there is one.
        environ: the environment as reading the files left it; config helpers see this one.
        cache: parsed files.
        findings: warnings of everything read so far.
        target, runconfig: set once a target is chosen.
    """

    request: AreaRequest
    area: Area
    environ: dict[str, str]
    cache: ParseCache
    findings: list[Diagnostic] = field(default_factory=list)
    target: Target | None = None
    runconfig: RunConfig | None = None

    @property
    def database(self) -> str:
        """Absolute path of the database file."""
        return os.path.join(self.area.home, DATABASE)

    @property
    def has_waivers(self) -> bool:
        """Whether the area has a file of known failures."""
        return os.path.lexists(os.path.join(self.area.home, WAIVERS_NAME))

    def tests(self) -> Mapping[str, str]:
        """Return the directory of each test of the area, by name, in order of name.

        Raises:
            ConfigError: a directory of tests cannot be read.
        """
        from megatest.config.discover import discover_tests

        found = discover_tests(self.area)
        refuse_errors(found.findings)
        self.findings.extend(found.findings)
        return found.value


def open_area(request: AreaRequest) -> Session:
    """Find and read an area, for no target.

    Raises:
        UserError: there is no area.
        ConfigError: its configuration is wrong.
    """
    return _open(request, home_of(request), None, "")


def open_target(request: AreaRequest, target: str, runname: str = "", mode_key: str = "") -> Session:
    """Find and read an area for a target, runconfigs included.

    Args:
        request: which area.
        target: ``a/b/c``; empty for the area's default.
        runname: for files that ask for it.
        mode_key: the key of runconfigs that holds the test pattern; empty for TESTPATT.

    Raises:
        UserError: there is no area, the target does not fit it, the run name is no name.
        ConfigError: its configuration is wrong.
    """
    from megatest.config.runconfig import load_runconfig

    bare = open_area(request)
    text = target or default_target(bare)
    if runname:
        check_name(runname, "run")
    chosen = Target.parse(text, bare.area.field_names)
    session = _open(request, bare.area.home, chosen, runname)
    loaded = load_runconfig(
        session.area, chosen, env=session.environ, cache=session.cache, mode_key=mode_key or None
    )
    refuse_errors(loaded.findings)
    session.findings.extend(loaded.findings)
    session.runconfig = loaded.value
    return session


def home_of(request: AreaRequest) -> str:
    """Return the directory of the area that a request means.

    Raises:
        UserError: there is none.
    """
    if request.area:
        home = os.path.abspath(request.area)
        if not os.path.isfile(os.path.join(home, request.config_name)):
            raise UserError(
                f"{home} is no area: it has no {request.config_name}",
                hint="name a directory that has one, or make one with: megatest init DIR",
            )
        return home
    return find_area(request.start, request.environ, request.config_name)


def default_target(session: Session) -> str:
    """Return the target that is meant when none is given.

    ``[setup] target``, else the only target that runconfigs names.

    Raises:
        UserError: there is no such, with the targets that exist.
    """
    if session.area.default_target:
        return session.area.default_target
    names = [name for name in target_names(session) if name.count("/") == len(session.area.fields) - 1]
    if len(names) == 1:
        return names[0]
    shape = "/".join(session.area.field_names)
    known = f"known targets: {', '.join(names)}" if names else f"its fields are {shape}"
    raise UserError("no target given", hint=f"give one with -t {shape}; {known}")


def target_names(session: Session) -> list[str]:
    """Return the targets that runconfigs names, without ``default`` and wildcards."""
    from megatest.config.runconfig import load_runconfig

    loaded = load_runconfig(session.area, None, env=dict(session.environ), cache=session.cache)
    return [s for s in loaded.value.sections if s != "default" and "%" not in s and not s.startswith("/")]


def inherited_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the caller's environment without what an outer test, or its trigger, has of its own run."""
    if not any(name in environ for name in _OF_A_TEST):
        return dict(environ)
    return {name: value for name, value in environ.items() if not name.startswith("MT_")}


def _open(request: AreaRequest, home: str, target: Target | None, runname: str) -> Session:
    environ = inherited_environment(request.environ)
    environ["MT_RUN_AREA_HOME"] = home
    environ["PWD"] = home
    if target is not None:
        environ["MT_TARGET"] = str(target)
    if runname:
        environ["MT_RUNNAME"] = runname
    cache = ParseCache()
    loaded = load_area(
        home,
        env=environ,
        cache=cache,
        target=target,
        runname=runname or None,
        config_name=request.config_name,
        append=request.append or None,
    )
    refuse_errors(loaded.findings)
    environ["MT_LINKTREE"] = loaded.value.linktree
    environ["MT_TESTSUITENAME"] = loaded.value.name
    return Session(
        request=request,
        area=loaded.value,
        environ=environ,
        cache=cache,
        findings=list(loaded.findings),
        target=target,
    )


def refuse_errors(findings: Sequence[Diagnostic]) -> None:
    """Raise ConfigError with all findings if one of them is an error."""
    if any(finding.severity is Severity.ERROR for finding in findings):
        raise ConfigError(findings)
