"""A network of your own as a command, with all that the built-in ones have:

    python -m distsim run examples/my_network.py --help
    mpirun -n 4 python -m distsim run examples/my_network.py --g 4.5 --t-sim 2000 --checkpoint-every 500ms

Two populations of leaky integrate-and-fire neurons with exponential synapses; both get Poisson input.
"""

from dataclasses import dataclass

from distsim import Network, NetworkModel, NetworkParameters, Normal, Option, Variant, fixed_indegree, parameter


class TwoPopulations(NetworkModel):
    """Random balanced network of excitatory and inhibitory neurons.

    Each neuron has K synapses from excitatory and K / 4 from inhibitory neurons, and Poisson input of its own.
    """

    @dataclass(frozen=True)
    class Parameters(NetworkParameters):
        N: int = parameter(4000, "", "excitatory neurons; a quarter as many are inhibitory", minimum=4)
        K: int = parameter(200, "", "excitatory synapses of a neuron", minimum=4)
        J: float = parameter(20.0, "pA", "excitatory weight", minimum=0.0)
        g: float = parameter(5.0, "", "inhibitory weight relative to the excitatory one", minimum=0.0)
        rate: float = parameter(9000.0, "spikes/s", "Poisson input of a neuron", minimum=0.0)
        delay: float = parameter(1.5, "ms", "synaptic delay", above=0.0)

    populations = ("E", "I")
    colors = {"E": "#595289", "I": "#af143c"}
    options = (Option("g"), Option("rate"))
    variants = {
        "balanced": Variant({"g": 5.0}, text="g=5"),
        "excited": Variant({"g": 3.5, "rate": 9500.0}, text="g=3.5, more input"),
    }
    t_presim, t_sim = 100.0, 1000.0  # ms

    def describe(self, parameters, dt, t_presim):
        p, net = parameters, Network(dt)
        V_m = Normal(-65.0, 3.0)
        exc = net.create("E", p.N, "iaf_psc_exp", V_m=V_m)
        inh = net.create("I", p.N // 4, "iaf_psc_exp", V_m=V_m)
        for target in (exc, inh):
            net.connect(exc, target, fixed_indegree(p.K), p.J, p.delay)
            net.connect(inh, target, fixed_indegree(p.K // 4), -p.g * p.J, p.delay)
            net.poisson_input(target, p.rate, p.J, p.delay)
        net.record_spikes(exc, inh)
        return net
