"""Statistics and figures of a run, from its files alone."""
