"""One run in a folder of its own: from what was asked for, through checkpoints and signals, to the report at its end.

May import `simulation` and the rooms below it.
"""
