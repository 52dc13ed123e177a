"""The reader: logical lines to sections of entries, helpers and includes carried out on the way.

One pass from top to bottom, without recursion: includes are frames on a list.  Nothing in a file stops
it; what is odd becomes a finding.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from megatest.config.entry import Document, Entry, How, Origin, Pending
from megatest.config.expand import expand, first_echoed_line, shell_special
from megatest.config.inclusion import included_file, script_output
from megatest.config.line import BLANKS, Kind, classify
from megatest.config.request import Commands, Request
from megatest.config.sections import SectionBuilder
from megatest.config.source import Line, Source, Unreadable
from megatest.config.surroundings import Surroundings
from megatest.model.error import Severity
from megatest.model.ids import Target

MOST_SOURCES: Final = 100_000
"""Files and scripts of one reading; includes that double at each level end here."""
MOST_SCRIPTS: Final = 1_000
"""Scripts inside each other."""

_CONTINUATION: Final = Kind.CONTINUATION
_LITERAL: Final = How.LITERAL


def read(path: str, request: Request) -> Document:
    """Read a file and all that it includes.

    Raises:
        FileNotFoundError: there is no such file.  Whatever else is wrong is among the findings.

    Cost: about 2 microseconds a line when it is parsed already, and the user's own commands.
    """
    return open_reading(path, request).document()


def open_reading(path: str, request: Request, source: Source | None = None) -> Reading:
    """Read as `read` does, but leave the reading open, so that values that were put off can be made.

    Args:
        path: the file.
        request: under which rules.
        source: what the request's cache has of the file, if the caller has just asked for it.

    Raises:
        FileNotFoundError: there is no such file.
    """
    reading = Reading(request)
    reading.read(path, source)
    return reading


class _Frame:
    """One file or script's output that is being read."""

    __slots__ = ("origin", "rest", "section", "source")

    def __init__(self, source: Source, origin: Origin, section: str) -> None:
        self.source = source
        self.origin = origin
        self.section = section  # where whoever included it goes on
        self.rest: Iterator[Line] = iter(source.lines)


