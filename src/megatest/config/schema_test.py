"""What a `testconfig` may say."""

from __future__ import annotations

from typing import Final

from megatest.config.kind import Kind
from megatest.config.schema import FileSchema, Section, Setting

_REQUIREMENTS: Final = Section(
    name="requirements",
    doc="what a test waits for and what it needs",
    settings=(
        Setting(key="waiton", kind=Kind.WORDS, doc="names of the tests that must have ended well before"),
        Setting(
            key="mode",
            kind=Kind.WORDS,
            default="normal",
            doc="`normal`, `toplevel` (it is enough that they ended), `itemmatch` or `itemwait` "
            "(wait for the same "
            "item only), `exclusive` (not while the same test or item runs anywhere)",
        ),
        Setting(
            key="itemmap",
            kind=Kind.TEXT,
            doc="lines REGEX REPLACEMENT that turn an item's path into the path waited for, for "
            "every prerequisite",
        ),
        Setting(
            key="priority",
            kind=Kind.NUMBER,
            default="0",
            doc="higher goes first among the tests that could run",
        ),
        Setting(key="runtimelim", kind=Kind.TIME, doc="the test is killed when it runs longer"),
        Setting(
            key="retries", kind=Kind.INTEGER, default="0", doc="how often a test that failed is started again"
        ),
        Setting(
            key="retry-on",
            kind=Kind.WORDS,
            doc="after which failures it is started again: statuses, exit codes as numbers, "
            "`signature:TEXT`, `log:TEXT` (`%` is any text); without it, any failure",
        ),
        Setting(key="cpus", kind=Kind.COUNT, doc="processors that it uses"),
        Setting(key="memory", kind=Kind.SIZE, doc="memory that it uses"),
        Setting(key="gpus", kind=Kind.INTEGER, doc="accelerators that it uses"),
        Setting(key="walltime", kind=Kind.SECONDS, doc="run time that it asks a batch system for"),
        Setting(key="diskspace", kind=Kind.SIZE, doc="disk space that it uses"),
        Setting(
            key="licenses",
            kind=Kind.TEXT,
            doc="licences: names, each with a number behind a colon if more than one",
        ),
        Setting(
            key="queue", kind=Kind.TEXT, doc="queue or partition of the batch system", aliases=("partition",)
        ),
        Setting(key="account", kind=Kind.TEXT, doc="account of the batch system"),
        Setting(key="constraint", kind=Kind.TEXT, doc="features that the machine must have"),
        Setting(key="options", kind=Kind.TEXT, doc="more options of the batch system's command"),
        Setting(key="waitor", kind=Kind.WORDS, doc="accepted; nothing waits for it", ignored=True),
    ),
    entry="POOL N",
    entry_doc="how many of a pool of `[pools]` it takes",
)

TEST: Final = FileSchema(
    name="testconfig",
    doc="one test: what runs, for which items, after what",
    sections=(
        Section(
            name="setup",
            doc="what runs",
            settings=(
                Setting(
                    key="runscript",
                    kind=Kind.COMMAND,
                    doc="script to run: with a `/` as it stands, else from the test's directory, "
                    "else from PATH",
                ),
                Setting(
                    key="submegatest", kind=Kind.TEXT, doc="accepted for files of the original", ignored=True
                ),
            ),
        ),
        Section(
            name="ezsteps",
            doc="steps, run in order after the runscript until one fails",
            entry="STEP COMMAND",
            entry_doc="a shell command, which may follow a block `{name=value;...}`; with `{subrun=true}` it "
            "does not see the test's `MT_...` variables",
        ),
        Section(
            name="logpro",
            doc="log rules of steps",
            entry="STEP RULES",
            entry_doc="the rules, on indented lines",
        ),
        _REQUIREMENTS,
        Section(
            name="itemmap",
            doc="item maps for one prerequisite",
            entry="TEST LINES",
            entry_doc="a test pattern and lines REGEX REPLACEMENT",
        ),
        Section(
            name="items",
            doc="the test runs for every combination of these values",
            entry="NAME VALUES",
            entry_doc="a variable and its values",
        ),
        Section(
            name="itemstable",
            doc="the test runs for every row of this table",
            entry="NAME VALUES",
            entry_doc="a variable and its column; short columns are filled up with `-`",
        ),
        Section(
            name="skip",
            doc="when not to run; the first of these that is there counts",
            settings=(
                Setting(
                    key="prevrunning", kind=Kind.TEXT, doc="skip while the same test or item runs in any run"
                ),
                Setting(
                    key="fileexists",
                    kind=Kind.PATH,
                    doc="skip if this file exists, seen from the test's directory",
                ),
                Setting(
                    key="rundelay", kind=Kind.TIME, doc="skip if it started less than this ago, in any run"
                ),
            ),
        ),
        Section(
            name="disks",
            doc="used in place of the area's disks",
            entry="NAME PATH",
            entry_doc="an existing directory; `~` is expanded, a relative path is relative to the area",
        ),
        Section(
            name="pre-launch-env-vars",
            doc="variables of the test; values pass through the shell's echo",
            entry="NAME VALUE",
            entry_doc="a variable",
        ),
        Section(
            name="pre-launch-env-overrides",
            doc="variables of the launcher, and without one of the test itself, where all else wins",
            entry="NAME VALUE",
            entry_doc="a variable",
        ),
        Section(
            name="triggers",
            doc="commands that run when the test reaches a state or status",
            entry="STATE/STATUS COMMAND",
            entry_doc="`STATE/STATUS`, `STATE/` or `/STATUS`",
        ),
        Section(
            name="waivers",
            doc="what is compared before an earlier waiver counts for a new failure",
            entry="NAME LINES",
            entry_doc="lines RULE GLOB",
        ),
        Section(
            name="waiver_rules",
            doc="how to compare",
            entry="RULE COMMAND",
            entry_doc="a command with %file1% and %file2%; both must be alike for exit status 0",
        ),
        Section(
            name="test_meta",
            doc="what people should know",
            settings=(
                Setting(key="author", kind=Kind.TEXT, doc="who wrote it"),
                Setting(key="owner", kind=Kind.TEXT, doc="who answers for it"),
                Setting(key="description", kind=Kind.TEXT, doc="what it is about"),
                Setting(key="reviewed", kind=Kind.TEXT, doc="when, and by whom"),
                Setting(key="tags", kind=Kind.TEXT, doc="words with commas between them, for `-tagexpr`"),
                Setting(
                    key="jobgroup", kind=Kind.TEXT, default="default", doc="its group, see `[jobgroups]`"
                ),
            ),
        ),
        Section(
            name="subrun",
            doc="a run of another area as the last step",
            settings=tuple(
                Setting(key=key, kind=Kind.TEXT, doc=doc, aliases=aliases)
                for key, doc, aliases in (
                    ("run-wait", "accepted; the step always waits for it", ("runwait",)),
                    ("run-area", "the other area; without it, this one", ()),
                    ("target", "its target; without it, this run's", ()),
                    ("run-name", "its name; without it, this run's", ("runname",)),
                    ("test-patt", "its tests; without it, all", ("testpatt",)),
                    ("mode-patt", "the run variable that names its tests", ()),
                    ("tag-expr", "its tests, by tags", ()),
                    ("contour", "accepted, without effect", ()),
                    ("logpro", "log rules for its output", ()),
                    ("passfail", "accepted; the step fails if a test of it does", ()),
                )
            ),
        ),
        Section(
            name="default",
            doc="values before the first section",
            entry="KEY VALUE",
            entry_doc="data for `#{get default ...}`",
        ),
    ),
)
