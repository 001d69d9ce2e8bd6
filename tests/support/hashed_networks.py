"""Small networks whose `spikes_sha256` must stay as it is: the four models, and every element of a description.

The hashes are in tests/reference/spikes_sha256.json. A network that is new here has none yet:

    python -m tests.support.hashed_networks

prints the file with the hashes that are missing, found on one rank, and leaves those that it holds as they are. They
are not to be made anew: where one of them differs, the simulator computes something else than before.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import distsim
from distsim import Lognormal, Network, Normal, Simulation, Uniform
from distsim.networks import BrunelAlpha, BrunelDelta, EIClustered, Microcircuit
from distsim.parallel import SerialCommunicator

ALONE = SerialCommunicator()
FILE = Path(__file__).parents[1] / "reference" / "spikes_sha256.json"


@dataclass(frozen=True)
class Case:
    """A network and how it is run.

    Attributes
    ----------
    duration : ms that are recorded, after `warm_up` ms that are not.
    fewest : spikes that there must be, so that the hash says something.
    change : what is changed, if anything, before as long a piece is recorded again.
    """

    describe: Callable[[], Network]
    seed: int
    duration: float
    fewest: int
    warm_up: float = 0.0
    change: Callable[[Simulation], None] | None = None


def run(case: Case, comm) -> tuple[str, int]:
    """Return the hash and the number of recorded spikes (collective)."""
    sim = Simulation(case.describe(), case.seed, comm)
    sim.run(case.warm_up, record=False)
    sim.run(case.duration)
    if case.change is not None:
        case.change(sim)
        sim.run(case.duration)
    return sim.spikes_sha256(), sim.result().all_spikes().times.size


def layout(name: str, comm) -> tuple[bool, bool, int, int]:
    """Return how a network's synapses are kept: whether in matrices, whether the index of the table is by source, the
    form of its weights, and in how many shards (collective)."""
    engine = Simulation(CASES[name].describe(), CASES[name].seed, comm).engine
    table = engine.synapses
    return engine.dense.sums.size > 0, table.delay_codes.size > 0, table.form, table.base.size


def check(name: str, comm) -> None:
    """Compare a network's hash with that in the file, and that it spikes (collective)."""
    found, n_spikes = run(CASES[name], comm)
    assert n_spikes >= CASES[name].fewest, f"{name}: {n_spikes} spikes"
    assert found == json.loads(FILE.read_text())[name], name


# --- the four models --------------------------------------------------------------------------------------------------

SEEDS = (1, 77, 2**63 + 5)
LARGE = 1100  # neurons: a matrix has more than 2^20 pairs


def of_model(model, seed: int, duration: float, fewest: int, warm_up: float = 0.0, dt: float = 0.1, **values) -> Case:
    return Case(lambda: model().describe(model.Parameters(**values), dt, warm_up), seed, duration, fewest, warm_up)


def microcircuits() -> dict[str, Case]:
    scale = {"N_scaling": 0.05, "K_scaling": 0.05}
    stimuli = {"thalamic_input": True, "th_start": 30.0, "th_duration": 10.0}
    stimuli |= {"dc_input": True, "dc_start": 45.0, "dc_dur": 20.0}
    dc = {"poisson_input": False, "V0_type": "original"}
    found = {f"Poisson, seed {seed}": of_model(Microcircuit, seed, 80.0, 300, **scale) for seed in SEEDS}
    found |= {f"DC, seed {seed}": of_model(Microcircuit, seed, 80.0, 500, **scale, **dc) for seed in SEEDS[:2]}
    found["stimuli"] = of_model(Microcircuit, 2, 60.0, 500, 20.0, **scale, **stimuli)
    alike = {"weight_rel_std": 0.0, "delay_rel_std": 0.0, "delay_th_rel_std": 0.0, "delay_inh_mean": 0.8}
    found["matrices"] = of_model(Microcircuit, 3, 60.0, 500, **scale, **stimuli, **alike)
    found["natural density"] = of_model(Microcircuit, 4, 60.0, 100, N_scaling=0.01)
    found["other step"] = of_model(Microcircuit, 5, 50.0, 200, 25.0, 0.05, N_scaling=0.02, K_scaling=0.1, g=-3.5)
    return found


