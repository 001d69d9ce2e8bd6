"""Networks as plain data: populations, projections, inputs and recorders, checked when they are described.

No MPI, no Numba, no files. May import `neurons` and `files`.
"""
