"""One run in a folder of its own: from its request, through checkpoints and signals, to the report at its end.

May import `simulation` and the rooms below it.
"""
