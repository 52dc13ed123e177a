"""The engine: the loop that runs a plan, its ports, deadlines, interruption, recovery.

It decides nothing about files, processes or databases itself: executors, work area and
store reach it through the Protocols of `ports`.
"""
