"""Regular expressions of the original's dialect, translated for the engines that we have.

The dialect is Perl's as its engine (irregex) knew it.  One pass, no recursion, two results: `exact` for
Python's ``re``, which can look around and back, and `linear` for RE2, which cannot, but whose time is linear
in the text.  Where RE2 cannot follow, `linear` matches at least whatever `exact` does and serves as a filter.
"""

from __future__ import annotations

import re
from megatest.typed import Final, NoReturn

from megatest.model.slotted import dataclass, field
from megatest.scheme.bracket import (
    CONTROLS,
    HIGHEST,
    RegexpError,
    bracket_text,
    character,
    parse_bracket,
    parse_hex,
    ranges_of_escape,
)
from megatest.scheme.value import Regexp

_DEEPEST: Final = 200
_LINEAR_REPEATS: Final = 1000  # RE2 refuses larger counts
_LARGEST_COUNT: Final = 100_000
_NEVER: Final = bracket_text(((0, HIGHEST),), negated=True)
_COUNTS: Final = re.compile(r"\{(\d+)(?:(,)(\d*))?\}")
_COUNT_LIKE: Final = re.compile(r"\{[\s\d,]*\d[\s\d,]*\}")
_GROUP_NAME: Final = re.compile(r"\(\?P?<([A-Za-z_]\w*)>", re.ASCII)
_FLAG_GROUP: Final = re.compile(r"\(\?([imsux]*)(?:-([imsux]*))?([:)])")
_CONDITION: Final = re.compile(r"\(\?\((\d+)\)")
_PROPERTY: Final = re.compile(r"\\[pP](?:[A-Z]|\{\^?[A-Za-z_]+\})")
_BACK_NAME: Final = re.compile(r"\\k<([A-Za-z_]\w*)>", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Translation:
    """A pattern as the engines read it.

    Attributes:
        exact: for ``re``, on text; empty if only RE2 can (Unicode properties).
        linear: for RE2.  Equal in meaning to `exact` unless `needs_backtracking`; then it matches at least
            what `exact` matches.
        groups: how many groups capture.
        needs_backtracking: it looks around or back, or counts beyond what RE2 does.
        is_lazy: it has lazy quantifiers, so the first way to match counts, not the longest.
    """

    exact: str
    linear: str
    groups: int
    needs_backtracking: bool
    is_lazy: bool


def translate(regexp: Regexp, *, by_line: bool = False) -> Translation:
    """Translate a pattern of n characters.

    Args:
        regexp: the pattern and its flags; ``u`` changes nothing, text is always Unicode.
        by_line: ``^ $ \\A \\z`` are the ends of a line, so that many lines can be searched at once.

    Raises:
        RegexpError: it is no pattern of the dialect.
    """
    return _Translator(regexp, by_line).run()


@dataclass(slots=True)
class _Group:
    """An open group.

    Attributes:
        start: offset of its parenthesis in the source.
        marks: lengths of both outputs before it; what a quantifier after it repeats.
        number: of a capturing group, else 0.
        can_repeat: whether a quantifier may follow it.
        drops_linear: it is a look-around, which RE2 is not told about.
        extended: the flag ``x`` outside of it, restored at its end.
        inline: what opened the flags set inside of it, and opens them again after each ``|``.
        is_condition: it is ``(?(1)...)``.
        branches: how many ``|`` it has had.
    """

    start: int
    marks: tuple[int, int]
    number: int = 0
    can_repeat: bool = True
    drops_linear: bool = False
    extended: bool = False
    inline: list[str] = field(default_factory=list)
    is_condition: bool = False
    branches: int = 0


class _Translator:
    """One pass over a pattern; `exact` and `linear` grow together.

    `atom` holds the lengths of both before the thing that a quantifier would repeat, or None.
    """

    def __init__(self, regexp: Regexp, by_line: bool) -> None:
        self.source = regexp.source
        self.offset = 0
        self.exact: list[str] = []
        self.linear: list[str] = []
        self.dropping = 0
        self.extended = regexp.extended
        self.ignore_case = regexp.ignore_case
        self.begin = "(?m:^)" if by_line else r"\A"
        self.end = ("(?m:$)", "(?m:$)") if by_line else (r"\Z", r"\z")
        self.groups: list[_Group] = [_Group(start=0, marks=(0, 0))]
        self.count = 0
        self.closed: set[int] = set()
        self.names: dict[str, int] = {}
        self.atom: tuple[int, int] | None = None
        self.was_quantified = False
        self.was_counted = False
        self.backtracks = False
        self.is_lazy = False
        self.only_linear = False

    def run(self) -> Translation:
        while self.offset < len(self.source):
            self._step()
        if len(self.groups) > 1:
            self._fail("this group is never closed", self.groups[-1].start)
        self._close_inline()
        if self.only_linear and self.backtracks:
            self._fail("\\p{...} cannot be combined with look-around, back-references or \\< \\>", 0)
        prefix = "(?i)" if self.ignore_case else ""
        return Translation(
            exact="" if self.only_linear else prefix + "".join(self.exact),
            linear=prefix + "".join(self.linear),
            groups=self.count,
            needs_backtracking=self.backtracks,
            is_lazy=self.is_lazy,
        )

    def _fail(self, message: str, offset: int | None = None) -> NoReturn:
        raise RegexpError(message, self.offset if offset is None else offset)

    def _emit(self, exact: str, linear: str | None = None) -> None:
        self.exact.append(exact)
        if not self.dropping:
            self.linear.append(exact if linear is None else linear)

    def _marks(self) -> tuple[int, int]:
        return len(self.exact), len(self.linear)

    def _emit_atom(self, width: int, exact: str, linear: str | None = None) -> None:
        self.atom = self._marks()
        self.was_quantified = False
        self._emit(exact, linear)
        self.offset += width

    def _emit_assertion(self, width: int, exact: str, linear: str | None = None) -> None:
        self.atom = None
        self.was_quantified = False
        self._emit(exact, linear)
        self.offset += width

    def _step(self) -> None:
        char = self.source[self.offset]
        if self.extended and (char.isspace() or char == "#"):
            self._skip_layout()
        elif char == "\\":
            self._escape()
        elif char == "[":
            self._bracket()
        elif char == "(":
            self._open()
        elif char == ")":
            self._close()
        elif char == "|":
            self._alternative()
        elif char in "*+?" or (char == "{" and _COUNT_LIKE.match(self.source, self.offset)):
            self._quantifier()
        elif char == ".":
            self._emit_atom(1, "[^\\n]")
        elif char == "^":
            self._emit_assertion(1, self.begin)
        elif char == "$":
            self._emit_assertion(1, *self.end)
        else:
            self._emit_atom(1, character(ord(char)))

    def _skip_layout(self) -> None:
        if self.source[self.offset] == "#":
            newline = self.source.find("\n", self.offset)
            self.offset = len(self.source) if newline < 0 else newline
        else:
            self.offset += 1

    # Escapes

    def _escape(self) -> None:
        letter = self.source[self.offset + 1 : self.offset + 2]
        if letter == "":
            self._fail("the pattern ends in a backslash")
        if letter in "xk0123456789pPQE":
            self._long_escape(letter)
        elif letter in "AZz":
            self._emit_assertion(2, *((self.begin,) if letter == "A" else self.end))
        elif letter in "bB":
            self._emit_assertion(2, f"(?a:\\{letter})", f"\\{letter}")
        elif letter in "<>":
            self.backtracks = True
            side = "(?=[0-9A-Za-z_])" if letter == "<" else "(?<=[0-9A-Za-z_])"
            self._emit_assertion(2, f"(?a:\\b){side}", "\\b")
        elif letter == "R":
            self._emit_atom(2, "\\n")
        elif letter.isascii() and letter.isalpha():
            self._letter_escape(letter)
        else:
            self._emit_atom(2, character(ord(letter)))

    def _letter_escape(self, letter: str) -> None:
        if letter in CONTROLS:
            self._emit_atom(2, character(ord(CONTROLS[letter])))
            return
        ranges = ranges_of_escape(letter.lower())
        if ranges is None:
            self._fail(f"unknown escape \\{letter}")
        self._emit_atom(2, bracket_text(ranges, negated=letter.isupper()))

    def _long_escape(self, letter: str) -> None:
        if letter == "x":
            code, width = parse_hex(self.source, self.offset)
            self._emit_atom(width, character(code))
        elif letter == "Q":
            self._quoted()
        elif letter == "E":
            self.offset += 2
        elif letter in "pP":
            self._property()
        else:
            self._back_reference(letter)

    def _quoted(self) -> None:
        end = self.source.find("\\E", self.offset + 2)
        stop = len(self.source) if end < 0 else end
        self.offset += 2
        while self.offset < stop:
            self._emit_atom(1, character(ord(self.source[self.offset])))
        self.offset = min(len(self.source), stop + 2)

    def _property(self) -> None:
        match = _PROPERTY.match(self.source, self.offset)
        if match is None:
            self._fail("\\p wants a letter or a name in braces")
        self.only_linear = True
        self._emit_atom(len(match[0]), match[0])

    def _back_reference(self, letter: str) -> None:
        if letter == "0":
            if self.source[self.offset + 2 : self.offset + 3].isdigit():
                self._fail("octal escapes are not known; write \\xHH")
            self._emit_atom(2, "\\x00")
            return
        named = _BACK_NAME.match(self.source, self.offset)
        if letter == "k":
            number = self.names.get(named[1], 0) if named else 0
            width = len(named[0]) if named else 2
        else:
            digits = re.compile(r"\d+").match(self.source, self.offset + 1)
            text = digits[0] if digits else letter
            number, width = int(text[:4]), 1 + len(text)
        if number not in self.closed:
            self._fail("there is no such group before this back-reference")
        self.backtracks = True
        self._emit_atom(width, f"(?:\\{number})", "(?:[^\\n]*)")

    def _bracket(self) -> None:
        text, end = parse_bracket(self.source, self.offset)
        self._emit_atom(end - self.offset, text)

    # Groups

    def _open(self) -> None:
        if len(self.groups) > _DEEPEST:
            self._fail(f"groups are nested more than {_DEEPEST} deep")
        source, at = self.source, self.offset
        if not source.startswith("(?", at):
            self._open_capture(1)
        elif source.startswith("(?#", at):
            self._skip_comment()
        elif name := _GROUP_NAME.match(source, at):
            if name[1] in self.names:
                self._fail(f"there are two groups {name[1]}")
            self.names[name[1]] = self.count + 1
            self._open_capture(len(name[0]))
        elif source.startswith(("(?=", "(?!"), at):
            self._open_look(3)
        elif source.startswith(("(?<=", "(?<!"), at):
            self._open_look(4)
        elif source.startswith("(?>", at):
            self.backtracks = True
            self._push("(?>", "(?:", 3)
        elif condition := _CONDITION.match(source, at):
            self._open_condition(int(condition[1][:4]), len(condition[0]))
        elif flags := _FLAG_GROUP.match(source, at):
            self._flags(flags)
        else:
            self._fail(f"unknown kind of group {source[at : at + 4]}")

    def _push(self, exact: str, linear: str, width: int, group: _Group | None = None) -> None:
        group = group or _Group(start=self.offset, marks=self._marks())
        group.extended = self.extended
        self.groups.append(group)
        if group.drops_linear:
            self.dropping += 1
        self._emit(exact, linear)
        self.atom = None
        self.was_quantified = False
        self.offset += width

    def _open_capture(self, width: int) -> None:
        self.count += 1
        self._push("(", "(", width, _Group(start=self.offset, marks=self._marks(), number=self.count))

    def _open_look(self, width: int) -> None:
        self.backtracks = True
        mark = self.source[self.offset : self.offset + width]
        group = _Group(start=self.offset, marks=self._marks(), can_repeat=False, drops_linear=True)
        self._push(mark, "", width, group)

    def _open_condition(self, number: int, width: int) -> None:
        if number not in self.closed:
            self._fail("there is no such group before this condition")
        self.backtracks = True
        group = _Group(start=self.offset, marks=self._marks(), is_condition=True)
        self._push(f"(?({number})", "(?:", width, group)

    def _skip_comment(self) -> None:
        end = self.source.find(")", self.offset)
        if end < 0:
            self._fail("this comment is never closed")
        self.offset = end + 1

    def _flags(self, match: re.Match[str]) -> None:
        """``(?i)`` holds to the end of the group around it, ``(?i:...)`` for its own."""
        on, off, end = match[1], match[2] or "", match[3]
        if not on and not match[2] and end == ")":
            self._fail("a group of flags without a flag")
        # Under the flag i of the whole pattern the original goes on ignoring case in (?-i:...).
        off = off.replace("i", "") if self.ignore_case else off
        inner = ("i" if "i" in on and "i" not in off else "") + ("-i" if "i" in off else "")
        opening = f"(?{inner}:"
        if end == ":":
            self._push(opening, opening, len(match[0]))
        else:
            self.groups[-1].inline.append(opening)
            self._emit(opening)
            self.atom = None
            self.was_quantified = False
            self.offset += len(match[0])
        self.extended = (self.extended or "x" in on) and "x" not in off

    def _close_inline(self) -> None:
        self._emit(")" * len(self.groups[-1].inline))

    def _close(self) -> None:
        if len(self.groups) == 1:
            self._fail("this ) closes no group")
        self._close_inline()
        group = self.groups.pop()
        if group.is_condition and group.branches == 0:
            self._emit("", "|")  # without a second branch the condition may match nothing
        self._emit(")")
        if group.drops_linear:
            self.dropping -= 1
        if group.number:
            self.closed.add(group.number)
        self.extended = group.extended
        self.atom = group.marks if group.can_repeat else None
        self.was_quantified = False
        self.offset += 1

    def _alternative(self) -> None:
        group = self.groups[-1]
        group.branches += 1
        if group.is_condition and group.branches > 1:
            self._fail("a condition has at most two branches")
        self._close_inline()
        self._emit("|")
        self._emit("".join(group.inline))
        self.atom = None
        self.was_quantified = False
        self.offset += 1

    # Quantifiers

    def _quantifier(self) -> None:
        counts = _COUNTS.match(self.source, self.offset)
        text = counts[0] if counts else self.source[self.offset]
        if text == "{":
            self._fail("a count is written {2}, {2,} or {2,3}")
        if self.atom is None:
            self._fail(f"there is nothing for {text} to repeat")
        if self.was_quantified and not self.was_counted:
            self._fail(f"{text} repeats a repetition")
        if self.was_quantified:
            self._wrap(self.atom)
        width = len(text)
        lazy = self.source.startswith("?", self.offset + width)
        self.is_lazy = self.is_lazy or lazy
        self._repeat(text, counts, "?" if lazy else "")
        self.was_quantified = True
        self.was_counted = counts is not None and not lazy
        self.offset += width + lazy

    def _wrap(self, marks: tuple[int, int]) -> None:
        """Put a group round a repeated thing, which neither engine lets repeat again."""
        self.exact.insert(marks[0], "(?:")
        if not self.dropping:
            self.linear.insert(marks[1], "(?:")
        self._emit(")")

    def _repeat(self, text: str, counts: re.Match[str] | None, lazy: str) -> None:
        if counts is None:
            self._emit(text + lazy)
            return
        least = int(counts[1][:7])
        most = int(counts[3][:7]) if counts[3] else least
        if max(least, most) > _LARGEST_COUNT:
            self._fail(f"a count above {_LARGEST_COUNT}")
        if most < least:
            self._emit(_NEVER)
        elif max(least, most) > _LINEAR_REPEATS:
            self.backtracks = True
            self._emit(text + lazy, "*" + lazy)
        else:
            self._emit(text + lazy)
