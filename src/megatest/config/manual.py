"""The settings page of the manual, made from the schema."""

from __future__ import annotations

from megatest.config.schema import FileSchema, Section, Setting
from megatest.config.schema_area import AREA, RUNCONFIGS
from megatest.config.schema_test import TEST
from megatest.config.schema_waivers import WAIVERS

FILES = (AREA, RUNCONFIGS, TEST, WAIVERS)

_HEAD = """# Settings

Every section and key that Megatest knows, file by file. The language of these files is on the page
[The configuration language](config-language.md). Sections of your own are welcome in every
file: they are data for `#{get SECTION KEY}`. `megatest check` points at names that are probably slips.

This page is made from the program's own tables (`megatest.config.manual`); do not edit it.
"""


def settings_page() -> str:
    """Return the page as Markdown."""
    return "\n".join([_HEAD, *(_file(schema) for schema in FILES)])


def _file(schema: FileSchema) -> str:
    parts = [f"## {schema.name}\n\n{_sentence(schema.doc)}\n"]
    parts += [_section(section) for section in schema.sections.values() if not section.ignored]
    ignored = [
        f"`[{section.name}]` ({section.doc.split(';')[0]})"
        for section in schema.sections.values()
        if section.ignored
    ]
    if ignored:
        parts.append(f"### Accepted without effect\n\nSections of the original: {', '.join(ignored)}.\n")
    return "\n".join(parts)


def _section(section: Section) -> str:
    lines = [f"### [{section.name}]\n", _sentence(section.doc), ""]
    known = [setting for setting in section.settings if not setting.ignored]
    if known or section.entry:
        lines += ["| key | value | without it | what it does |", "|---|---|---|---|"]
        lines += [_row(setting) for setting in known]
        if section.entry:
            key, _, rest = section.entry.partition(" ")
            lines.append(f"| *{key}* | *{rest}* | | {_sentence(section.entry_doc)} |")
        lines.append("")
    ignored = [f"`{setting.key}`" for setting in section.settings if setting.ignored]
    if ignored:
        lines += [f"Accepted without effect: {', '.join(ignored)}.", ""]
    return "\n".join(lines)


def _row(setting: Setting) -> str:
    names = ", ".join(f"`{name}`" for name in (setting.key, *setting.aliases))
    default = f"`{setting.default}`" if setting.default else ""
    return f"| {names} | {setting.kind} | {default} | {_sentence(setting.doc)} |"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."
