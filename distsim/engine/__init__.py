"""The engine: a description dealt to ranks, connected, and advanced in time.

`compiled` holds what Numba needs, `random` the random streams, `step` advances the neurons of one rank, `connectivity`
turns projections into synapse tables. Each may import those named before it. `rank_engine.py` is the place to begin: it
owns the arrays of a rank; `step/loop.py` advances them.
"""
