"""The networks that people run: each a file with its parameters and the `Network` they describe."""
