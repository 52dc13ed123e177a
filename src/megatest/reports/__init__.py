"""View models and their renderings: what every screen, command and page shows of the records.

Pure functions from records to rows and from rows to text, JSON or HTML; no terminal, no
database, no clock of their own.
"""
