"""``megatest doctor``."""

from __future__ import annotations

from megatest.app.doctor import doctor
from megatest.cli.declare import AREA, JSON, command
from megatest.cli.modern import area_request
from megatest.cli.output import echo
from megatest.reports.listing import dumps

_PROBLEMS = 3


@command("doctor", JSON, *AREA)
def doctor_command(as_json: bool, area: str, config_name: str) -> int:
    """Say what is wrong with the area, its disks, its database and its runs, and the remedy.

    Nothing is changed.  Exit status: 0 all is well, 3 something needs attention.
    """
    examinations = []
    for examination in doctor(area_request(area, config_name)):
        examinations.append(examination)
        if as_json:
            continue
        echo(f"{'ok' if examination.is_well else 'PROBLEM':<8} {examination.what}")
        for finding in examination.findings:
            for line in finding.render().splitlines():
                echo(f"         {line}")
    if as_json:
        echo(
            dumps(
                [
                    {
                        "check": e.what,
                        "ok": e.is_well,
                        "findings": [
                            {"severity": f.severity, "message": f.message, "hint": f.hint} for f in e.findings
                        ],
                    }
                    for e in examinations
                ]
            )
        )
    return 0 if all(e.is_well for e in examinations) else _PROBLEMS
