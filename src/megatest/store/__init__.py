"""The records on disk: SQLite behind the engine's port `Store`, and what commands read and edit.

SQL, migrations, and the one place where rows become records live here.  What a state means,
which tests match a pattern and who may edit what is decided elsewhere and never here.
"""
