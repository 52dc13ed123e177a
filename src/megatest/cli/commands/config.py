"""``megatest check``, ``megatest config`` and ``megatest targets``."""

from __future__ import annotations

from megatest.app.inspect import (
    one_section,
    one_value,
    values_of_area,
    values_of_runconfigs,
    values_of_test,
)
from megatest.app.session import open_area, target_names
from megatest.cli.declare import AREA, JSON, Value, argument, command, flag, group, option, optional
from megatest.cli.main import print_error
from megatest.cli.modern import area_request
from megatest.cli.output import count_of, echo
from megatest.model.error import Diagnostic, Severity, UserError
from megatest.reports import listing
from megatest.reports.settings import FORMATS, Tables, render

_WRONG = 2


@command("check", JSON, *AREA)
def check_command(as_json: bool, area: str, config_name: str) -> int:
    """Name everything odd or wrong in the area's files, each with its place.

    Exit status: 0 no errors (there may be warnings), 2 errors.
    """
    from megatest.app.check import findings_of  # the other commands here plan nothing

    home, findings = findings_of(area_request(area, config_name))
    errors = sum(finding.severity is Severity.ERROR for finding in findings)
    if as_json:
        echo(listing.dumps({"area": home, "findings": [_json(finding) for finding in findings]}))
    else:
        for finding in findings:
            echo(finding.render())
        warnings = sum(finding.severity is Severity.WARNING for finding in findings)
        echo(f"{home}: {count_of(errors, 'error')}, {count_of(warnings, 'warning')}")
    return _WRONG if errors else 0


def _json(finding: Diagnostic) -> dict[str, object]:
    place = finding.location
    return {
        "severity": finding.severity.value,
        "message": finding.message,
        "file": place.file if place else None,
        "line": place.line if place else None,
        "column": place.column if place else None,
        "hint": finding.hint,
        "notes": list(finding.notes),
    }


_WHICH_FILE = (
    option("--target -t", "A/B/C", "As read for this target."),
    flag("--runconfig", "Of runconfigs.config, with -t for a target."),
    option("--test", "NAME", "Of this test's testconfig."),
)
"""The options that say which file is meant."""


@command("get", argument("section"), argument("key"), *_WHICH_FILE, *AREA)
def get_command(
    section: str, key: str, test: str, runconfig: bool, target: str, area: str, config_name: str
) -> None:
    """Print one value; of runconfigs that of the target, else the default one."""
    tables = _tables(test, target, area, config_name, runconfig=runconfig)
    echo(one_value(tables, section, key, fallback="default" if runconfig else "").value)


@command(
    "show",
    optional("section"),
    option(
        "--format",
        "",
        "",
        name="form",
        value=Value.CHOICE,
        choices=FORMATS,
        default="text",
        show_default=True,
    ),
    flag("--json", "Short for --format json.", name="as_json"),
    flag("--origins", "Also say where each value comes from (text and json)."),
    *_WHICH_FILE,
    *AREA,
)
def show_command(
    section: str,
    form: str,
    as_json: bool,
    origins: bool,
    test: str,
    runconfig: bool,
    target: str,
    area: str,
    config_name: str,
) -> None:
    """Print all resolved values, or those of one SECTION."""
    tables = _tables(test, target, area, config_name, runconfig=runconfig)
    if section:
        tables = one_section(tables, section)
    echo(render(tables, "json" if as_json else form, origins=origins))


@group("config", get_command, show_command)
def config_command() -> None:
    """Resolved values of the area's files, and where each comes from."""


def _tables(test: str, target: str, area: str, config_name: str, *, runconfig: bool) -> Tables:
    if test and runconfig:
        raise UserError("--test and --runconfig name two files; give one of them")
    request = area_request(area, config_name)
    if test:
        return values_of_test(request, test, target)
    return values_of_runconfigs(request, target) if runconfig else values_of_area(request, target)


@command("targets", JSON, *AREA)
def targets_command(as_json: bool, area: str, config_name: str) -> None:
    """List the targets that runconfigs names; any other value of the fields may be a target too."""
    session = open_area(area_request(area, config_name))
    names = sorted(target_names(session))
    if as_json:
        echo(listing.dumps({"fields": session.area.field_names, "targets": names}))
    elif names:
        echo("\n".join(names))
    else:
        print_error(f"note: runconfigs names no target; the fields are {'/'.join(session.area.field_names)}")
