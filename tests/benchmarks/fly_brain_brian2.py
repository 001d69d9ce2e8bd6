"""The fly brain in Brian2's C++ standalone mode, for fly_brain.py, which writes the connections that it reads."""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

import brian2
import numpy as np
from brian2 import Hz, NeuronGroup, PoissonInput, SpikeMonitor, Synapses, ms, mV

V_0, V_RESET, V_TH, TAU_M, TAU_G = -52 * mV, -52 * mV, -45 * mV, 20 * ms, 5 * ms
W_SYN, KICK, DELAY, RATE = 0.275 * mV, 68.75 * mV, 1.8 * ms, 150 * Hz
EQUATIONS = """
dv/dt = (V_0 - v + g) / TAU_M : volt (unless refractory)
dg/dt = -g / TAU_G : volt (unless refractory)
rfc : second
"""
NOW = "std::chrono::steady_clock::now()"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("folder", type=Path, help="holds source.npy, target.npy and count.npy")
    options.add_argument("--neurons", type=int, required=True)
    options.add_argument("--excited", type=int, default=20)
    options.add_argument("--threads", type=int, default=2)
    options.add_argument("--t-sim", type=float, default=1000.0)
    args = options.parse_args()
    brian2.set_device("cpp_standalone", build_on_run=False)
    brian2.prefs.devices.cpp_standalone.openmp_threads = args.threads if args.threads > 1 else 0
    brian2.seed(1)
    brian2.defaultclock.dt = 0.1 * ms
    network, spikes = describe(args.folder, args.neurons, args.excited)
    brian2.prefs.codegen.cpp.headers += ["<chrono>", "<iostream>"]
    insert = brian2.device.insert_code
    insert("before_start", f"const auto started = {NOW};")
    insert("before_network_run", f"const auto built = {NOW};")
    insert("after_network_run", f"const std::chrono::duration<double> build = built - started, run = {NOW} - built;")
    insert("after_network_run", 'std::cout << "build_s " << build.count() << std::endl;')
    insert("after_network_run", f'std::cout << "real_time_factor " << run.count() / {args.t_sim / 1e3!r} << std::endl;')
    network.run(args.t_sim * ms)
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        brian2.device.build(directory=folder, compile=True, run=False)
        print("compile_s", time.perf_counter() - begun)
        brian2.device.run()
        print("spikes", spikes.num_spikes)
    print("memory_GB", resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6)


def describe(folder: Path, n: int, n_excited: int) -> tuple[brian2.Network, SpikeMonitor]:
    """Return the network of Shiu et al. (2024), and the monitor of its spikes."""
    model = {"threshold": "v > V_TH", "reset": "v = V_RESET; g = 0 * mV", "refractory": "rfc", "method": "linear"}
    neurons = NeuronGroup(n, EQUATIONS, **model)
    neurons.v, neurons.rfc = V_0, 2.2 * ms
    source, target, count = (np.load(folder / f"{name}.npy") for name in ("source", "target", "count"))
    synapses = Synapses(neurons, neurons, "w : volt", on_pre="g += w", delay=DELAY)
    synapses.connect(i=source, j=target)
    synapses.w = count * W_SYN
    neurons[:n_excited].rfc = 0 * ms
    inputs = [PoissonInput(neurons[:n_excited], "v", N=1, rate=RATE, weight=KICK)]
    spikes = SpikeMonitor(neurons)
    return brian2.Network(neurons, synapses, *inputs, spikes), spikes


if __name__ == "__main__":
    main()
