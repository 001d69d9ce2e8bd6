"""`Simulation`, the public object: a network built on all ranks, advanced in time, changed, read and saved.

May import `engine` and the rooms below it.
"""
