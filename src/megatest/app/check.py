"""Everything odd or wrong in an area: its files, the plan of its tests, their log rules."""

from __future__ import annotations

import os
from collections.abc import Iterator

from megatest.app.session import AreaRequest, home_of, inherited_environment
from megatest.config.check import check_area
from megatest.config.entry import Entry, How, Loaded
from megatest.config.source import ParseCache
from megatest.model.error import ConfigError, Diagnostic, UserError
from megatest.model.spec import TestSpec
from megatest.plan.itemmap import compile_itemmaps
from megatest.plan.items import expand_items
from megatest.plan.order import upstream_first


def findings_of(request: AreaRequest) -> tuple[str, list[Diagnostic]]:
    """Return the directory of an area and everything odd or wrong in its files.

    Raises:
        UserError: there is no area.
    """
    home = home_of(request)
    environ = inherited_environment(request.environ)
    specs: dict[str, TestSpec] = {}

    def look_closer(test: Loaded[TestSpec]) -> Iterator[Diagnostic]:
        specs[test.value.name] = test.value
        yield from _check_items(test.value)
        yield from _check_itemmaps(test.value)
        yield from _check_log_rules(test)

    findings = check_area(
        home, environ, ParseCache(), config_name=request.config_name, look_closer=look_closer
    )
    return home, findings + _cycles(specs)


def _cycles(specs: dict[str, TestSpec]) -> list[Diagnostic]:
    """Return the cycles of two tests and more; one that waits for itself is said at its own place."""
    findings: list[Diagnostic] = []
    upstream_first(tuple(specs), specs, findings)
    return [finding for finding in findings if len(finding.notes) > 1]


def _check_items(spec: TestSpec) -> Iterator[Diagnostic]:
    if not spec.items_need_upstream:
        try:
            expand_items(spec.name, spec.items, spec.itemstable)
        except UserError as error:
            yield from error.diagnostics()


def _check_itemmaps(spec: TestSpec) -> Iterator[Diagnostic]:
    try:
        compile_itemmaps(spec.requirements.itemmaps)
    except ConfigError as error:
        yield from error.diagnostics()


def _check_log_rules(test: Loaded[TestSpec]) -> Iterator[Diagnostic]:
    """Yield what is wrong with the log rules of a test's steps; a file takes the place of ``[logpro]``."""
    spec = test.value
    entries = test.document.sections.get("logpro", {})
    for step in spec.steps:
        path = os.path.join(spec.directory, f"{step.name}.logpro")
        entry = entries.get(step.name)
        if entry is None and not os.path.lexists(path):
            continue
        from megatest.app.check_rules import check_rule_file, check_rule_text  # a language, for few areas

        if os.path.lexists(path):
            yield from check_rule_file(path)
        elif entry is not None and not _is_open(entry, spec):
            yield from check_rule_text(entry, path)


def _is_open(entry: Entry, spec: TestSpec) -> bool:
    """Return whether a value is known only where the test runs: of a command, or perhaps of an item."""
    return entry.pending is not None or (entry.how is not How.LITERAL and spec.depends_on_items)
