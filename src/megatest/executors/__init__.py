"""Executors: where jobs run (this machine, any launcher line, ssh hosts, batch systems).

Each satisfies `megatest.engine.ports.Executor` by shape.  None knows what a test is or judges
a result: they start job scripts, tell what became of them, and end them.
"""
