"""The engine: a description dealt to ranks, connected, and advanced in time."""
