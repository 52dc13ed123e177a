"""The forms of a rule file: ``expect:``, ``trigger``, ``section``, ``hook:add``."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

from megatest.logpro.argument import FormCall, as_comparison
from megatest.logpro.expiry import NoSuchDateError, parse_date
from megatest.logpro.rule import (
    BODY,
    BODY_END,
    BODY_START,
    Count,
    Hook,
    Kind,
    Measure,
    Rule,
    Section,
    Trigger,
    Where,
)
from megatest.model.error import Diagnostic
from megatest.model.slotted import dataclass, field
from megatest.scheme.fault import SchemeFault
from megatest.scheme.procedure import CallSite, PlacedProcedure
from megatest.scheme.value import UNSPECIFIED, Symbol, Value, brief, is_number, is_true, to_text

_FORMS: Final[Mapping[str, Kind]] = {
    "expect": Kind.ERROR,
    "expect:warn": Kind.WARNING,
    "expect:waived": Kind.WAIVE,
    "expect:waiver": Kind.WAIVE,
    **{f"expect:{kind}": kind for kind in Kind if kind is not Kind.VALUE},
}
_TYPES: Final[Mapping[str, Kind]] = {
    name.removeprefix("expect:"): kind for name, kind in _FORMS.items() if name != "expect"
}
_RULE_SHAPE: Final = 'WHERE SECTION COMPARISON COUNT "NAME" PATTERN'
_VALUE_SHAPE: Final = 'WHERE SECTION VALUE TOLERANCE "NAME" PATTERN'
_RULE_OPTIONS: Final = ("expires", "hook", "class", "type")
_VALUE_OPTIONS: Final = ("matchnum", "match", "expires", "hook", "class", "type")
_ONE_PATTERN: Final = "only one pattern can stand here; several are written (list PATTERN...)"
_DATE_HINT: Final = "months come first: MM/DD/YYYY"
_MOST_RULES: Final = 100_000


@dataclass(slots=True)
class Definitions:
    """What the forms have defined so far.

    Attributes:
        today: rules that expire before tomorrow are dropped.
        mistakes: findings that keep the rules from running.
        complaints, warnings: see `rule.RuleSet`.
        count: how many rules were defined, the dropped ones included.
    """

    today: datetime.date
    rules: list[Rule] = field(default_factory=list)
    triggers: list[Trigger] = field(default_factory=lambda: [Trigger(name=BODY_START, is_builtin=True)])
    sections: list[Section] = field(
        default_factory=lambda: [Section(name=BODY, start=BODY_START, end=BODY_END)]
    )
    hooks: dict[str, Hook] = field(default_factory=dict)
    mistakes: list[Diagnostic] = field(default_factory=list)
    complaints: list[Diagnostic] = field(default_factory=list)
    warnings: list[Diagnostic] = field(default_factory=list)
    count: int = 0

    def names(self) -> dict[str, Value]:
        """Return what a rule file finds defined besides Scheme's own."""
        names: dict[str, Value] = {where.value: Symbol(where.value) for where in Where}
        names["logfile"] = BODY
        for name, kind in _FORMS.items():
            names[name] = self._procedure(name, partial(self._plain, kind=kind))
        names["expect:value"] = self._procedure("expect:value", self._value)
        names["trigger"] = self._procedure("trigger", self._trigger)
        names["trigger:non-required"] = self._procedure(
            "trigger:non-required", partial(self._trigger, required=False)
        )
        names["trigger-with-limit"] = self._procedure("trigger-with-limit", self._limited_trigger)
        names["section"] = self._procedure("section", self._section)
        names["hook:add"] = self._procedure("hook:add", self._hook)
        return names

    def _procedure(self, name: str, define: Callable[[FormCall], None]) -> PlacedProcedure:
        def call(site: CallSite, arguments: Sequence[Value]) -> Value:
            form = FormCall(name, site, arguments)
            define(form)
            self.mistakes += form.mistakes
            self.warnings += form.warnings
            return UNSPECIFIED

        return PlacedProcedure(name, call)

    def _plain(self, call: FormCall, kind: Kind) -> None:
        call.require(6, _RULE_SHAPE)
        call.take_options(6, _RULE_OPTIONS, extra=_ONE_PATTERN)
        comparison, expected = call.comparison(2), call.number(3, "the count")
        kind = _typed(call, kind)
        test = None
        if comparison is not None and expected is not None:
            test = Count(comparison=comparison, expected=expected)
        self._add_rule(call, kind, test)

    def _value(self, call: FormCall) -> None:
        call.require(6, _VALUE_SHAPE)
        call.take_options(6, _VALUE_OPTIONS, extra=_ONE_PATTERN)
        _check_value_type(call)
        self._add_rule(call, Kind.VALUE, _measure(call))

    def _add_rule(self, call: FormCall, kind: Kind, test: Count | Measure | None) -> None:
        number = self._next_number()
        where, sections, patterns = call.where(0), call.names(1), call.patterns(5)
        name = self._rule_name(call)
        hook, css_class = call.text_option("hook"), call.text_option("class")
        expired = self._is_expired(call, kind)
        if call.mistakes or where is None or test is None or expired:
            return
        if not sections:
            call.warning(1, "a rule in no section is dropped")
            return
        self.rules.append(
            Rule(
                number=number,
                kind=kind,
                where=where,
                sections=sections,
                name=name,
                patterns=patterns,
                test=test,
                hook=hook,
                css_class=css_class,
                location=call.site.form.location,
            )
        )

    def _next_number(self) -> int:
        if self.count >= _MOST_RULES:
            raise SchemeFault(f"more than {_MOST_RULES} rules")
        self.count += 1
        return self.count - 1

    def _rule_name(self, call: FormCall) -> str:
        name = call.arguments[4]
        if not isinstance(name, str):
            # A name changes nothing that is counted: as in the original, the run goes on and cannot pass.
            message = f"{call.name}: the name is not a string: {brief(name)}"
            self.complaints.append(call.site.argument(4).finding(message))
        return to_text(name)

    def _is_expired(self, call: FormCall, kind: Kind) -> bool:
        index, text = call.option("expires")
        if not is_true(text):
            return False
        if not isinstance(text, str):
            raise SchemeFault(f"{call.name}: the date of expiry is not a string: {brief(text)}")
        try:
            date = parse_date(text)
        except NoSuchDateError as error:
            if not error.looks_possible:
                raise SchemeFault(f"{call.name}: {error}", hint=_DATE_HINT) from error
            call.mistake(index, str(error), _DATE_HINT)
            return False
        if date is None or kind is Kind.VALUE:
            message = f"{text!r} is no date" if date is None else "a value rule never expires"
            call.warning(index, message, None if date else "write MM/DD/YYYY")
            return False
        return date <= self.today

    def _limited_trigger(self, call: FormCall) -> None:
        call.require(2, '"NAME" LIMIT PATTERN...')
        self._trigger(call, limit=call.number(1, "the limit") or 0, first=2)

    def _trigger(self, call: FormCall, *, limit: float = 1, first: int = 1, required: bool = True) -> None:
        call.require(1, '"NAME" PATTERN...')
        name = call.text(0, "the name")
        patterns = call.trigger_patterns(first)
        if len(call.arguments) <= first:
            call.mistake(0, "a trigger without a pattern never fires")
        if name is None or call.mistakes:
            return
        self.triggers.append(
            Trigger(
                name=name,
                patterns=patterns,
                limit=limit,
                is_required=required,
                location=call.site.form.location,
            )
        )

    def _section(self, call: FormCall) -> None:
        call.require(3, '"NAME" "START-TRIGGER" "END-TRIGGER"')
        call.take_options(3, (), extra="a section takes three names, not more")
        name, start, end = (call.text(index, "a name") for index in range(3))
        if name is not None and start is not None and end is not None:
            self.sections.append(Section(name=name, start=start, end=end))

    def _hook(self, call: FormCall) -> None:
        call.require(2, '"NAME" "SHELL TEXT" [one-time: #t]')
        call.take_options(2, ("one-time",), extra="a hook takes a name and a text, not more")
        name, text = call.text(0, "the name"), call.text(1, "the shell text")
        if name is not None and text is not None:
            one_time = is_true(call.option("one-time")[1])
            self.hooks[name] = Hook(name=name, text=text, one_time=one_time)


