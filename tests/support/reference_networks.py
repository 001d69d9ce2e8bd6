"""NEST's recordings in tests/reference and the networks that they are of; used by tests/unit and tests/mpi."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from distsim import Network, Simulation, explicit

FOLDER = Path(__file__).parents[1] / "reference"
NEURONS = sorted(path.stem for path in FOLDER.glob("iaf_psc_*.json"))
MODELS = ("iaf_psc_alpha", "iaf_psc_delta", "iaf_psc_exp")
TOLERANCE = 1e-10  # mV


def load(name: str) -> tuple[dict, dict[str, np.ndarray]]:
    """Return the description and the recorded arrays of a reference."""
    with np.load(FOLDER / f"{name}.npz") as arrays:
        return json.loads((FOLDER / f"{name}.json").read_text()), dict(arrays)


def steps(times, dt: float) -> np.ndarray:
    return np.rint(np.asarray(times) / dt).astype(np.int64)


def describe_neuron(facts: dict) -> Network:
    """One neuron with four spike trains and a step current."""
    net = Network(facts["resolution"])
    neuron = net.create("neuron", 1, facts["model"], **facts["params"])
    trains = net.spike_source("trains", [train["spike_times"] for train in facts["inputs"]])
    for k, train in enumerate(facts["inputs"]):
        net.connect(
            trains[k], neuron, explicit([0], [0]), train["weight"], train["delay"], receptor=train.get("receptor_type")
        )
    step = facts["step_current"]
    net.step_current(neuron, step["amplitude_times"], step["amplitude_values"], step["delay"])
    net.record_spikes(neuron)
    net.record_voltages(neuron)
    return net


def describe_network(facts: dict, arrays: dict[str, np.ndarray]) -> Network:
    """120 neurons that differ in current and initial V_m, with 4000 listed connections."""
    net = Network(facts["resolution"])
    neurons = net.create(
        "neurons", facts["n"], facts["model"], I_e=arrays["I_e"], V_m=arrays["V_m0"], **facts["params"]
    )
    net.connect(neurons, neurons, explicit(arrays["pre"], arrays["post"]), arrays["weight"], arrays["delay"])
    net.record_spikes(neurons)
    return net


def check_neuron(name: str, comm) -> None:
    """Compare V_m at every sample and the spikes with NEST's."""
    facts, arrays = load(name)
    net, dt = describe_neuron(facts), facts["resolution"]
    simulation = Simulation(net, comm=comm)
    simulation.run(facts["t_sim"])
    times, V_m = simulation.voltages(net["neuron"])
    # Ours begin at dt as NEST's do, and have one more sample, at t_sim.
    np.testing.assert_array_equal(steps(times, dt), np.arange(1, steps(facts["t_sim"], dt) + 1))
    samples = steps(arrays["times"], dt) - 1
    assert samples.size == times.size - 1
    assert np.abs(V_m[samples, 0] - arrays["V_m"]).max() <= TOLERANCE
    spike_times, _ = simulation.spikes(net["neuron"])
    assert spike_times.tolist() == net.grid.ms(steps(facts["output_spike_times"], dt)).tolist()


def check_network(model: str, comm) -> None:
    """Compare the whole raster with NEST's."""
    facts, arrays = load(f"network_{model}")
    net = describe_network(facts, arrays)
    simulation = Simulation(net, comm=comm)
    simulation.run(facts["t_sim"])
    times, ids = simulation.spikes(net["neurons"])
    # NEST's list leaves out what is emitted in the very last step.
    inside = times < facts["t_sim"]
    assert arrays["spike_times"].size > 500
    assert times[inside].tolist() == net.grid.ms(steps(arrays["spike_times"], facts["resolution"])).tolist()
    assert ids[inside].tolist() == arrays["spike_senders"].tolist()
    simulation.ledger()
