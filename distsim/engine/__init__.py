"""The engine: a description distributed over the ranks, connected, and advanced in time.

`compiled` compiles and caches kernels, `random` draws random numbers, `step` advances the neurons of one rank,
`connectivity` turns projections into synapse tables. Each may import those named before it. Start reading in
`rank_engine.py`, which owns the arrays of a rank; `step/loop.py` advances them.
"""