def _typed(call: FormCall, kind: Kind) -> Kind:
    """Return the kind that ``type:`` gives, else the form's own."""
    index, value = call.option("type")
    if not is_true(value):
        return kind
    found = _TYPES.get(value.name) if isinstance(value, Symbol) else None
    if found is None:
        call.mistake(index, f"unknown type {brief(value)}", f"known are {', '.join(sorted(_TYPES))}")
        return kind
    return found


def _check_value_type(call: FormCall) -> None:
    """Refuse a ``type:`` other than ``'value``: in the original such a rule could never be satisfied."""
    index, value = call.option("type")
    if is_true(value) and value != Symbol(Kind.VALUE):
        call.mistake(index, f"a value rule is of type 'value, not {brief(value)}")


def _measure(call: FormCall) -> Measure | None:
    expected = call.number(2, "the value")
    tolerance, comparison = call.arguments[3], as_comparison(call.arguments[3])
    if comparison is None and not is_number(tolerance):
        if expected is None:
            return None
        raise SchemeFault(
            f"{call.name}: the tolerance is neither a number nor a comparison: {brief(tolerance)}"
        )
    group = _group(call)
    if expected is None or group is None:
        return None
    if comparison is not None:
        return Measure(expected=expected, comparison=comparison, group=group)
    return Measure(expected=expected, tolerance=call.number(3, "the tolerance"), group=group)


def _group(call: FormCall) -> int | None:
    """Return which group ``matchnum:`` (in old files ``match:``) asks for; the first without."""
    index, value = call.option("matchnum", "match")
    if not is_true(value):
        return 1
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    call.mistake(index, f"matchnum: wants the number of a group, not {brief(value)}")
    return None
