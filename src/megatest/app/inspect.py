"""What users ask about an area's files: values and where they come from, targets."""

from __future__ import annotations

from megatest.app.session import AreaRequest, Session, open_area, open_target, refuse_errors
from megatest.config.area import load_area
from megatest.config.entry import Document, Loaded
from megatest.config.nearest import did_you_mean
from megatest.config.runconfig import load_runconfig
from megatest.config.testconfig import Purpose, load_test
from megatest.model.error import UserError
from megatest.model.spec import Disk, TestSpec
from megatest.reports.settings import Shown, Tables


def values_of_area(request: AreaRequest, target: str = "") -> Tables:
    """Return what the area's own file says.

    Args:
        request: which area.
        target: for files that ask for the fields' values; empty for none.

    Raises:
        UserError, ConfigError: there is no area; its file is wrong.
    """
    session = open_target(request, target) if target else open_area(request)
    loaded = load_area(
        session.area.home,
        env=dict(session.environ),
        cache=session.cache,
        target=session.target,
        config_name=request.config_name,
        append=request.append or None,
    )
    return tables_of(loaded.document)


def values_of_runconfigs(request: AreaRequest, target: str = "") -> Tables:
    """Return what runconfigs says: for a target its own section and ``default``, else everything."""
    session = open_target(request, target) if target else open_area(request)
    loaded = load_runconfig(session.area, session.target, env=dict(session.environ), cache=session.cache)
    refuse_errors(loaded.findings)
    return tables_of(loaded.document)


def values_of_test(request: AreaRequest, name: str, target: str = "") -> Tables:
    """Return what a test's file says for a target; its commands run, as at a launch.

    Raises:
        UserError: there is no such test, with the nearest that is.
    """
    loaded = _load_test(open_target(request, target), name)
    refuse_errors(loaded.findings)
    return tables_of(loaded.document)


def disks_of_test(session: Session, name: str) -> tuple[Disk, ...]:
    """Return the disks that a test's own file names; its commands run, as at a launch.

    Raises:
        UserError: there is no such test.
    """
    return _load_test(session, name).value.disks


def _load_test(session: Session, name: str) -> Loaded[TestSpec]:
    return load_test(
        session.area,
        name,
        directory_of(session, name),
        env={**session.environ, "MT_TEST_NAME": name},
        cache=session.cache,
        runconfig=session.runconfig,
        purpose=Purpose.LAUNCH,
    )


def directory_of(session: Session, name: str) -> str:
    """Return the directory of a test's own files.

    Raises:
        UserError: there is no such test, with the nearest that is.
    """
    tests = session.tests()
    if name not in tests:
        known = did_you_mean(name, tests) or f"there are {len(tests)}: megatest run --dry-run %"
        raise UserError(f"there is no test {name!r} in {session.area.home}", hint=known)
    return tests[name]


def one_value(tables: Tables, section: str, key: str, *, fallback: str = "") -> Shown:
    """Return one value.

    Args:
        tables: where to look.
        section, key: its name.
        fallback: a section that is looked in when the first has no such key; empty for none.

    Raises:
        UserError: there is no such value, with the nearest name.
    """
    for name in (section, fallback):
        for shown in reversed(tables.get(name, ())):
            if shown.key == key:
                return shown
    if section not in tables and fallback not in tables:
        raise UserError(f"there is no section [{section}]", hint=did_you_mean(section, tables))
    keys = [shown.key for name in (section, fallback) for shown in tables.get(name, ())]
    raise UserError(f"[{section}] has no {key!r}", hint=did_you_mean(key, keys))


def one_section(tables: Tables, section: str) -> Tables:
    """Return one section only.

    Raises:
        UserError: there is no such section, with the nearest name.
    """
    if section not in tables:
        raise UserError(f"there is no section [{section}]", hint=did_you_mean(section, tables))
    return {section: tables[section]}


def sections_of_runconfigs(session: Session) -> tuple[str, ...]:
    """Return the sections of runconfigs, ``default`` included, wildcards left out, in order of name."""
    loaded = load_runconfig(session.area, None, env=dict(session.environ), cache=session.cache)
    refuse_errors(loaded.findings)
    return tuple(sorted(loaded.value.sections))


def tables_of(document: Document) -> Tables:
    """Return the values of a file that was read, but for those that a command has still to make."""
    return {
        section: tuple(
            Shown(section=section, key=e.key, value=e.value, place=str(e.location), how=e.how.value)
            for e in entries.values()
            if e.pending is None
        )
        for section, entries in document.sections.items()
    }
