"""Text to forms: parentheses, strings, numbers, symbols, keywords, comments, regex literals.

The dialect is CHICKEN's with regular-expression literals: ``#/.../ixu`` and ``#r`` with a pair of delimiters.
No recursion: a list nested 50,000 deep is read like any other.
"""

from __future__ import annotations

import re
from megatest.typed import Final

from megatest.model.error import Diagnostic
from megatest.model.slotted import dataclass, field
from megatest.scheme.fault import SchemeError
from megatest.scheme.form import AtomForm, Form, ListForm, Source
from megatest.scheme.lexeme import char_named, hash_word_value, unescape, word_value
from megatest.scheme.value import Char, Regexp, Symbol

UNCLOSED_REGEXP: Final = "this regular expression is never closed"
"""The message about a literal without an end, which the original reads for ever."""

_MOST_FINDINGS: Final = 20
_CLOSERS: Final = {"(": ")", "[": "]", "{": "}"}
_ABBREVIATIONS: Final = {"'": "quote", "`": "quasiquote", ",": "unquote", ",@": "unquote-splicing"}
_BLANK: Final = re.compile(r"\s+|;[^\n]*")
_WORD: Final = re.compile(r"(?:\|[^|]*\||[^\s()\[\]{}\"';`,|])+")
_STRING: Final = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_SLASH_REGEX: Final = re.compile(r"#/((?:[^/\\]|\\.)*)/", re.DOTALL)
_REGEX_FLAGS: Final = re.compile(r"[ixu]{0,3}")
_FLAG_HINT: Final = "the flags are i, x and u, at most three letters"
_PAIRED: Final = {"(": ")", "[": "]", "{": "}", "<": ">"}


def read_all(
    text: str, file: str, *, line: int = 1, column: int = 1, line_text: str | None = None
) -> list[Form]:
    """Return every form of a text.

    Args:
        text: the whole text; n characters.
        file: its name in messages.
        line, column: place of the first character, for text that stands inside another file.
        line_text: that file's whole line, for excerpts; needed only if `column` is not 1.

    Raises:
        SchemeError: it cannot be read; carries every finding.

    Cost: O(n), no recursion.
    """
    source = Source(file=file, text=text, line=line, column=column, line_text=line_text)
    forms, findings = read_source(source)
    if findings:
        raise SchemeError(findings)
    return forms


def read_source(source: Source) -> tuple[list[Form], list[Diagnostic]]:
    """Return the forms that can be read, and what is wrong with the rest."""
    reader = _Reader(source)
    reader.run()
    return reader.levels[0].items, reader.findings


@dataclass(slots=True)
class _Level:
    """A list that is being read.

    Attributes:
        start: offset of what opened it.
        closer: what ends it; empty for the whole text, and for a prefix, which one form ends.
        prefix: symbol of an abbreviation (``quote``), "" for a datum comment, None for a list.
        dotted: 0 before a dot, 1 after it, 2 when the form after it has been read.
    """

    start: int
    closer: str = ""
    prefix: str | None = None
    is_vector: bool = False
    items: list[Form] = field(default_factory=list)
    tail: Form | None = None
    dotted: int = 0