def brunel_alphas() -> dict[str, Case]:
    small = {"order": 100, "epsilon": 0.2, "N_rec": 100}
    found = {f"seed {seed}": of_model(BrunelAlpha, seed, 60.0, 300, **small) for seed in SEEDS}
    found["matrices"] = of_model(BrunelAlpha, 2, 50.0, 300, order=LARGE // 4, N_rec=200)
    found["regular"] = of_model(BrunelAlpha, 3, 60.0, 500, g=3.0, eta=3.0, tau_syn=2.0, delay=2.5, V_reset=5.0, **small)
    return found


def brunel_deltas() -> dict[str, Case]:
    drive = {panel: variant.parameters for panel, variant in BrunelDelta.variants.items()}
    found = {
        f"panel {panel}, seed {seed}": of_model(
            BrunelDelta, seed, 100.0, 200, N_E=500, epsilon=0.2, J=0.2, **drive[panel]
        )
        for panel in drive
        for seed in SEEDS[:2]
    }
    found |= {f"matrices {panel}": of_model(BrunelDelta, 5, 60.0, 200, N_E=LARGE, **drive[panel]) for panel in "AC"}
    return found


def ei_clustereds() -> dict[str, Case]:
    small = {"N_E": 400, "N_I": 100, "n_clusters": 5, "rep": 3.0, "stim_amp": 0.3}
    small |= {"stim_starts": np.array([15.0, 35.0]), "stim_ends": np.array([25.0, 45.0])}
    found = {}
    for clustering in ("weight", "probabilities"):
        for fixed in (False, True):
            how = {"clustering": clustering, "fixed_indegree": fixed}
            of_seeds = {seed: of_model(EIClustered, seed, 70.0, 100, 15.0, **small, **how) for seed in SEEDS[:2]}
            kind = f"{clustering}{' by indegree' * fixed}"
            found |= {f"{kind}, seed {seed}": case for seed, case in of_seeds.items()}
    spread = {
        "delta_I_xE": 0.3,
        "delta_I_xI": 0.2,
        "V_m": "rest",
        "tau_syn_in": 3.0,
        "stim_clusters": np.array([0.0, 4.0]),
    }
    found["spread currents"] = of_model(EIClustered, 3, 50.0, 300, 15.0, **{**small, **spread})
    found["matrices"] = of_model(EIClustered, 4, 30.0, 100, 10.0, **{**small, "N_E": LARGE, "N_I": LARGE // 4})
    return found


# --- networks of one's own --------------------------------------------------------------------------------------------

MODELS = {
    "exp": ("iaf_psc_exp", {}),
    "exp, two receptors": ("iaf_psc_exp", {"tau_syn_ex": 1.3, "tau_syn_in": 4.1}),
    "alpha": ("iaf_psc_alpha", {"tau_syn_ex": 0.9, "tau_syn_in": 0.9}),
    "alpha, two receptors": ("iaf_psc_alpha", {"tau_syn_ex": 0.7, "tau_syn_in": 2.3}),
    "delta, discard": ("iaf_psc_delta", {"refractory_input": "discard"}),
    "delta, accumulate": ("iaf_psc_delta", {"refractory_input": "accumulate"}),
    "delta, before input": ("iaf_psc_delta", {"detection": "before_input"}),
}
N_E, N_I = 83, 21


def rules() -> dict:
    """Return each rule between E and E with what it allows."""
    k = np.arange(7 * N_E)
    return {
        "fixed_indegree": distsim.fixed_indegree(9),
        "fixed_indegree, distinct": distsim.fixed_indegree(9, allow_autapses=False, allow_multapses=False),
        "fixed_outdegree": distsim.fixed_outdegree(9),
        "fixed_outdegree, distinct": distsim.fixed_outdegree(9, allow_autapses=False, allow_multapses=False),
        "fixed_total_number": distsim.fixed_total_number(777),
        "fixed_total_number, distinct": distsim.fixed_total_number(777, allow_autapses=False, allow_multapses=False),
        "pairwise_bernoulli": distsim.pairwise_bernoulli(0.11),
        "pairwise_bernoulli, distinct": distsim.pairwise_bernoulli(0.11, allow_autapses=False),
        "all_to_all": distsim.all_to_all(),
        "all_to_all, distinct": distsim.all_to_all(allow_autapses=False),
        "one_to_one": distsim.one_to_one(),
        "explicit": distsim.explicit(k * k % N_E, 5 * k % N_E),
    }


def mixed(model: str, rule: str = "fixed_indegree", is_drawn: bool = True) -> Network:
    """Return neurons of a model with one projection by `rule`, and every stimulus and source that there is."""
    net, (neuron, given), is_delta = Network(0.1), MODELS[model], model.startswith("delta")
    unit = 0.31 if is_delta else 37.0  # mV or pA of a weight
    each = np.linspace(9.7, 12.3, N_E)
    E = net.create(
        "E", N_E, neuron, V_m=Normal(-63.0, 4.0, maximum=-56.0), I_e=Uniform(150.0, 390.0), tau_m=each, **given
    )
    I = net.create("I", N_I, neuron, V_m=-61.7, C_m=213.0, t_ref=1.3, **given)
    random, trains = net.poisson_source("random", 7, 413.0, 3.0, 61.0), net.spike_source("given", given_times())
    weight, delay = drawn(unit, 0.15) if is_drawn else (1.1 * unit, 1.7)
    net.connect(E, E, rules()[rule], weight, delay)
    net.connect(E[::2], I, distsim.fixed_indegree(11), *(drawn(unit, 0.2) if is_drawn else (unit, 0.8)))
    net.connect(
        I, "E[5:70:3]", distsim.fixed_indegree(4), *(drawn(-3.0 * unit, 0.2) if is_drawn else (-3.1 * unit, 1.2))
    )
    net.connect(random, E, distsim.pairwise_bernoulli(0.3), 1.9 * unit, 1.5)
    k = np.arange(60)
    net.connect(trains, E, distsim.explicit(k % 3, 4 * k % N_E), (k % 9 - 1.5) * unit, (1 + k % 40) / 10)
    rate = 9000.0 if is_delta else 11000.0
    net.poisson_input(E, rate, 0.9 * unit, 1.5)
    net.poisson_input(I, rate, 1.1 * unit, 0.3)
    net.poisson_input("E[::3]", 700.0, -2.1 * unit, 0.7, 10.0, 47.0)
    net.step_current("E[10:40]", [5.0, 20.0, 33.3], [77.7, -41.9, 12.3], 0.4)
    net.dc_current(I, 111.1, 12.0, 30.0)
    net.record_spikes(E, I, random, trains)
    return net


def given_times() -> list[list[float]]:
    return [[k / 2 + 0.5 for k in range(60)], [7.1, 7.1, 7.1, 23.4], [step / 10 for step in range(210, 260)]]


def drawn(weight: float, spread: float) -> tuple[Normal, Uniform]:
    """Return distributions of weights (of one sign) and delays."""
    bound = {"minimum": 0.0} if weight > 0 else {"maximum": 0.0}
    return Normal(weight, spread * abs(weight), **bound), Uniform(0.4, 3.1)


def change(sim: Simulation) -> None:
    """Change parameters, potentials, rates and weights."""
    inputs = sim.network.poisson_inputs
    sim.set("E[4:60:3]", V_m=Normal(-66.0, 2.0), I_e=Uniform(200.0, 450.0), V_th=-56.3)
    sim.set("E", C_m=231.0, t_ref=2.7)
    sim.set("I", I_e=np.linspace(10.0, 90.0, N_I), V_reset=-68.8)
    sim.set("random", rate=977.0)
    sim.set(inputs[1], rate=inputs[1].rate * 1.17, weight=inputs[1].weight * 0.93)


def weights_of_all_kinds() -> Network:
    """Return more than 65,536 weights, of which a table cannot hold the codes in 16 bits, and lognormal ones."""
    net, n = Network(0.1), 300
    E = net.create("E", n, I_e=Uniform(360.0, 420.0), V_m=Uniform(-70.0, -56.0))
    k = np.arange(70_000)
    net.connect(E, E, distsim.explicit(k % n, k * 7 // n % n), 0.001 * (k - 30_000) / 7, (1 + k % 5) / 10)
    net.connect(E, E, distsim.fixed_indegree(5), Lognormal(1.0, 0.7, maximum=20.0), Lognormal(0.3, 0.4, 0.2, 4.0))
    net.record_spikes(E)
    return net


def many_delays(inhibition: Normal | float) -> Network:
    """Return few synapses with many delays: on several ranks segments are so short that the index is by source."""
    net = Network(0.1)
    E = net.create("E", 4000, V_m=Uniform(-70.0, -56.0))
    net.poisson_input(E, 9000.0, 37.0, 1.5)
    net.connect(E, E, distsim.fixed_indegree(5), Normal(141.0, 14.0, minimum=0.0), Uniform(0.1, 12.0))
    net.connect(E[:1000], E, distsim.fixed_outdegree(5), inhibition, Normal(5.0, 2.0, 0.5, 12.0))
    net.record_spikes(E)
    return net


def shards() -> Network:
    """Return more neurons than a shard has places on one rank, with a matrix across their border."""
    net = Network(0.1)
    E = net.create("E", 67_000, V_m=Uniform(-70.0, -56.0), tau_syn_ex=1.7)
    net.poisson_input(E, 9000.0, 47.0, 1.5)
    net.connect(E, E, distsim.fixed_total_number(200_000), Normal(87.0, 9.0, minimum=0.0), Uniform(0.5, 2.0))
    net.connect("E[64900:66100]", "E[64900:66100]", distsim.pairwise_bernoulli(0.05), -17.3, 1.1)
    net.record_spikes("E[60000:]")
    return net


def matrices(model: str) -> Network:
    """Return bit matrices of every rule that they can hold, with second synapses of pairs and clusters."""
    net, (neuron, given), is_delta = Network(0.1), MODELS[model], model.startswith("delta")
    unit = 0.11 if is_delta else 13.3
    E = net.create("E", LARGE, neuron, V_m=Uniform(-69.0, -56.0), **given)
    net.poisson_input(E, 9000.0, 0.37 if is_delta else 47.0, 1.5)
    net.connect(E, E, distsim.fixed_indegree(30), unit, 1.5)
    net.connect(E, E, distsim.fixed_total_number(40_000), -2.1 * unit, 0.7)
    net.connect(E[::2], E[1::2], distsim.pairwise_bernoulli(0.2, allow_autapses=False), -1.7 * unit, 1.9)
    net.connect(E[:300], E[:300], distsim.pairwise_bernoulli(0.3), 1.2 * unit, 2.3)
    net.connect(E[300:], E[300:], distsim.pairwise_bernoulli(0.1), 1.2 * unit, 2.3)
    net.connect(E, E, distsim.all_to_all(allow_autapses=False), -0.017 * unit, 1.1)
    net.record_spikes(E)
    return net


def own() -> dict[str, Case]:
    found = {f"exp, {rule}": Case(lambda rule=rule: mixed("exp", rule), 1, 60.0, 200) for rule in rules()}
    for k, model in enumerate(MODELS):
        found[f"{model}, drawn"] = Case(lambda m=model: mixed(m, "fixed_indegree, distinct"), 10 + k, 40.0, 150, 3.0)
        found[f"{model}, given"] = Case(lambda m=model: mixed(m, "fixed_outdegree", False), 20 + k, 40.0, 150, 3.0)
        found[f"{model}, changed"] = Case(lambda m=model: mixed(m, "explicit"), 30 + k, 25.0, 150, 5.0, change)
    found |= {
        f"{model}, matrices": Case(lambda m=model: matrices(m), 7, 25.0, 300) for model in ("exp", "delta, discard")
    }
    found["weights of all kinds"] = Case(weights_of_all_kinds, 3, 40.0, 200)
    found["many delays, drawn"] = Case(lambda: many_delays(Normal(-313.0, 31.0, maximum=0.0)), 4, 25.0, 200)
    found["many delays, given"] = Case(lambda: many_delays(-313.0), 5, 25.0, 200)
    found["shards"] = Case(shards, 5, 15.0, 200)
    return found


GROUPS = {
    "microcircuit": microcircuits, "brunel-alpha": brunel_alphas, "brunel-delta": brunel_deltas,
    "ei-clustered": ei_clustereds, "own": own,
}  # fmt: skip
CASES = {f"{group}: {name}": case for group, cases in GROUPS.items() for name, case in cases().items()}
FIRST = [name for name in CASES if "seed" not in name or name.endswith("seed 1")]  # without other seeds of the same


if __name__ == "__main__":
    known = json.loads(FILE.read_text()) if FILE.exists() else {}
    print(json.dumps({name: known.get(name) or run(case, ALONE)[0] for name, case in CASES.items()}, indent=0))
