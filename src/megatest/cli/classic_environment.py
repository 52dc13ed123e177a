"""The original's options about the environment, mostly used inside tests."""

from __future__ import annotations

import json
from binascii import Error as Base64Error
from binascii import a2b_base64

from megatest.app.envdat import DATABASE, capture, delta_text, difference, write_files
from megatest.cli.classic_call import Call
from megatest.cli.intest import OUTSIDE
from megatest.model.error import UserError
from megatest.reports.listing import dumps
from megatest.reports.sexpr import sexpr


def environment_files(call: Call) -> int:
    """-env2file BASE: the environment as BASE.sh and BASE.csh."""
    write_files(call.line.value("env2file"), call.environ)
    return 0


def keep_environment(call: Call) -> int:
    """-envcap CONTEXT [DATABASE]: keep the environment under a name."""
    capture(call.line.value("envcap"), call.line.further.get("envcap", DATABASE), call.environ)
    return 0


def environment_delta(call: Call) -> int:
    """-envdelta A-B [DATABASE]: what makes the environment kept as A that kept as B."""
    mode = call.mode("bash", "csh", "config", "ini", default="bash")
    delta = difference(call.line.value("envdelta"), call.line.further.get("envdelta", DATABASE))
    call.write(delta_text(delta, mode))
    return 0


def show_command_info(call: Call) -> int:
    """-show-cmdinfo: what MT_CMDINFO, or :value, says about the test."""
    mode = call.mode("json", "sexpr", default="sexpr")
    packed = call.line.value("value") or call.environ.get("MT_CMDINFO", "")
    if not packed:
        raise UserError("-show-cmdinfo works only inside a test: MT_CMDINFO is not set", exit_code=OUTSIDE)
    try:
        info = json.loads(a2b_base64(packed))
    except (Base64Error, ValueError):
        info = None
    if not isinstance(info, dict):
        raise UserError("-show-cmdinfo: this is no MT_CMDINFO of ours")
    call.write(dumps(info) if mode == "json" else sexpr([[name, value] for name, value in info.items()]))
    return 0
