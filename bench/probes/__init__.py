"""Programs that measure one thing inside a process of their own and print it as JSON.

They use megatest as a library; each runs as `python -m bench.probes.NAME`, so that its memory
is its own and the process that compares stays small.
"""
