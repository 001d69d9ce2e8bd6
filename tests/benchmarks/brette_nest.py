"""A network of brette_networks.py in NEST, for brette.py."""

from __future__ import annotations

import sys
from pathlib import Path

import brette_networks as shared
import nest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "distsim" / "performance" / "bench" / "peer_scripts"))
import nest_kernel  # a script beside the package, which NEST's Python need not have
from harness import parser


def main() -> None:
    options = parser(__doc__)
    options.add_argument("network", choices=tuple(shared.NETWORKS))
    args = options.parse_args()
    network = shared.NETWORKS[args.network]
    rate, weight, end = network["input"]
    begun = nest_kernel.start(args, 0.1)
    V_m = nest.random.uniform(-60.0, -50.0)
    neurons = nest.Create(network["model"], shared.N_E + shared.N_I, {**network["neuron"], "V_m": V_m})
    parts = neurons[: shared.N_E], neurons[shared.N_E :]
    rule = {"rule": "pairwise_bernoulli", "p": shared.P}
    for source, J in zip(parts, network["weights"], strict=True):
        nest.Connect(source, neurons, rule, {"weight": J, "delay": shared.DELAY})
    generator = nest.Create("poisson_generator", params={"rate": rate, **({} if end is None else {"stop": end})})
    nest.Connect(generator, neurons, syn_spec={"weight": weight, "delay": shared.DELAY})
    nest_kernel.run(args, begun, len(neurons), ("static_synapse",), {})


if __name__ == "__main__":
    main()
