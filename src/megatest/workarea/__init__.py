"""Run directories on disk: where they go, what is in them, the job script, the journal, removal.

Code that touches the file system on behalf of one attempt of one test lives here.  What to
run, when, and what a result means does not; nothing here knows the engine or the store.
"""
