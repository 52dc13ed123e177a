"""Everything wrong with an area, in one list: what loading finds, and what only a second look finds."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping

from megatest.config.area import CONFIG_NAME, load_area
from megatest.config.check_results import check_retries, check_waivers
from megatest.config.check_script import check_script
from megatest.config.discover import TESTCONFIG_NAME, discover_tests
from megatest.config.entry import Document, Entry, Loaded
from megatest.config.nearest import did_you_mean, nearest
from megatest.config.runconfig import DEFAULT_SECTION, RunConfig, load_runconfig
from megatest.config.schema import FileSchema
from megatest.config.schema_area import AREA, RUNCONFIGS
from megatest.config.schema_test import TEST
from megatest.config.source import ParseCache
from megatest.config.testconfig import Purpose, load_test
from megatest.config.values import words
from megatest.model.error import Diagnostic, Severity, UserError
from megatest.model.ids import Target
from megatest.model.spec import NO_COMMENT, Area, TestSpec
from megatest.model.status import State, Status

LookCloser = Callable[[Loaded[TestSpec]], Iterable[Diagnostic]]


def check_area(
    home: str,
    env: Mapping[str, str],
    cache: ParseCache,
    *,
    config_name: str = CONFIG_NAME,
    target: Target | None = None,
    look_closer: LookCloser = lambda _test: (),
) -> list[Diagnostic]:
    """Return everything odd or wrong in an area's files, each finding once, file by file.

    Commands in the files run as they do when tests are selected.  Without a target that of ``[setup]`` is
    taken, else the first that runconfigs names, so that variables of the fields are set.

    Args:
        home: absolute path of the area.
        env: the environment; it is not changed.
        cache: parsed files.
        config_name: name of the area's file.
        target: whose run variables count.
        look_closer: finds more about each test.

    Raises:
        UserError: there is no such area.

    Cost: that of loading every test.
    """
    own = dict(env)
    area = load_area(home, env=own, cache=cache, config_name=config_name)
    target = target or _usual_target(area.value, own, cache)
    if target is not None:
        own = dict(env)
        area = load_area(home, env=own, cache=cache, target=target, config_name=config_name)
    return _once(
        [
            *area.findings,
            *unknown_names(area.document, AREA),
            *_check_area_values(area),
            *_check_runconfigs(area.value, dict(own), cache),
            *_check_tests(area.value, target, own, cache, look_closer),
            *check_waivers(home, discover_tests(area.value).value, cache),
        ]
    )


def _check_runconfigs(area: Area, env: dict[str, str], cache: ParseCache) -> Iterator[Diagnostic]:
    """Yield what is wrong with the sections of all targets."""
    every = load_runconfig(area, None, env=env, cache=cache)
    yield from every.findings
    yield from unknown_names(every.document, RUNCONFIGS)
    yield from _check_sections(every, area)


def _check_tests(
    area: Area, target: Target | None, env: dict[str, str], cache: ParseCache, look_closer: LookCloser
) -> Iterator[Diagnostic]:
    """Yield what is wrong with each test, read as for a run of this target."""
    runconfig = load_runconfig(area, target, env=env, cache=cache).value
    env.update((variable.name, variable.value) for variable in runconfig.variables)
    tests = discover_tests(area)
    yield from tests.findings
    for name, directory in tests.value.items():
        test = load_test(
            area, name, directory, env=dict(env), cache=cache, runconfig=runconfig, purpose=Purpose.SCAN
        )
        yield from test.findings
        yield from _check_test(test, area, tests.value, env)
        yield from look_closer(test)


def _usual_target(area: Area, env: dict[str, str], cache: ParseCache) -> Target | None:
    """Return a target to read the area for: its own choice, else the first one that runconfigs names."""
    sections = load_runconfig(area, None, env=dict(env), cache=cache).value.sections
    for text in (area.default_target, *sections):
        try:
            return Target.parse(text, area.field_names)
        except UserError:
            continue
    return None


def _once(findings: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Drop repetitions: a file that many tests include says the same each time."""
    seen = {(finding.location, finding.message): finding for finding in reversed(list(findings))}
    return list(reversed(seen.values()))


def unknown_names(document: Document, schema: FileSchema) -> Iterator[Diagnostic]:
    """Yield sections and keys that mean nothing and were probably meant to.

    A section of the user's own is data for ``#{get}``, so only one whose name is near a known one is odd.
    In a section that has only known keys every other key is.
    """
    for name, entries in document.sections.items():
        known = schema.section(name)
        if known is None:
            yield from _unknown_section(name, entries.values(), schema)
        elif not known.entry:
            for entry in entries.values():
                if schema.setting(known.name, entry.key) is None:
                    hint = did_you_mean(entry.key, known.names())
                    yield entry.key_finding(Severity.WARNING, f"[{name}] knows no {entry.key!r}", hint=hint)


def _unknown_section(name: str, entries: Iterable[Entry], schema: FileSchema) -> Iterator[Diagnostic]:
    meant = nearest(name, schema.sections)
    first = next(iter(entries), None)
    if meant is not None and first is not None:
        message = f"section [{name}] is not known, so this and what follows in it is only data"
        yield first.key_finding(Severity.WARNING, message, hint=f"did you mean [{meant}]?")


