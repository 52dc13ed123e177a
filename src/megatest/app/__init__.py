"""One public function per thing that a user can do, and the wiring that picks the adapters.

The command lines and dashboards call these functions; nothing here prints, reads the
terminal or knows which grammar was used.
"""
