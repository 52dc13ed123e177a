"""``[subrun]``: a run of another area, or of another target, as a test's last step."""

from __future__ import annotations

import os
from typing import Final

from megatest.model.error import UserError
from megatest.model.ids import Target
from megatest.model.spec import Step, TestSpec
from megatest.workarea.quote import sh_quote

STEP: Final = "subrun"

_COMMAND: Final = """\
cat > testconfig.subrun <<'mt__end_of_subrun'
{config}mt__end_of_subrun
ln -sfn {area} subrun-area
set -- run{pattern} --area {area} -t {target} -n {runname}{options}
exec "${{MT_PYTHON:-python3}}" -m megatest.cli.start "$@"
"""


def subrun_step(spec: TestSpec, home: str, target: Target, runname: str) -> Step | None:
    """Return the step that runs what ``[subrun]`` says, and waits for it; None without.

    The step fails if a test of the inner run does; no variable of the outer test reaches that.

    Args:
        spec: the test.
        home: the area of the outer run; a relative ``run-area`` is seen from there.
        target, runname: of the outer run, which the inner one shares unless the section says otherwise.

    Raises:
        UserError: the inner run would be the outer one, and wait for itself.
    """
    given = {key: value for key, value in spec.subrun.items() if value}
    if not given:
        return None
    area = os.path.normpath(os.path.join(home, os.path.expanduser(given.get("run-area", home))))
    inner = (given.get("target", str(target)), given.get("run-name") or given.get("runname") or runname)
    if area == os.path.normpath(home) and inner == (str(target), runname):
        raise UserError(
            f"[subrun] of {spec.name} is the run that it belongs to, and would wait for itself",
            hint="give it another run-area, target or run-name",
        )
    mode = given.get("mode-patt", "")
    pattern = given.get("test-patt") or given.get("testpatt") or ("" if mode else "%")
    options = [("--modepatt", mode), ("--tags", given.get("tag-expr", ""))]
    command = _COMMAND.format(
        config="".join(f"{key} {value}\n" for key, value in given.items() if "\n" not in value),
        area=sh_quote(area),
        pattern=f" {sh_quote(pattern)}" if pattern else "",
        target=sh_quote(inner[0]),
        runname=sh_quote(inner[1]),
        options="".join(f" {option} {sh_quote(value)}" for option, value in options if value),
    )
    return Step(name=STEP, command=command, parameters={"subrun": "true"}, logpro=given.get("logpro"))
