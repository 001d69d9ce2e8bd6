"""SONATA circuits and simulations: configuration, nodes, edges, inputs and reports, read into a `Network`.

May import `recording`, `description`, `neurons` and `files`. What cannot be simulated is refused by name.
"""
