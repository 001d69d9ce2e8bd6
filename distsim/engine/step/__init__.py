"""One step of all neurons of one rank: deliver, stimulate, update; spikes are exchanged once per min-delay interval."""