class Reading:
    """A reading in progress or done."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._around = Surroundings(request)
        self._builder = SectionBuilder(self._around)
        self._frames: list[_Frame] = []
        self._active: set[object] = set()  # files that must not be read inside themselves
        self._files: list[str] = []
        self._echoes = False
        self._trim = False
        self._volatile = False  # a command had a part in the line at hand
        if request.restricted and request.target_section:
            self._builder.sections[request.target_section] = {}

    def document(self) -> Document:
        """Return what was read, as it is now."""
        around = self._around
        return Document(
            sections=around.sections,
            headers=tuple(self._builder.headers),
            findings=tuple(around.findings),
            exported=around.exported(),
            asked=around.asked,
            opaque=around.opaque,
            missing=frozenset(around.missing),
            files=tuple(self._files),
        )

    def entry(self, section: str, key: str) -> Entry | None:
        """Return an entry as it is now; None if there is none."""
        return self._around.sections.get(section, {}).get(key)

    def settle(self, section: str) -> None:
        """Make the values of a section that were put off."""
        table = self._around.sections.get(section)
        for key in [key for key, entry in table.items() if entry.pending is not None] if table else ():
            self._around.settle(section, key)

    def read(self, path: str, source: Source | None = None) -> None:
        """Read a file to its end; see `open_reading`.

        Raises:
            FileNotFoundError: there is no such file.
        """
        self._around.origin = origin = Origin(file=path)
        try:
            source = source or self._request.cache.read(path)
        except Unreadable as problem:
            self._around.report(Severity.ERROR, f"{path} cannot be read: {problem}")
            return
        self._enter(source, origin)
        while self._frames:
            frame = self._frames[-1]
            self._go_on(frame)
            if self._frames[-1] is frame:
                self._end(frame)

    def _enter(self, source: Source, origin: Origin) -> None:
        self._frames.append(_Frame(source, origin, self._around.section))
        self._active.add(source.identity)
        self._files.append(source.name)
        self._around.origin = origin

    def _go_on(self, frame: _Frame) -> None:
        """Take lines until the frame's end, or until another frame is on top of it."""
        around = self._around
        builder = self._builder
        handlers = self._HANDLERS
        frames = self._frames
        for line in frame.rest:
            around.line = line
            if builder.continued and (line.dynamic or line.kind is not _CONTINUATION):
                builder.close()
            if line.dynamic or self._trim:
                line = self._evaluated(line)
            handlers[line.kind](self, line)
            if frames[-1] is not frame:
                return

    def _end(self, frame: _Frame) -> None:
        """Leave a frame: its wildcard section acts, sections that are not wanted go."""
        builder = self._builder
        builder.close()
        if frame.source.torn:
            self._around.warn("the last line ends in a backslash, and no line follows", 0, 1)
        builder.apply_wildcard()
        if self._request.restricted:
            builder.drop_foreign()
        self._frames.pop()
        self._active.discard(frame.source.identity)
        if self._frames:
            self._around.origin = self._frames[-1].origin
            builder.resume(frame.section)
            self._echoes = self._is_echoed(frame.section)

    def _is_echoed(self, section: str) -> bool:
        return bool(self._request.echoed and re.search(self._request.echoed, section))

    def _evaluated(self, line: Line) -> Line:
        """Return the line as it reads after expansion and trimming."""
        text, volatile, unset = line.text, False, False
        if line.dynamic:
            text, volatile, unset = expand(text, self._around)
        if self._trim:
            text = text.rstrip(BLANKS)
        self._around.opaque |= volatile
        self._volatile = volatile
        if text == line.text:
            return line
        kind, first, second, offset = classify(text)
        if unset and kind is Kind.BARE and line.kind is Kind.ASSIGNMENT:
            # A variable that is not set makes an empty value; it does not make the key an exported one.
            kind, second = Kind.ASSIGNMENT, ""
        return Line(line.number, text, kind, first, second, offset, False)

    # what the kinds of lines do

    def _skip(self, line: Line) -> None:
        self._builder.end_value()

    def _set(self, line: Line) -> None:
        self._builder.end_value()
        if line.first == "trim-trailing-spaces":
            self._trim = line.second != "no"
        else:
            hint = "the only setting is trim-trailing-spaces"
            self._around.warn(f"unknown setting {line.first!r}", 0, len(line.text), hint)

    def _begin_section(self, line: Line) -> None:
        if self._around.section == "fields" and self._request.target is not None:
            self._export_target(self._request.target)
        self._builder.apply_wildcard()
        self._builder.begin(line.first)
        self._echoes = self._is_echoed(line.first)

    def _export_target(self, target: Target) -> None:
        """Export the target's values under the names of the fields read so far."""
        names = list(self._around.sections.get("fields", {}))
        values = [value for value in target.values if value]
        if len(values) != len(names):
            message = f"target {str(target)!r} does not have the fields {'/'.join(names)}"
            self._around.report(Severity.ERROR, message)
            return
        for name, value in zip(names, values, strict=True):
            self._around.export(name, value)

    def _assign(self, line: Line) -> None:
        if self._echoes:
            value = self._echo(line.second)
            self._around.export(line.first, value)
            self._builder.put(self._entry(line, value, How.ECHO), continues=True)
        else:
            self._builder.put(self._entry(line, line.second, None), continues=True)

    def _echo(self, value: str) -> str:
        around = self._around
        # The shell would take the second line of a value for a command.
        value = value.replace("\n", " ")
        printed = first_echoed_line(value, around.env, around.cwd)
        if printed is None:
            around.warn("echo prints no line for this value, so it is empty", 0, len(around.line.text))
        if shell_special(value):
            around.opaque = True
        return printed or ""

    def _assign_blank(self, line: Line) -> None:
        around = self._around
        if line.first.startswith("[") and line is around.line:
            # A key to the language, a header without its bracket to everybody else.
            around.warn("this is a key, not a section", 0, len(line.first), "a section header ends in ']'")
        around.export(line.first, line.second)
        self._builder.put(self._entry(line, line.second, None), continues=True)

    def _entry(self, line: Line, value: str, how: How | None, pending: Pending | None = None) -> Entry:
        """Return the entry that a line makes; without `how` its text does."""
        raw = self._around.line
        origin = self._around.origin
        offset = line.offset
        volatile = origin.scripts > 0 or how is How.SYSTEM
        if line is not raw:
            how = how or (How.EXPANDED if raw.dynamic else _LITERAL)
            volatile = volatile or self._volatile
            if raw.text[:offset] != line.text[:offset]:
                offset = 0  # the key was expanded too: where the value began nobody can tell
        return Entry(line.first, value, raw, origin, offset, how or _LITERAL, volatile, (), "", pending)

    def _assign_output(self, line: Line) -> None:
        """``KEY [system CMD]``: run it, put it off, or drop the line."""
        self._builder.end_value()
        around = self._around
        if not around.may_run_commands():
            return
        around.opaque = True
        command = Pending(line.second, around.section_environment())
        if self._request.commands is Commands.DEFER:
            entry = self._entry(line, "", How.SYSTEM, command)
        else:
            entry = self._entry(line, around.run_command(command, line.offset), How.SYSTEM)
        self._builder.put(entry, continues=False)

    def _continue(self, line: Line) -> None:
        self._builder.add_line(line, volatile=self._volatile)

    # includes

    def _include(self, line: Line) -> None:
        """``[include FILE]``: go on in that file, if there is one."""
        self._builder.end_value()
        around = self._around
        source = included_file(line, self._frames[-1].source.directory, around)
        if source is None:
            around.missing.add(around.section)
        elif source.identity in self._active:
            around.fail(f"{source.name!r} includes itself", line.offset, len(line.first))
        elif self._may_enter():
            self._enter(source, self._origin(source.name, scripts=around.origin.scripts))

    def _run_script(self, line: Line) -> None:
        """``[scriptinc SCRIPT ARGS]``: go on in what the script prints."""
        self._builder.end_value()
        if self._request.commands is not Commands.FORBID and self._may_enter():
            source = script_output(line, self._around)
            if source is not None:
                self._enter(source, self._origin(source.name, scripts=self._around.origin.scripts + 1))

    def _may_enter(self) -> bool:
        """Tell whether one more source may be read; includes that multiply without end are an error."""
        if len(self._files) < MOST_SOURCES and self._around.origin.scripts < MOST_SCRIPTS:
            return True
        self._around.fail("includes without end", 0, len(self._around.line.text))
        return False

    def _origin(self, name: str, *, scripts: int) -> Origin:
        """Return the origin of what the line at hand includes."""
        around = self._around
        place = around.line.place(around.origin.file, 0)
        return Origin(file=name, parent=around.origin, place=place, scripts=scripts)

    # By number of Kind.  Of the class: methods bound to the reading would keep it, and all that it read,
    # until the collector of cycles comes by.
    _HANDLERS = (
        _skip,
        _skip,
        _set,
        _include,
        _run_script,
        _begin_section,
        _assign_output,
        _assign_blank,
        _assign,
        _continue,
    )
