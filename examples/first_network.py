"""A first network: 1000 excitatory and 250 inhibitory neurons that keep each other in balance.

python examples/first_network.py                on one rank
mpirun -n 4 python examples/first_network.py    on four, with the same spikes
"""

from distsim import Network, Normal, Simulation, fixed_total_number

net = Network(dt=0.1)  # ms
neuron = {"tau_m": 20.0, "C_m": 250.0, "V_th": -50.0, "E_L": -65.0, "V_reset": -65.0}
neuron |= {"tau_syn_ex": 0.5, "tau_syn_in": 0.5, "V_m": Normal(-58.0, 5.0)}
exc = net.create("E", 1000, "iaf_psc_exp", **neuron)
inh = net.create("I", 250, "iaf_psc_exp", **neuron)

J, g = 90.0, 8.0  # pA, relative strength of inhibition
excitation, inhibition = Normal(J, 0.1 * J, minimum=0.0), Normal(-g * J, 0.1 * g * J, maximum=0.0)
for target in (exc, inh):
    net.connect(exc, target, fixed_total_number(100 * len(target)), excitation, delay=Normal(1.5, 0.5, minimum=0.5))
    net.connect(inh, target, fixed_total_number(25 * len(target)), inhibition, delay=0.8)
    net.poisson_input(target, rate=4500.0, weight=J, delay=1.5)
net.record_spikes(exc, inh)
net.record_voltages(exc[:2])

sim = Simulation(net, seed=1)
sim.run(100.0, record=False)  # ms, to let the transient pass
sim.run(400.0)

times, ids = sim.spikes(exc)  # ms; neuron of each spike, the same on every rank
t, V = sim.voltages(exc[:2])  # ms; mV, one column a neuron

if sim.comm.rank == 0:
    print(f"E fires at {len(times) / len(exc) / 0.4:.2f} spikes/s on {sim.comm.size} rank(s)")
    print(f"V_m of the first two neurons: {V.mean(axis=0).round(2)} mV on average, {len(t)} samples")
    print(f"spikes_sha256 {sim.spikes_sha256()}")
