"""Measure the speed of distsim on this machine: the benchmark, hardware limits, and the model of strong scaling.

May import every room but the command line.
"""
