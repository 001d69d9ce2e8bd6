"""A small SONATA simulation written by bmtk's NetworkBuilder, and the same network described by hand."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import numpy as np

from distsim import Network, explicit
from distsim.recording.spikes import SpikeFile

EXC = {"tau_m": 20.0, "E_L": -65.0, "V_th": -50.0, "I_e": 100.0}
INH = {"tau_m": 10.0, "E_L": -66.0, "V_th": -52.0}
N_E, N_I, N_LGN = 60, 20, 15
SPIKES = np.array([7, 11, 11, 40, 200, 345, 346, 900]), np.array([3, 0, 3, 14, 7, 3, 2, 0])  # steps, nodes


def write(folder: Path) -> dict[str, dict]:
    """Write a simulation into `folder`; return its configuration and components by name of file."""
    from bmtk.builder.networks import NetworkBuilder

    rng = np.random.default_rng(3)
    model = {"model_type": "point_neuron", "model_template": "nest:iaf_psc_alpha"}
    static = {"dynamics_params": "static.json", "model_template": "static_synapse"}
    v1 = NetworkBuilder("V1")
    for n, name, ei in ((N_E, "Exc", "e"), (N_I, "Inh", "i")):
        places = {axis: rng.random(n) for axis in "xy"}
        own = {"tuning": np.arange(float(n))} if ei == "i" else {}
        v1.add_nodes(N=n, pop_name=name, ei=ei, dynamics_params=f"{name.lower()}.json", **model, **places, **own)
    many, one = (lambda _s, _t: int(rng.integers(0, 3))), (lambda _s, _t: int(rng.integers(0, 2)))
    v1.add_edges({"ei": "e"}, {"ei": "i"}, connection_rule=many, syn_weight=20.0, delay=1.5, **static)
    own_weights = v1.add_edges({"ei": "i"}, connection_rule=one, delay=1.0, **static)
    own_weights.add_properties("syn_weight", rule=lambda _s, _t: -50.0 * rng.random(), dtypes=float)
    lgn = NetworkBuilder("LGN")
    lgn.add_nodes(N=N_LGN, pop_name="lgn", model_type="virtual")
    lgn.add_edges(lgn.nodes(), v1.nodes(), connection_rule=2, syn_weight=90.0, delay=2.0, **static)
    for network in (v1, lgn):
        network.build()
        network.save(output_dir=str(folder / "network"))
    (folder / "inputs").mkdir()
    with SpikeFile(folder / "inputs" / "lgn.h5", {"LGN": (0, N_LGN)}, Fraction(1, 10)) as file:
        file.append(*SPIKES)
    files = configuration()
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(content))
    return files


def configuration() -> dict[str, dict]:
    names = ("V1", "LGN"), ("V1_V1", "LGN_V1")
    kinds = ("node", "edge")
    networks = {
        f"{kind}s": [
            {
                f"{kind}s_file": f"$NETWORK_DIR/{name}_{kind}s.h5",
                f"{kind}_types_file": f"$NETWORK_DIR/{name}_{kind}_types.csv",
            }
            for name in each
        ]
        for kind, each in zip(kinds, names, strict=True)
    }
    circuit = {
        "manifest": {"$BASE_DIR": ".", "$NETWORK_DIR": "$BASE_DIR/network", "$COMPONENTS": "${BASE_DIR}/components"},
        "components": {"point_neuron_models_dir": "$COMPONENTS/point", "synaptic_models_dir": "$COMPONENTS/syn"},
        "networks": networks,
    }
    exc, cells = {"population": "V1", "pop_name": "Exc"}, {"population": "V1", "node_id": [0, 3, 70]}
    clamp = {"input_type": "current_clamp", "module": "IClamp", "node_set": "exc", "amp": 150.0}
    trains = {"input_type": "spikes", "module": "sonata", "input_file": "$BASE_DIR/inputs/lgn.h5", "node_set": "LGN"}
    report = {"module": "multimeter_report", "variable_name": "V_m", "cells": cells, "dt": 0.5, "sections": "soma"}
    simulation = {
        "manifest": {"$BASE_DIR": "${configdir}"},
        "network": "circuit_config.json",
        "target_simulator": "NEST",
        "conditions": {"celsius": 34.0},
        "run": {"tstop": 120.0, "dt": 0.1},
        "node_sets": {"exc": exc},
        "inputs": {"lgn": trains, "clamp": {**clamp, "delay": 30.0, "duration": 50.0}},
        "reports": {"membrane": {**report, "enabled": True, "file_name": "cell_vars.h5"}},
        "output": {"output_dir": "$BASE_DIR/output", "spikes_file": "spikes_out.h5", "log_file": "log.txt"},
    }
    components = {"components/point/exc.json": EXC, "components/point/inh.json": INH, "components/syn/static.json": {}}
    return {"circuit_config.json": circuit, "simulation_config.json": simulation, **components}


def by_hand(folder: Path) -> Network:
    """Return the network of a simulation that `write` wrote, its edges read by bmtk."""
    from bmtk.utils import sonata

    net = Network(0.1)
    both = {key: np.repeat([EXC.get(key, 0.0), INH.get(key, 0.0)], [N_E, N_I]) for key in EXC}
    V1 = net.create("V1", N_E + N_I, "iaf_psc_alpha", **both, V_m=-70.0)
    steps, nodes = SPIKES
    LGN = net.spike_source("LGN", [steps[nodes == k] / 10 for k in range(N_LGN)])
    for source, name in ((V1, "V1_V1"), (LGN, "LGN_V1")):
        base = folder / "network"
        file = sonata.File(str(base / f"{name}_edges.h5"), str(base / f"{name}_edge_types.csv"))
        edges = list(file.edges.populations[0])
        pairs = explicit([e.source_node_id for e in edges], [e.target_node_id for e in edges])
        weights = [e["syn_weight"] * (e["nsyns"] if "nsyns" in e else 1) for e in edges]  # noqa: SIM401  # has no get
        net.connect(source, V1, pairs, weights, [float(e["delay"]) for e in edges])
    net.dc_current(V1[:N_E], 150.0, 30.0, 80.0)
    net.record_spikes(V1)
    net.record("V_m", V1[[0, 3, 70]], 0.5, name="membrane")
    return net