class _Reader:
    """One pass over a text, with a stack of the lists that are open."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.text = source.text
        self.offset = 0
        self.levels = [_Level(start=0)]
        self.findings: list[Diagnostic] = []
        self.swallowed = False

    def run(self) -> None:
        if self.text.startswith("\ufeff"):
            self._complain(0, 1, "the text begins with a byte order mark", "save the file without it")
            self.offset = 1
        if self.text.startswith("#!") and not self.text.startswith(
            ("#!key", "#!optional", "#!rest", "#!eof")
        ):
            newline = self.text.find("\n")
            self.offset = len(self.text) if newline < 0 else newline
        while self._skip_blanks():
            self._read_one()
        # Something without an end has swallowed what would have closed the lists.
        if len(self.levels) > 1 and not self.swallowed:
            level = self.levels[1]
            what = "this list is never closed" if level.closer else "nothing follows this prefix"
            self._complain(level.start, 1, what, f"add {level.closer!r}" if level.closer else None)

    def _complain(self, start: int, length: int, message: str, hint: str | None = None) -> None:
        if len(self.findings) < _MOST_FINDINGS:
            self.findings.append(self.source.finding(start, length, message, hint))

    def _swallow(self) -> None:
        self.offset = len(self.text)
        self.swallowed = True

    def _skip_blanks(self) -> bool:
        """Step over blanks and comments; False at the end of the text."""
        while self.offset < len(self.text):
            if match := _BLANK.match(self.text, self.offset):
                self.offset = match.end()
            elif self.text.startswith("#|", self.offset):
                self._skip_block_comment()
            else:
                return True
        return False

    def _skip_block_comment(self) -> None:
        depth, at = 0, self.offset
        for match in re.compile(r"#\||\|#").finditer(self.text, at):
            depth += 1 if match[0] == "#|" else -1
            if depth == 0:
                self.offset = match.end()
                return
        self._complain(at, 2, "this comment is never closed", "add '|#'")
        self._swallow()

    def _read_one(self) -> None:
        char = self.text[self.offset]
        if char in _CLOSERS:
            self._open(1, closer=_CLOSERS[char])
        elif char in ")]}":
            self._close(char)
        elif char in "'`":
            self._open(1, prefix=_ABBREVIATIONS[char])
        elif char == ",":
            mark = ",@" if self.text.startswith(",@", self.offset) else ","
            self._open(len(mark), prefix=_ABBREVIATIONS[mark])
        elif char == '"':
            self._read_string()
        elif char == "#":
            self._read_hash()
        else:
            self._read_word()

    def _open(self, width: int, *, closer: str = "", prefix: str | None = None, vector: bool = False) -> None:
        self.levels.append(_Level(start=self.offset, closer=closer, prefix=prefix, is_vector=vector))
        self.offset += width

    def _close(self, char: str) -> None:
        at = self.offset
        self.offset += 1
        level = self.levels[-1]
        if level.prefix is not None:
            self._complain(level.start, 1, "nothing follows this prefix")
            self.levels.pop()
            level = self.levels[-1]
        if len(self.levels) == 1:
            self._complain(at, 1, f"this {char!r} closes nothing")
            return
        if char != level.closer:
            where = self.source.location(level.start)
            self._complain(
                at, 1, f"{char!r} closes the list of line {where.line}, which wants {level.closer!r}"
            )
        if level.dotted == 1:
            self._complain(at, 1, "nothing follows the dot")
        self.levels.pop()
        self._add(
            ListForm(
                source=self.source,
                start=level.start,
                end=self.offset,
                items=tuple(level.items),
                tail=level.tail,
                is_vector=level.is_vector,
            )
        )

    def _atom(self, start: int, value: object) -> None:
        self._add(AtomForm(source=self.source, start=start, end=self.offset, value=value))

    def _add(self, form: Form) -> None:
        """Put a form into the innermost list, closing the prefixes that it completes."""
        while (prefix := self.levels[-1].prefix) is not None:
            level = self.levels.pop()
            if prefix == "":
                return
            mark = AtomForm(source=self.source, start=level.start, end=level.start + 1, value=Symbol(prefix))
            form = ListForm(source=self.source, start=level.start, end=form.end, items=(mark, form))
        level = self.levels[-1]
        if level.dotted == 0:
            level.items.append(form)
        elif level.dotted == 1:
            level.tail, level.dotted = form, 2
        else:
            self._complain(form.start, form.end - form.start, "only one form may follow a dot")

    def _read_string(self) -> None:
        start = self.offset
        match = _STRING.match(self.text, start)
        if match is None:
            self._complain(start, 1, "this string is never closed", "add '\"'")
            self._swallow()
            return
        self.offset = match.end()
        self._atom(start, unescape(match[0][1:-1]))

    def _read_word(self) -> None:
        start = self.offset
        match = _WORD.match(self.text, start)
        if match is None:
            self._complain(start, 1, f"{self.text[start]!r} cannot stand here")
            self.offset += 1
            return
        self.offset = match.end()
        word = match[0]
        if word == ".":
            self._read_dot(start)
        else:
            self._atom(start, word_value(word))

    def _read_dot(self, at: int) -> None:
        level = self.levels[-1]
        if not level.closer or not level.items or level.dotted or level.is_vector:
            self._complain(at, 1, "a dot cannot stand here")
        else:
            level.dotted = 1

    def _read_hash(self) -> None:
        start, text = self.offset, self.text
        follow = text[start + 1 : start + 2]
        if follow == ";":
            self._open(2, prefix="")
        elif follow == "(":
            self._open(2, closer=")", vector=True)
        elif follow == "/":
            match = _SLASH_REGEX.match(text, start)
            self._read_regexp(start, match and match[1], match.end() if match else 0)
        elif follow == "r" and text[start + 2 : start + 3] not in ("", " ", "\t", "\n"):
            self._read_delimited_regexp(start)
        elif follow == "\\":
            self._read_char(start)
        elif follow == "'":
            self._complain(start, 2, "syntax objects are not supported")
            self.offset += 2
        else:
            self._read_hash_word(start)

    def _read_delimited_regexp(self, start: int) -> None:
        closer = _PAIRED.get(self.text[start + 2], self.text[start + 2])
        at = start + 3
        while at < len(self.text) and self.text[at] != closer:
            at += 2 if self.text[at] == "\\" else 1
        self._read_regexp(start, self.text[start + 3 : at] if at < len(self.text) else None, at + 1)

    def _read_regexp(self, start: int, pattern: str | None, end: int) -> None:
        if pattern is None:
            self._complain(start, 2, UNCLOSED_REGEXP, "add its closing delimiter")
            self._swallow()
            return
        flags = _REGEX_FLAGS.match(self.text, end)
        letters = flags[0] if flags else ""
        self.offset = end + len(letters)
        if word := _WORD.match(self.text, self.offset):
            self._complain(
                self.offset, len(word[0]), f"unknown flag {word[0]!r} of a regular expression", _FLAG_HINT
            )
            self.offset = word.end()
        regexp = Regexp(
            source=pattern, ignore_case="i" in letters, extended="x" in letters, utf8="u" in letters
        )
        self._atom(start, regexp)

    def _read_char(self, start: int) -> None:
        match = _WORD.match(self.text, start + 3)
        rest = match[0] if match and self.text[start + 2 : start + 3].isalnum() else ""
        name = self.text[start + 2 : start + 3] + rest
        self.offset = start + 2 + len(name)
        if (char := char_named(name)) is not None:
            self._atom(start, Char(char))
        else:
            self._complain(start, 2 + len(name), f"unknown character name {name!r}")

    def _read_hash_word(self, start: int) -> None:
        match = _WORD.match(self.text, start)
        word = match[0] if match else "#"
        self.offset = start + len(word)
        value = hash_word_value(word)
        if value is not None:
            self._atom(start, value)
        else:
            self._complain(start, len(word), f"{word!r} cannot be read")