def _check_area_values(area: Loaded[Area]) -> Iterator[Diagnostic]:
    """Yield what loading the area takes as it is, and what cannot work."""
    sections = area.document.sections
    for disk in area.value.disks:
        entry = sections["disks"][disk.name]
        if not os.path.isdir(disk.path) and disk.path != os.path.join(area.value.home, "runs"):
            yield entry.finding(Severity.WARNING, f"disk {disk.name!r}: there is no directory {disk.path}")
    yield from _check_words(sections.get("validvalues", {}))
    target = sections.get("setup", {}).get("target")
    if target is not None and area.value.fields:
        try:
            Target.parse(target.value.strip(), area.value.field_names)
        except UserError as error:
            yield target.finding(Severity.ERROR, error.message, hint=error.hint)


def _check_words(validvalues: Mapping[str, Entry]) -> Iterator[Diagnostic]:
    """Yield words for ``-rerun-clean`` that no test can have."""
    for key, known, own in (
        ("cleanrerun-states", State, "state"),
        ("cleanrerun-statuses", Status, "status"),
    ):
        entry = validvalues.get(key)
        if entry is None:
            continue
        more = validvalues.get(own)
        names = {*(str(word) for word in known), *words(more.value if more else "")}
        for word in words(entry.value.replace(",", " ")):
            if word not in names:
                hint = did_you_mean(word, names)
                yield entry.finding(Severity.WARNING, f"no {own} is called {word!r}", word=word, hint=hint)


def _check_sections(runconfig: Loaded[RunConfig], area: Area) -> Iterator[Diagnostic]:
    """Yield sections of runconfigs that no target can have."""
    for name in runconfig.value.sections:
        first = next(iter(runconfig.document.sections.get(name, {}).values()), None)
        if name == DEFAULT_SECTION or first is None or not area.fields:
            continue
        if len(name.split("/")) != len(area.fields):
            shape = "/".join(area.field_names)
            message = f"section [{name}] is no target of this area, so its variables are never set"
            yield first.key_finding(Severity.WARNING, message, hint=f"a target here is {shape}")


def _check_test(
    test: Loaded[TestSpec], area: Area, tests: Mapping[str, str], env: Mapping[str, str]
) -> Iterator[Diagnostic]:
    """Yield what is wrong with a test that loads."""
    yield from unknown_names(test.document, TEST)
    yield from _check_wishes(test.document, area)
    yield from _check_limits(test, area)
    yield from _check_waitons(test.value, area, tests)
    yield from _check_comments(test.document)
    yield from check_script(test, area, env)
    yield from check_retries(test.document)


def _check_wishes(document: Document, area: Area) -> Iterator[Diagnostic]:
    """Yield keys of ``[requirements]`` that are neither settings nor pools."""
    for entry in document.sections.get("requirements", {}).values():
        if TEST.setting("requirements", entry.key) is None and entry.key not in area.pools:
            useful = [s.key for s in TEST.sections["requirements"].settings if not s.ignored]
            hint = did_you_mean(entry.key, (*useful, *area.pools))
            message = f"[requirements] knows no {entry.key!r}, and no pool has this name"
            yield entry.key_finding(Severity.WARNING, message, hint=hint)


def _check_limits(test: Loaded[TestSpec], area: Area) -> Iterator[Diagnostic]:
    """Yield limits that the test can never meet, and a job group that was meant to be another."""
    spec = test.value
    for wish in spec.requirements.pools:
        if wish.amount > area.pools[wish.name]:
            yield wish.finding(spec.name, area.pools[wish.name])
    group = test.document.sections.get("test_meta", {}).get("jobgroup")
    if group is None:
        return
    limit = area.jobgroups.get(spec.meta.jobgroup)
    if limit is not None and limit < 1:
        message = (
            f"test {spec.name!r} can never start: its job group {spec.meta.jobgroup!r} has the limit {limit}"
        )
        yield group.finding(Severity.ERROR, message, hint="raise it in [jobgroups]")
    hint = None if limit is not None else did_you_mean(spec.meta.jobgroup, area.jobgroups)
    if hint:
        yield group.finding(Severity.WARNING, f"[jobgroups] has no {spec.meta.jobgroup!r}", hint=hint)


def _check_waitons(spec: TestSpec, area: Area, tests: Mapping[str, str]) -> Iterator[Diagnostic]:
    for waiton in spec.requirements.waitons:
        if waiton.test == spec.name:
            message, hint = f"test {spec.name!r} waits for itself", None
        elif waiton.test not in tests:
            message = f"unknown test {waiton.test!r} in waiton"
            hint = NO_COMMENT if waiton.test == "#" else _nearest_test(waiton.test, area, tests)
        else:
            continue
        yield Diagnostic(
            severity=Severity.ERROR,
            message=message,
            location=waiton.location,
            source=waiton.source,
            length=len(waiton.test),
            hint=hint,
        )


def _check_comments(document: Document) -> Iterator[Diagnostic]:
    """Yield lists of words in which a ``#`` was probably meant to begin a comment.

    In a waiton it is an unknown test, and said there.
    """
    sections = document.sections
    entries = [entry for name in ("items", "itemstable") for entry in sections.get(name, {}).values()]
    group = sections.get("test_meta", {}).get("jobgroup")
    entries += [group] if group is not None else []
    for entry in entries:
        if "#" in words(entry.value):
            yield entry.finding(
                Severity.WARNING, "'#' is a word of this value like the others", word="#", hint=NO_COMMENT
            )


def _nearest_test(name: str, area: Area, tests: Mapping[str, str]) -> str | None:
    other = nearest(name, tests)
    if other is None:
        return None
    path = os.path.relpath(os.path.join(tests[other], TESTCONFIG_NAME), area.home)
    return f"did you mean {other!r}? ({path})"
