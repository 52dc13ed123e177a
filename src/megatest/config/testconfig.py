"""``testconfig``: one test, typed."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from enum import Enum
from types import MappingProxyType
from typing import Final

from megatest.config.discover import TESTCONFIG_NAME
from megatest.config.entry import Document, Entry, Loaded
from megatest.config.expand import Found
from megatest.config.paths import disks_from
from megatest.config.reader import Reading, open_reading
from megatest.config.request import Commands, Request
from megatest.config.requirements import requirements_from
from megatest.config.runconfig import RunConfig
from megatest.config.schema_test import TEST
from megatest.config.source import ParseCache
from megatest.config.steps import steps_from
from megatest.config.triggers import triggers_from
from megatest.config.twin import Twins
from megatest.config.values import Values, words
from megatest.model.error import Diagnostic, Severity, UserError
from megatest.model.ids import check_item_path
from megatest.model.spec import Area, ItemVariable, Skip, TestMeta, TestSpec

PER_TEST_VARIABLES: Final = frozenset(
    ("MT_TEST_NAME", "MT_ITEMPATH", "MT_ITEM_INFO", "MT_TEST_RUN_DIR", "MT_CMDINFO", "MT_JOURNAL")
)
"""Variables that differ from test to test, so that a file that asks for one must be read for each."""

_ITEM_SECTIONS: Final = ("items", "itemstable")
_NO_META: Final = TestMeta()
_NO_SKIP: Final = Skip()
_NO_TEXTS: Final[Mapping[str, str]] = MappingProxyType({})


class Purpose(Enum):
    """What a testconfig is read for, which decides about its commands."""

    SCAN = "scan"  # select and plan: [system] values are made only where planning needs them
    LAUNCH = "launch"  # start an attempt: everything is made
    META = "meta"  # look at test_meta and triggers: no command runs


_COMMANDS: Final = {
    Purpose.SCAN: Commands.DEFER,
    Purpose.LAUNCH: Commands.RUN,
    Purpose.META: Commands.FORBID,
}


def load_test(
    area: Area,
    name: str,
    directory: str,
    *,
    env: dict[str, str],
    cache: ParseCache,
    runconfig: RunConfig | None,
    purpose: Purpose,
    twins: Twins | None = None,
) -> Loaded[TestSpec]:
    """Read a test's file.

    Args:
        area: its area; commands run in the area's directory.
        name, directory: of the test.
        env: the environment, which the reading may change; give each test a copy.
        cache: parsed files.
        runconfig: where ``#{rget}`` looks if the file itself has nothing.
        purpose: what for.
        twins: tests of the same selection, read for the same purpose; their like is not read again.

    Returns:
        The specification.  Read for SCAN, items that a prerequisite may still change are left empty
        and marked (`items_need_upstream`).

    Cost: about 60 microseconds for 20 lines without commands, once they are parsed.
    """
    path = f"{directory}/{TESTCONFIG_NAME}"
    source = twins.read(path, cache) if twins is not None else None
    twin = twins.find(source, name, directory) if twins is not None and source is not None else None
    if twin is not None:
        return Loaded(value=twin)
    try:
        reading = open_reading(path, _request(area, env, cache, runconfig, purpose), source)
    except FileNotFoundError:
        finding = Diagnostic(severity=Severity.ERROR, message=f"test {name!r} has no file {path}")
        return Loaded(value=TestSpec(name=name, directory=directory, config_file=path), findings=(finding,))
    if purpose is Purpose.SCAN:
        _settle_for_planning(reading)
    loaded = _spec(reading.document(), area, (name, directory, path), env)
    if twins is not None and source is not None:
        twins.learn(loaded, source)
    return loaded


def _request(
    area: Area, env: dict[str, str], cache: ParseCache, runconfig: RunConfig | None, purpose: Purpose
) -> Request:
    return Request(
        cwd=area.home,
        home=area.home,
        env=env,
        cache=cache,
        commands=_COMMANDS[purpose],
        runname=env.get("MT_RUNNAME", ""),
        target_section=env.get("MT_TARGET", ""),
        echoed="pre-launch-env-vars",
        run_value=None if runconfig is None else _run_value(runconfig),
    )


def _settle_for_planning(reading: Reading) -> None:
    """Make what planning needs: requirements; items too, if no prerequisite has to end before."""
    reading.settle("requirements")
    waiton = reading.entry("requirements", "waiton")
    if waiton is None or not words(waiton.value):
        for section in _ITEM_SECTIONS:
            reading.settle(section)


def _run_value(runconfig: RunConfig) -> Callable[[str], Found | None]:
    def run_value(key: str) -> Found | None:
        value = runconfig.value(key)
        return None if value is None else Found(value)

    return run_value


def _spec(
    document: Document, area: Area, where: tuple[str, str, str], env: dict[str, str]
) -> Loaded[TestSpec]:
    name, directory, path = where
    values = Values(document, TEST)
    findings = values.findings
    requirements = requirements_from(values, area)
    items = _items(document, "items")
    itemstable = _items(document, "itemstable")
    spec = TestSpec(
        name=name,
        directory=directory,
        config_file=path,
        runscript=values.text("setup", "runscript"),
        steps=steps_from(values),
        items=items,
        itemstable=itemstable,
        items_need_upstream=bool(requirements.waitons) and _items_may_change(document, area),
        depends_on_items=_depends_on_items(document, items, itemstable),
        requirements=requirements,
        meta=_meta(values),
        disks=disks_from(values.entries("disks"), area.home, env, findings),
        environment=document.variables("pre-launch-env-vars"),
        launch_environment=document.variables("pre-launch-env-overrides"),
        skip=_skip(values),
        triggers=triggers_from(values.entries("triggers"), findings),
        subrun=values.texts("subrun") or _NO_TEXTS,
        resolved=document.resolved(),
    )
    _check_items(values)
    return Loaded(value=spec, findings=document.findings + tuple(findings), document=document)


def _items(document: Document, section: str) -> tuple[ItemVariable, ...] | None:
    """Return a section's variables; one whose values are still to be made has none yet."""
    entries = document.sections.get(section)
    if entries is None:
        return None
    return tuple(
        ItemVariable(name=entry.key, values=words(entry.value), location=entry.location)
        for entry in entries.values()
    )


