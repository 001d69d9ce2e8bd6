"""The process itself: interrupts, exits of one rank, output that nobody reads. May import `parallel`."""
