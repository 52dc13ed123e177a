"""The configuration language: text to sections, sections to `Area`, `RunConfig`, `TestSpec`.

Reads files and runs the user's own commands where the language says so; it starts no test,
knows no database, and never looks at or changes the environment of this process.
"""
