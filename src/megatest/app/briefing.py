"""What an attempt needs, put together from the area, the run and the test's own files.

The variables of a test come in a fixed order, later ones winning: what reading the area's
configuration set, runconfigs (its default section, then the target's), what the command line
gave, the names of the test and its run, ``[env-override]``, the target's fields, the item's
variables, the testconfig's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from megatest.app.launcher import COMMAND, Choice, choose
from megatest.app.session import Session, refuse_errors
from megatest.app.skipping import History, why_skip
from megatest.app.subrun import subrun_step
from megatest.config.expand import shell_echo, shell_special
from megatest.config.testconfig import Purpose, load_test
from megatest.engine.ports import Brief, Clock
from megatest.model.attempt import AttemptSpec
from megatest.model.error import UserError
from megatest.model.ids import Target, TestId
from megatest.model.slotted import dataclass, field
from megatest.model.spec import Step, TestSpec, Variable
from megatest.plan.items import Item, expand_items

_OF_EACH_TEST = _TEST_NAME, _ITEM_PATH, _ITEM_INFO = ("MT_TEST_NAME", "MT_ITEMPATH", "MT_ITEM_INFO")
_COMMAND = re.compile(r"`|\$\(")
_REFERENCE = re.compile(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunContext:
    """The run that attempts belong to.

    Attributes:
        run_id: its row.
        target, runname: what it is called.
        variables: given on the command line for every test.
        preclean: remove what earlier attempts left.
        executor: the executor that was asked for; empty for the area's choice.
        shim: absolute path of the program that tests call, for ``MT_MEGATEST``.
        inherited: the environment that tests inherit.
    """

    run_id: int
    target: Target
    runname: str
    variables: tuple[Variable, ...] = ()
    preclean: bool = False
    executor: str = ""
    shim: str = "megatest"
    inherited: Mapping[str, str] = field(default_factory=dict)


class TestBriefing:
    """Evaluates tests' files for the engine, at the moment each attempt is prepared.

    Args:
        session: the opened area, its target chosen.
        context: the run.
        directories: where each test's files are, by name.
        specs: the tests as the selection read them, by name.
        history: a test's records over all runs.
        clock: for what depends on when a test ran last.
    """

    def __init__(
        self,
        *,
        session: Session,
        context: RunContext,
        directories: Mapping[str, str],
        specs: Mapping[str, TestSpec],
        history: History,
        clock: Clock,
    ) -> None:
        self._history = history
        self._clock = clock
        self._session = session
        self._context = context
        self._directories = directories
        self._specs = specs
        self._items: dict[str, Mapping[str, Item]] = {}
        self._first_attempts: dict[TestId, int] = {}
        self._echoed: dict[tuple[str, tuple[str | None, ...]], str] = {}
        self._plainly_configured: tuple[Variable, ...] | None = None
        self._latest_configured: tuple[Variable, ...] | None = None
        self._shared: tuple[Variable, ...] = ()
        self._from_area = tuple(
            Variable(name, value)
            for name, value in session.area.exported.items()
            if value is not None and not name.startswith("MT_")
        )
        area = session.area
        self._names = (
            Variable("MT_RUN_AREA_HOME", area.home),
            Variable("MT_TESTSUITENAME", area.name),
            Variable("MT_LINKTREE", area.linktree),
            Variable("MT_TARGET", str(context.target)),
            Variable("MT_RUNNAME", context.runname),
            Variable("MT_MEGATEST", context.shim),
        )
        self._fields = tuple(
            Variable(name, value) for name, value in zip(area.field_names, context.target.values, strict=True)
        )

        # Whoever overrides one of the names that each test gets prevails.
        later = (*area.env_override, *self._fields)
        self._overridden = frozenset(v.name for v in later) & frozenset(_OF_EACH_TEST)

    # -- the engine's port ------------------------------------------------------------------------

    def brief(self, test_id: TestId, row: int, attempt: int) -> Brief:
        """Evaluate a test's files for one attempt; see `megatest.engine.ports.Briefing`."""
        area = self._session.area
        spec = self._specs[test_id.test]
        item = self._item(test_id)
        choice = choose(area, test_id, self._session.environ, self._context.executor)
        shared, own = self._variables(test_id, item)
        if spec.depends_on_items:
            spec = self._read_again(spec, (*shared, *own))
        own = (*own, *spec.environment)
        steps = (*spec.steps, *self._subrun(spec))
        if not spec.runscript and not steps:
            raise UserError(f"test {test_id.test} has neither [setup] runscript nor [ezsteps]")
        return Brief(
            spec=AttemptSpec(
                run_id=self._context.run_id,
                row=row,
                target=self._context.target,
                runname=self._context.runname,
                test_id=test_id,
                attempt=attempt,
                source=spec.directory,
                runscript=spec.runscript,
                steps=steps,
                shared=shared,
                variables=own,
                disks=spec.disks,
                preclean=self._context.preclean and attempt == self._first_attempt(test_id, attempt),
                keep=spec.requirements.retries,
                on_this_host=choice.on_this_host,
                resolved=spec.resolved,
            ),
            executor=choice.executor,
            launcher=choice.line,
            environment=self._environment(choice, spec, shared, own),
            run_limit_s=self._run_limit_s(spec),
            resources=spec.requirements.resources,
            exit_table=area.script_exit_table,
        )

    def _subrun(self, spec: TestSpec) -> tuple[Step, ...]:
        context = self._context
        step = subrun_step(spec, self._session.area.home, context.target, context.runname)
        return (step,) if step is not None else ()

    def _first_attempt(self, test_id: TestId, attempt: int) -> int:
        """Return the first attempt of this run of the command: what its retries find is kept."""
        return self._first_attempts.setdefault(test_id, attempt) if self._context.preclean else attempt

    def run_limit_s(self, test_id: TestId) -> float | None:
        """Return how long an adopted attempt may run; see `megatest.engine.ports.Briefing`."""
        return self._run_limit_s(self._specs.get(test_id.test))

    def items(self, test: str) -> Sequence[Item]:
        """Evaluate a test's item lists; see `megatest.engine.ports.Briefing`."""
        spec = self._specs[test]
        if spec.items_need_upstream:
            environ = self._environ_with(self._test_variables(TestId(test), None))
            spec = self._load(test, environ, Purpose.LAUNCH)
        items = expand_items(test, spec.items, spec.itemstable)
        self._items[test] = {item.path: item for item in items}
        return items

    def why_skip(self, test_id: TestId) -> str:
        """Return why a test is passed over; see `megatest.engine.ports.Briefing`."""
        return why_skip(
            self._specs[test_id.test],
            test_id,
            run_id=self._context.run_id,
            history=self._history,
            now=self._clock.now(),
        )

    def _run_limit_s(self, spec: TestSpec | None) -> float | None:
        own = None if spec is None else spec.requirements.run_limit_s
        return self._session.area.run_limit_s if own is None else own

    # -- variables ----------------------------------------------------------------------------------

    def _item(self, test_id: TestId) -> Item | None:
        if not test_id.item:
            return None
        if test_id.test not in self._items:
            self.items(test_id.test)
        return self._items[test_id.test].get(test_id.item)

    def _variables(
        self, test_id: TestId, item: Item | None
    ) -> tuple[tuple[Variable, ...], tuple[Variable, ...]]:
        """Return the variables of an attempt: those that all tests share, and its own behind them.

        The shared ones are the same object as long as they are the same.
        """
        own = self._test_variables(test_id, item)
        configured = self._configured(own)
        if configured is not self._latest_configured:
            self._latest_configured = configured
            self._shared = tuple(
                Variable(name, value)
                for name, value in {
                    v.name: v.value
                    for v in (
                        *self._from_area,
                        *configured,
                        *self._context.variables,
                        *self._names,
                        *self._session.area.env_override,
                        *self._fields,
                    )
                }.items()
            )
        mine = tuple([v for v in own if v.name not in self._overridden]) if self._overridden else own
        return self._shared, (*mine, *(item.variables if item else ()))

    def _test_variables(self, test_id: TestId, item: Item | None) -> tuple[Variable, ...]:
        pairs = " ".join(f"({v.name} {v.value})" for v in item.variables) if item else ""
        return (
            Variable(_TEST_NAME, test_id.test),
            Variable(_ITEM_PATH, test_id.item),
            Variable(_ITEM_INFO, f"({pairs})"),
        )

    def _configured(self, own: Iterable[Variable]) -> tuple[Variable, ...]:
        """Return the variables of runconfigs, each as ``echo`` prints it."""
        runconfig = self._session.runconfig
        assert runconfig is not None, "a briefing is made for a chosen target"
        if self._plainly_configured is None:
            self._plainly_configured = self._echoed_without_shell(runconfig.variables)
        if self._plainly_configured:
            return self._plainly_configured
        environ = self._environ_with((*self._from_area, *self._names, *own))
        out = []
        for variable in runconfig.variables:
            value = self._echo(variable.value, environ)
            environ[variable.name] = value
            out.append(Variable(variable.name, value))
        return tuple(out)

    def _echoed_without_shell(self, variables: Sequence[Variable]) -> tuple[Variable, ...]:
        """Return what holds for every test alike; nothing if a value may depend on the test."""
        if any(shell_special(variable.value) for variable in variables):
            return ()
        return tuple(Variable(v.name, shell_echo(v.value, {}, self._session.area.home)) for v in variables)

    def _echo(self, value: str, environ: Mapping[str, str]) -> str:
        if _COMMAND.search(value):
            return shell_echo(value, environ, self._session.area.home)
        key = (value, tuple(environ.get(name) for name in _REFERENCE.findall(value)))
        if key not in self._echoed:
            self._echoed[key] = shell_echo(value, environ, self._session.area.home)
        return self._echoed[key]

    def _environ_with(self, variables: Iterable[Variable]) -> dict[str, str]:
        return {**self._session.environ, **{v.name: v.value for v in variables}}

    def _environment(
        self, choice: Choice, spec: TestSpec, shared: Sequence[Variable], own: Sequence[Variable]
    ) -> Mapping[str, str]:
        """Return the environment of the process that is started.

        The job script sets the test's variables itself; a launcher wants to see them too.  The variables
        for the launch are inherited by the test, as far as it does not set them itself.
        """
        more = spec.launch_environment
        if choice.executor == COMMAND:
            more = (*shared, *own, *more)
        if not more:
            return self._context.inherited  # one object for all tests, which is kept encoded
        return {**self._context.inherited, **{v.name: v.value for v in more}}

    # -- reading testconfigs ----------------------------------------------------------------------

    def _read_again(self, spec: TestSpec, variables: Sequence[Variable]) -> TestSpec:
        return self._load(spec.name, self._environ_with(variables), Purpose.LAUNCH)

    def _load(self, test: str, environ: dict[str, str], purpose: Purpose) -> TestSpec:
        loaded = load_test(
            self._session.area,
            test,
            self._directories[test],
            env=environ,
            cache=self._session.cache,
            runconfig=self._session.runconfig,
            purpose=purpose,
        )
        refuse_errors(loaded.findings)
        return loaded.value
