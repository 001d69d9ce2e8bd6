"""Files and folders: paths as users give them, safe reading, and checks of what was read.

Imports nothing of distsim.
"""
