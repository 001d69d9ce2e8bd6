"""Recordings as users read them: `Result`, loading a folder, conversion to pandas and Neo, the folder of a run.

May import `analysis`, `recording`, `description` and the rooms below them.
"""
