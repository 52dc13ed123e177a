"""``megatest.config``: where it is, and what it says, typed."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import Final

from megatest.config.entry import Document, Entry, Loaded
from megatest.config.hosts import hosts_from
from megatest.config.paths import disks_from, path_in
from megatest.config.reader import read
from megatest.config.request import Request
from megatest.config.schema_area import AREA
from megatest.config.source import ParseCache
from megatest.config.triggers import triggers_from
from megatest.config.values import Values, words
from megatest.model.error import Diagnostic, Location, Severity, UserError
from megatest.model.field import name_problem
from megatest.model.ids import Target
from megatest.model.slotted import replace
from megatest.model.spec import Area, Field

CONFIG_NAME: Final = "megatest.config"

_SQL_TYPES: Final = {
    "": "TEXT", "TEXT": "TEXT", "VARCHAR": "TEXT", "CHAR": "TEXT", "STRING": "TEXT",
    "INTEGER": "INTEGER", "INT": "INTEGER", "REAL": "REAL", "FLOAT": "REAL", "NUMERIC": "NUMERIC",
}  # fmt: skip


def find_area(start: str, env: Mapping[str, str], config_name: str = CONFIG_NAME) -> str:
    """Return the directory of the area that a directory is in; ``MT_RUN_AREA_HOME`` wins.

    Args:
        start: absolute path of the directory where the search begins; it goes upward, root excluded.
        env: the environment.
        config_name: name of the area's file.

    Raises:
        UserError: there is no such file.
    """
    given = env.get("MT_RUN_AREA_HOME")
    if given:
        home = os.path.abspath(os.path.join(start, given))
        if os.path.isfile(os.path.join(home, config_name)):
            return home
        raise _not_found(config_name, f"MT_RUN_AREA_HOME is {given!r}, and there is none in it")
    directory = os.path.abspath(start)
    while os.path.dirname(directory) != directory:
        if os.path.isfile(os.path.join(directory, config_name)):
            return directory
        directory = os.path.dirname(directory)
    raise _not_found(
        config_name, "go to an area's directory, give --area DIR, or make one with `megatest init`"
    )


def _not_found(config_name: str, hint: str) -> UserError:
    return UserError(f"No {config_name} file found", hint=hint)


def load_area(
    home: str,
    *,
    env: dict[str, str],
    cache: ParseCache,
    target: Target | None = None,
    runname: str | None = None,
    config_name: str = CONFIG_NAME,
    append: str | None = None,
) -> Loaded[Area]:
    """Read an area's file.

    Args:
        home: absolute path of the area; commands run in it.
        env: the environment, which the reading changes as the file says; also set are what tests
            and other files may rely on: ``MT_RUN_AREA_HOME``, ``PWD``, ``MT_TARGET``, ``MT_RUNNAME``,
            ``MT_LINKTREE``, ``MT_TESTSUITENAME`` and the fields.
        cache: parsed files.
        target, runname: of the run that it is read for, if it is for one.
        config_name: name of the area's file.
        append: one more file, whose values win.

    Raises:
        UserError: there is no such file.
    """
    env["MT_RUN_AREA_HOME"] = home
    # Files say #{getenv PWD} and mean the area, which the original changed into.
    env["PWD"] = home
    if target is not None:
        env["MT_TARGET"] = str(target)
    if runname:
        env["MT_RUNNAME"] = runname
    request = Request(
        cwd=home,
        home=home,
        env=env,
        cache=cache,
        target=target,
        runname=runname or "",
        target_section=str(target) if target else "",
        echoed="env-override",
    )
    document = _read_files(os.path.join(home, config_name), append, request)
    return _area(document, home, os.path.join(home, config_name), env, target)


def _read_files(path: str, append: str | None, request: Request) -> Document:
    try:
        document = read(path, request)
        if append is None:
            return document
        more = read(os.path.join(request.cwd, append), replace(request, echoed="", target=None))
    except FileNotFoundError as error:
        raise _not_found(str(error.args[0]), "check the name") from error
    return _merged(document, more)


def _merged(document: Document, more: Document) -> Document:
    """Return the first document with the values of the second set over its own."""
    sections = {name: dict(entries) for name, entries in document.sections.items()}
    for name, entries in more.sections.items():
        table = sections.setdefault(name, {})
        for key, entry in entries.items():
            table.pop(key, None)
            table[key] = entry
    return replace(
        document,
        sections=sections,
        findings=document.findings + more.findings,
        exported={**document.exported, **more.exported},
        files=document.files + more.files,
    )


def _area(
    document: Document, home: str, path: str, env: dict[str, str], target: Target | None
) -> Loaded[Area]:
    values = Values(document, AREA)
    fields = _fields(values, path)
    area = Area(
        home=home,
        config_file=path,
        name=_name(values, home, env),
        fields=fields,
        linktree=path_in(home, env.get("MT_LINKTREE") or values.text("setup", "linktree"), env),
        disks=disks_from(values.entries("disks"), home, env, values.findings),
        tests_paths=_tests_paths(values, home, env),
        env_override=document.variables("env-override"),
        exported={**document.exported, **_keys(fields, target)},
        resolved=document.resolved(),
    )
    area = _with_events(_with_words(_with_launching(_with_limits(area, values), values), values), values)
    env.update(_keys(fields, target))
    env["MT_LINKTREE"] = area.linktree
    env["MT_TESTSUITENAME"] = area.name
    return Loaded(value=area, findings=document.findings + tuple(values.findings), document=document)


def _name(values: Values, home: str, env: Mapping[str, str]) -> str:
    given = env.get("MT_TESTSUITE_NAME") or values.text("setup", "area-name")
    return given or os.path.basename(home)


def _keys(fields: Sequence[Field], target: Target | None) -> dict[str, str]:
    """Return the values of the fields; a target that does not fit was reported when it was read."""
    if target is None or len(target.values) != len(fields):
        return {}
    return {field.name: value for field, value in zip(fields, target.values, strict=True)}


def _pools(values: Values) -> tuple[Mapping[str, int], Mapping[str, tuple[str, ...]]]:
    """Return how many units each pool has, and the names of those that have names."""
    if "pools" not in values.document.sections:
        return {}, {}
    from megatest.config.pools import pools_from

    return pools_from(values)


def _with_limits(area: Area, values: Values) -> Area:
    pools, pool_units = _pools(values)
    return replace(
        area,
        max_concurrent_jobs=values.integer("setup", "max_concurrent_jobs"),
        jobgroups=values.integers("jobgroups"),
        pools=pools,
        pool_units=pool_units,
        launch_delay_s=values.seconds("setup", "launch-delay") or 0,
        run_limit_s=values.seconds("setup", "runtimelim") or None,
        dead_time_s=values.seconds("setup", "deadtime") or 0,
        kill_grace_s=values.seconds("setup", "kill-grace") or 0,
        keep_attempts=values.integer("setup", "keep-attempts") or 0,
        min_space_kib=values.size_kib("setup", "minspace") or 0,
        free_space_script=values.text("setup", "free-space-script"),
        test_copy_command=values.text("setup", "testcopycmd"),
    )


def _with_launching(area: Area, values: Values) -> Area:
    host_types = values.texts("host-types")
    return replace(
        area,
        launcher=values.text("jobtools", "launcher"),
        executor=values.text("jobtools", "executor"),
        use_shell=values.text("jobtools", "useshell") != "no",
        max_load=values.number("jobtools", "maxload"),
        flexi_launcher=values.text("jobtools", "flexi-launcher") != "no",
        launchers=_launchers(values, host_types),
        host_types=host_types,
        hosts=hosts_from(values),
        executors=_executors(values),
    )


def _launchers(values: Values, host_types: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return the patterns with the host types that they choose; one that does not exist is passed over."""
    chosen = []
    for entry in values.entries("launchers"):
        host_type = entry.value.strip()
        if host_type in host_types:
            chosen.append((entry.key, host_type))
            continue
        from megatest.config.nearest import did_you_mean  # few areas have such a mistake

        message = f"[host-types] has no {host_type!r}, so this line is passed over"
        hint = did_you_mean(host_type, host_types)
        values.findings.append(entry.finding(Severity.WARNING, message, hint=hint))
    return tuple(chosen)


