"""Brunel's network with delta synapses in Brian2's C++ standalone mode: the example Brunel_2000, without figure."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time

import brian2
import numpy as np
from brian2 import Hz, NeuronGroup, PoissonInput, PopulationRateMonitor, SpikeMonitor, Synapses, ms, mV
from harness import parser, report

PANELS = {"A": (3.0, 2.0), "B": (6.0, 4.0), "C": (5.0, 2.0), "D": (4.5, 0.9)}  # g, nu_ext / nu_thr
N_E, N_I, EPSILON = 10000, 2500, 0.1
TAU, THETA, V_R, TAU_RP = 20 * ms, 20 * mV, 10 * mV, 2 * ms
J, D = 0.1 * mV, 1.5 * ms
NOW = "std::chrono::steady_clock::now()"


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--panel", choices=tuple(PANELS), default="C", help="panel of figure 8")
    args = options.parse_args()
    if args.t_presim:
        options.error("--t-presim: this network is run without a warm-up")
    brian2.set_device("cpp_standalone", build_on_run=False)
    # One thread is fastest without OpenMP.
    brian2.prefs.devices.cpp_standalone.openmp_threads = args.threads if args.threads > 1 else 0
    brian2.seed(args.seed)
    brian2.defaultclock.dt = 0.1 * ms
    network, rates = describe(*PANELS[args.panel])
    time_in_program(args.t_sim)
    network.run(args.t_sim * ms)
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        brian2.device.build(directory=folder, compile=True, run=False)
        compile_s = time.perf_counter() - begun
        brian2.device.run()
        figures = {"compile_s": compile_s, "rate_hz": np.mean(rates.rate / Hz)}
        figures["n_synapses"] = sum(len(s) for s in network.objects if isinstance(s, Synapses))
    report({"Brian2": brian2.__version__, "numpy": np.__version__, "compiler": compiler()}, figures)


def describe(g: float, ratio: float) -> tuple[brian2.Network, PopulationRateMonitor]:
    """The network of the example and its monitor of the rate of all neurons."""
    model = "dv/dt = -v/TAU : volt (unless refractory)"
    neurons = NeuronGroup(N_E + N_I, model, threshold="v > THETA", reset="v = V_R", refractory=TAU_RP, method="exact")
    excitatory = Synapses(neurons[:N_E], neurons, on_pre="v += J", delay=D)
    excitatory.connect(p=EPSILON)
    inhibitory = Synapses(neurons[N_E:], neurons, on_pre=f"v += -{g}*J", delay=D)
    inhibitory.connect(p=EPSILON)
    c_ext = EPSILON * N_E
    threshold_rate = THETA / (J * c_ext * TAU)
    external = PoissonInput(neurons, "v", N=c_ext, rate=ratio * threshold_rate, weight=J)
    rates, spikes = PopulationRateMonitor(neurons), SpikeMonitor(neurons[:50])
    return brian2.Network(neurons, excitatory, inhibitory, external, rates, spikes), rates


def time_in_program(t_sim: float) -> None:
    """Have the compiled program print how long it connects and how long it runs; from outside one sees only both
    together with the writing of all arrays at the end."""
    brian2.prefs.codegen.cpp.headers += ["<chrono>", "<iostream>"]
    insert = brian2.device.insert_code
    insert("before_start", f"const auto started = {NOW};")
    insert("before_network_run", f"const auto built = {NOW};")
    insert("after_network_run", f"const std::chrono::duration<double> build = built - started, run = {NOW} - built;")
    insert("after_network_run", 'std::cout << "build_s " << build.count() << std::endl;')
    factor = f"run.count() / {t_sim / 1e3!r}"
    insert("after_network_run", f'std::cout << "real_time_factor " << {factor} << std::endl;')


def compiler() -> str:
    done = subprocess.run([os.environ.get("CXX", "g++"), "--version"], capture_output=True, text=True)
    return done.stdout.splitlines()[0]


if __name__ == "__main__":
    main()
