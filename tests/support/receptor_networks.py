"""A network of models with receptors, random numbers, relays and drawn parameters, for tests on several ranks."""

from __future__ import annotations

from distsim import Network, Normal, Uniform, fixed_indegree, one_to_one, pairwise_bernoulli

RECORDED = {"M": ("I_syn_2", "I_syn"), "A": ("I_syn_3",), "G": ("E_sfa", "I_stc"), "D": ("I_syn_ex",)}


def mixed(n: int = 41) -> Network:
    """Return populations M, A (multisynapse), G (gif), P (parrots), D (drawn parameters) that drive each other."""
    net = Network(0.1)
    taus = [1.0, Uniform(3.0, 5.0), 12.0]
    M = net.create("M", n, "iaf_psc_exp_multisynapse", tau_syn=taus, I_e=Normal(380.0, 20.0), V_m=Normal(-62.0, 3.0))
    A = net.create("A", n, "iaf_psc_alpha_multisynapse", tau_syn=taus, I_e=370.0, V_m=Normal(-62.0, 3.0))
    lists = {"tau_sfa": [50.0, 9.0], "q_sfa": [2.0, Uniform(0.5, 1.5)], "tau_stc": [30.0], "q_stc": [10.0]}
    G = net.create("G", n, "gif_psc_exp", V_T_star=-52.0, lambda_0=50.0, Delta_V=2.0, I_e=70.0, **lists)
    P = net.create("P", 11, "parrot_neuron")
    drawn = {"tau_m": Uniform(8.0, 12.0), "E_L": Normal(-70.0, 1.0), "t_ref": Uniform(1.0, 3.0)}
    D = net.create("D", n, "iaf_psc_exp", I_e=420.0, tau_syn_ex=Uniform(1.0, 3.0), **drawn)
    everybody = (M, A, G, D)
    for k, source in enumerate(everybody):
        for target in everybody:
            receptor = 1 + k % 3 if target in (M, A) else None
            net.connect(source, target, fixed_indegree(3), 20.0 - 15.0 * k, Uniform(0.5, 2.5), receptor=receptor)
        net.connect(source[:11], P, one_to_one(), 1.0, 0.5)
        net.connect(P, source, pairwise_bernoulli(0.4), 10.0, 0.5, receptor=2 if source in (M, A) else None)
    net.poisson_input(P, 300.0, 1.0, 0.5)
    net.poisson_input(M, 500.0, 10.0, 0.5, receptor=3)
    net.poisson_input(A[: n // 2], 500.0, -10.0, 0.5, receptor=1)
    net.record_spikes()
    for name, quantities in RECORDED.items():
        for what in quantities:
            net.record(what, net[name][::3], 0.7, name=f"{name}-{what}")
    return net