def _with_words(area: Area, values: Values) -> Area:
    return replace(
        area,
        default_target=values.text("setup", "target"),
        script_exit_table=values.flag("setup", "script-exit-table"),
        valid_states=values.listed("validvalues", "state"),
        valid_statuses=values.listed("validvalues", "status"),
        clean_rerun_states=values.listed("validvalues", "cleanrerun-states"),
        clean_rerun_statuses=values.listed("validvalues", "cleanrerun-statuses"),
        auto_rerun=values.words("setup", "allow-auto-rerun"),
        hidden_variables=values.listed("setup", "blacklistvars"),
    )


def _with_events(area: Area, values: Values) -> Area:
    return replace(
        area,
        run_pre_hook=values.text("runs", "pre-hook"),
        run_post_hook=values.text("runs", "post-hook"),
        triggers=triggers_from(values.entries("triggers"), values.findings),
        testrollup=values.texts("testrollup"),
    )


def _fields(values: Values, path: str) -> tuple[Field, ...]:
    """Return the fields; an area without any is an error, and so is a name that no column can have."""
    fields: dict[str, Field] = {}
    for entry in values.entries("fields"):
        problem = name_problem(entry.key, fields)
        if problem:
            values.findings.append(entry.key_finding(Severity.ERROR, f"field {entry.key!r} {problem}"))
            continue
        fields[entry.key.lower()] = Field(name=entry.key, sql_type=_sql_type(entry, values.findings))
    if not values.document.sections.get("fields"):
        values.findings.append(
            Diagnostic(
                severity=Severity.ERROR,
                message="the area has no fields, so its runs can have no target",
                location=Location(file=path, line=1),
                hint="add a section [fields] with a line for each field, for example: release TEXT",
            )
        )
    return tuple(fields.values())


def _sql_type(entry: Entry, findings: list[Diagnostic]) -> str:
    """Return one of the column types; only the first word of the file's type counts."""
    given = entry.value.strip().upper()
    sql_type = _SQL_TYPES.get(given)
    if sql_type is None and (first := re.match(r"\w*", given, re.ASCII)):
        sql_type = _SQL_TYPES.get(first[0])
    if sql_type is None:
        hint = "the types are TEXT, INTEGER, REAL and NUMERIC"
        message = f"unknown type of field {entry.key!r}; read as TEXT"
        findings.append(entry.finding(Severity.WARNING, message, hint=hint))
    return sql_type or "TEXT"


def _tests_paths(values: Values, home: str, env: Mapping[str, str]) -> tuple[str, ...]:
    given = [path_in(home, text, env) for text in values.texts("tests-paths").values() if text]
    return tuple(dict.fromkeys([*given, os.path.join(home, "tests")]))


def _executors(values: Values) -> dict[str, dict[str, str]]:
    """Return the sections ``[executor NAME]``."""
    result = {}
    for section in values.document.sections:
        name = words(section)
        if len(name) == 2 and name[0] == "executor":
            result[name[1]] = values.texts(section)
    return result