def _items_may_change(document: Document, area: Area) -> bool:
    """Tell whether a prerequisite could still change the items.

    It can where a command made them, where they come from a file outside the area or in its link tree
    or ``runs``, and where a file that should bring them is not there yet.
    """
    if document.missing.intersection(_ITEM_SECTIONS):
        return True
    entries = [entry for section in _ITEM_SECTIONS for entry in document.sections.get(section, {}).values()]
    return any(entry.volatile or _comes_from_outside(entry, area) for entry in entries)


def _comes_from_outside(entry: Entry, area: Area) -> bool:
    if entry.origin.parent is None:
        return False
    path = os.path.realpath(entry.origin.file)
    made = (area.linktree, os.path.join(area.home, "runs"), *(disk.path for disk in area.disks))
    return not _is_inside(path, area.home) or any(_is_inside(path, tree) for tree in made)


def _is_inside(path: str, directory: str) -> bool:
    return path.startswith(os.path.realpath(directory) + "/")


def _depends_on_items(
    document: Document,
    items: tuple[ItemVariable, ...] | None,
    itemstable: tuple[ItemVariable, ...] | None,
) -> bool:
    """Tell whether another environment, that of an item, could give the file other values."""
    if document.opaque:
        return True
    own = {variable.name for variable in (*(items or ()), *(itemstable or ()))}
    return any(
        not was_set or name in own or name in PER_TEST_VARIABLES for name, was_set in document.asked.items()
    )


def _check_items(values: Values) -> None:
    """Report item values that could not be directories."""
    for section in _ITEM_SECTIONS:
        for entry in values.entries(section):
            for value in words(entry.value):
                try:
                    check_item_path(value)
                except UserError as error:
                    finding = entry.finding(Severity.ERROR, error.message, word=value, hint=error.hint)
                    values.findings.append(finding)


def _meta(values: Values) -> TestMeta:
    if not values.document.sections.get("test_meta"):
        return _NO_META
    tags = values.text("test_meta", "tags").split(",")
    return TestMeta(
        author=values.text("test_meta", "author"),
        owner=values.text("test_meta", "owner"),
        description=values.text("test_meta", "description"),
        reviewed=values.text("test_meta", "reviewed"),
        tags=tuple(tag.strip() for tag in tags if tag.strip()),
        jobgroup=values.text("test_meta", "jobgroup"),
    )


def _skip(values: Values) -> Skip:
    """Return the one condition that counts."""
    if not values.document.sections.get("skip"):
        return _NO_SKIP
    if values.entry("skip", "prevrunning"):
        return Skip(prevrunning=True)
    if values.entry("skip", "fileexists"):
        return Skip(fileexists=values.text("skip", "fileexists"))
    return Skip(rundelay_s=values.seconds("skip", "rundelay"))
