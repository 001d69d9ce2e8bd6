"""From projections to synapses: drawing, sorting and storing the synapses onto the neurons of one rank."""
