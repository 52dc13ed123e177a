"""``megatest check``, ``megatest config`` and ``megatest targets``."""

from __future__ import annotations

import click

from megatest.app.inspect import (
    findings_of,
    one_section,
    one_value,
    values_of_area,
    values_of_runconfigs,
    values_of_test,
)
from megatest.app.session import open_area, target_names
from megatest.cli.main import print_error
from megatest.cli.modern import area_options, area_request
from megatest.cli.opened import count_of
from megatest.model.error import Diagnostic, Severity, UserError
from megatest.reports import listing
from megatest.reports.settings import FORMATS, Tables, render

_WRONG = 2


@click.command("check")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@area_options
def check_command(as_json: bool, area: str, config_name: str) -> int:
    """Name everything odd or wrong in the area's files, each with its place.

    Exit status: 0 no errors (there may be warnings), 2 errors.
    """
    home, findings = findings_of(area_request(area, config_name))
    errors = sum(finding.severity is Severity.ERROR for finding in findings)
    if as_json:
        click.echo(listing.dumps({"area": home, "findings": [_json(finding) for finding in findings]}))
    else:
        for finding in findings:
            click.echo(finding.render())
        warnings = sum(finding.severity is Severity.WARNING for finding in findings)
        click.echo(f"{home}: {count_of(errors, 'error')}, {count_of(warnings, 'warning')}")
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


@click.group("config")
def config_command() -> None:
    """Resolved values of the area's files, and where each comes from."""


def _which_file(function: click.decorators.FC) -> click.decorators.FC:
    """Add the options that say which file is meant."""
    for option in (
        click.option("--test", "test", default="", metavar="NAME", help="Of this test's testconfig."),
        click.option("--runconfig", is_flag=True, help="Of runconfigs.config, with -t for a target."),
        click.option("--target", "-t", default="", metavar="A/B/C", help="As read for this target."),
    ):
        function = option(function)
    return function


@config_command.command("get")
@click.argument("section")
@click.argument("key")
@_which_file
@area_options
def get_command(
    section: str, key: str, test: str, runconfig: bool, target: str, area: str, config_name: str
) -> None:
    """Print one value; of runconfigs that of the target, else the default one."""
    tables = _tables(test, target, area, config_name, runconfig=runconfig)
    click.echo(one_value(tables, section, key, fallback="default" if runconfig else "").value)


@config_command.command("show")
@click.argument("section", required=False, default="")
@click.option("--format", "form", type=click.Choice(FORMATS), default="text", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Short for --format json.")
@click.option("--origins", is_flag=True, help="Also say where each value comes from (text and json).")
@_which_file
@area_options
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
    click.echo(render(tables, "json" if as_json else form, origins=origins))


def _tables(test: str, target: str, area: str, config_name: str, *, runconfig: bool) -> Tables:
    if test and runconfig:
        raise UserError("--test and --runconfig name two files; give one of them")
    request = area_request(area, config_name)
    if test:
        return values_of_test(request, test, target)
    return values_of_runconfigs(request, target) if runconfig else values_of_area(request, target)


@click.command("targets")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@area_options
def targets_command(as_json: bool, area: str, config_name: str) -> None:
    """List the targets that runconfigs names; any other value of the fields may be a target too."""
    session = open_area(area_request(area, config_name))
    names = sorted(target_names(session))
    if as_json:
        click.echo(listing.dumps({"fields": session.area.field_names, "targets": names}))
    elif names:
        click.echo("\n".join(names))
    else:
        print_error(f"note: runconfigs names no target; the fields are {'/'.join(session.area.field_names)}")
