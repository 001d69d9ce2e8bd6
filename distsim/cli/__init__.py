"""The command line. The only room that knows argparse: it turns options into runs and their outcome into exit codes.

May import every other room.
"""
