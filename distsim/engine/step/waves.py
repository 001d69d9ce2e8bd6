"""Time-varying currents: noise, sinusoids, given samples; see `description.currents`.

A device holds a current for each of its neurons. In a step in which one of them changes, the held currents of all
devices are summed for their neurons, in the order of the devices, so that nothing of earlier ones remains. A number of
noise is a function of the noise seed, the device, the neuron and the interval.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ...description.currents import CurrentDevice, NoiseCurrent, SampledCurrent, SinusoidalCurrent
from ...description.network import Network
from ..compiled.intrinsics import NoAlias, kernel
from ..random import streams
from .decomposition import Decomposition
from .population_state import Neurons, sum_currents

NOISE, SINE, SAMPLES = range(3)
OFF = -1  # instead of the number of an interval

# A device, or the part of one between two changes of its values.
WAVE = np.dtype(
    [
        ("kind", np.int64),
        ("obj", np.int64),  # tells its random numbers from those of others
        ("delay", np.int64),  # steps; and emitted in (start, stop] steps
        ("start", np.int64),
        ("stop", np.int64),
        ("origin", np.int64),  # step from which intervals are counted
        ("interval", np.int64),
        ("first", np.int64),  # its neurons are lids[first:last]
        ("last", np.int64),
        ("held", np.int64),  # number of the interval whose currents are held, or OFF
        ("drawn", np.int64),  # number of four intervals whose random words are there
        ("samples", np.int64),  # where its samples begin, how many there are, and whether each neuron has its own
        ("n_samples", np.int64),
        ("by_neuron", np.int64),
        ("mean", np.float64),  # pA: of noise, of a sinusoid its offset
        ("scale", np.float64),  # pA: standard deviation, amplitude
        ("cycles", np.float64),  # of a step
        ("phase", np.float64),  # cycles
    ]
)


class Waves(NamedTuple):
    """Devices of time-varying current onto this rank's neurons.

    Attributes
    ----------
    devices : WAVE (n,).
    lids : int64, owners : int64 (their gids), held : float64 (pA), of the devices' neurons, device after device.
    words : uint32, flat, four random words of each.
    samples : float64, pA, device after device, time after time.
    all_lids : int64, ascending: neurons of any device.
    blocks : int64, the blocks in which these are.
    """

    devices: np.ndarray
    lids: np.ndarray
    owners: np.ndarray
    held: np.ndarray
    words: np.ndarray
    samples: np.ndarray
    all_lids: np.ndarray
    blocks: np.ndarray


def plan_waves(
    parts: Sequence[tuple[int, CurrentDevice]], network: Network, deal: Decomposition, neurons: Neurons
) -> Waves:
    """Return this rank's part of the devices.

    Parameters
    ----------
    parts : sequence of (int, CurrentDevice)
        Devices with their numbers in the network; one whose values were changed may have several parts.
    """
    rows, lids, samples = [], [np.zeros(0, np.int64)], [np.zeros(0)]
    n_lids = n_samples = 0
    for number, device in parts:
        gids = device.target.gids
        order = np.argsort(gids, kind="stable")
        mine = order[deal.local(gids[order])]
        if not mine.size:
            continue
        own, by_neuron = _own_samples(device, mine)
        window = (device.delay, device.start, device.stop, device.origin, getattr(device, "interval", 1))
        place = (n_lids, n_lids + mine.size, OFF, -1, n_samples, len(own), int(by_neuron))
        rows.append((_kind(device), number, *window, *place, *_numbers(device, network.grid.dt_ms)))
        lids.append(deal.lids(gids[mine]))
        samples.append(own.ravel())
        n_lids, n_samples = n_lids + mine.size, n_samples + own.size
    joined = np.concatenate(lids)
    all_lids = np.unique(joined)
    blocks = np.unique(np.searchsorted(neurons.blocks["first"], all_lids, side="right") - 1)
    n_words = 4 * n_lids if any(isinstance(device, NoiseCurrent) for _, device in parts) else 0
    words = np.zeros(n_words, np.uint32)
    found = (np.array(rows, WAVE), joined, deal.gid(joined), np.zeros(n_lids), words, np.concatenate(samples))
    return Waves(*found, all_lids, blocks)


def _kind(device: CurrentDevice) -> int:
    return {NoiseCurrent: NOISE, SinusoidalCurrent: SINE, SampledCurrent: SAMPLES}[type(device)]


def _own_samples(device: CurrentDevice, mine: np.ndarray) -> tuple[np.ndarray, bool]:
    """Return the samples of the neurons `mine` of a device, and whether each has its own."""
    if not isinstance(device, SampledCurrent):
        return np.zeros(0), False
    by_neuron = device.values.ndim == 2
    return np.ascontiguousarray(device.values[:, mine] if by_neuron else device.values), by_neuron


def _numbers(device: CurrentDevice, dt_ms: float) -> tuple[float, float, float, float]:
    """Return mean, scale, cycles of a step and phase (cycles)."""
    if isinstance(device, NoiseCurrent):
        return device.mean, device.std, 0.0, 0.0
    if isinstance(device, SinusoidalCurrent):
        return device.offset, device.amplitude, device.frequency * dt_ms * 1e-3, device.phase / 360.0
    return 0.0, 0.0, 0.0, 0.0


# --- in time ----------------------------------------------------------------------------------------------------------


@kernel()
def apply_waves(t, waves, neurons, k0, k1):
    """Let the currents act that the devices emit for step `t`."""
    has_changed = False
    for d in range(waves.devices.size):
        device = waves.devices[d]
        emitted, number = t - device.delay, np.int64(OFF)
        if device.start < emitted <= device.stop:
            number = (emitted - 1 - device.origin) // device.interval
            if device.kind == SAMPLES and number >= device.n_samples:
                number = np.int64(OFF)
        if number == device.held:
            continue
        device.held = number
        hold(emitted, number, device, waves, k0, k1)
        has_changed = True
    if has_changed:
        for lid in waves.all_lids:
            neurons.waves[lid] = 0.0
        for d in range(waves.devices.size):
            device = waves.devices[d]
            if device.held != OFF:
                for k in range(device.first, device.last):
                    neurons.waves[waves.lids[k]] += waves.held[k]
        sum_currents(neurons, waves.all_lids)
        for b in waves.blocks:
            block = neurons.blocks[b]
            block.shares_current = is_uniform(neurons.current[block.first : block.last])


@kernel()
def is_uniform(values):
    """Return whether all values are the same; mostly the second one tells."""
    if values.size > 1 and values[1] != values[0]:
        return False
    found = True
    for i in range(values.size):
        found &= values[i] == values[0]
    return found


@kernel()
def hold(emitted, number, device, waves, k0, k1):
    """Hold the currents of a device's neurons in the interval `number`, whose first step is `emitted`."""
    held, n = waves.held[device.first : device.last], device.last - device.first
    if number == OFF:
        return
    if device.kind == NOISE:
        words = waves.words[4 * device.first : 4 * device.last]
        if number >> 2 != device.drawn:
            device.drawn = number >> 2
            draw_words(waves.owners[device.first : device.last], number >> 2, device.obj, k0, k1, words)
        start = (number & 3) * n
        scaled_normals(words[start : start + n], device.mean, device.scale, held)
    elif device.kind == SINE:
        cycles = device.cycles * (emitted - 1) + device.phase  # at the beginning of the step
        value = device.mean + device.scale * math.sin(2.0 * math.pi * (cycles - math.floor(cycles)))
        for i in range(n):
            held[i] = value
    elif device.by_neuron:
        row = device.samples + number * n
        samples = waves.samples[row : row + n]
        for i in range(n):
            held[i] = samples[i]
    else:
        for i in range(n):
            held[i] = waves.samples[device.samples + number]


@kernel(cache=True, pipeline_class=NoAlias)
def draw_words(owners, index, obj, k0, k1, words):
    """Draw four random words of each owner: word w of owner i to words[w n + i]."""
    n = owners.size
    one, two, three, four = words[:n], words[n : 2 * n], words[2 * n : 3 * n], words[3 * n :]
    for i in range(n):
        who, what, purpose = np.uint32(owners[i]), np.uint32(obj), np.uint32(streams.NOISE)
        drawn = streams.philox(np.uint32(index), who, what, purpose, np.uint32(k0), np.uint32(k1))
        one[i], two[i], three[i], four[i] = drawn


# --- normal distribution ----------------------------------------------------------------------------------------------

CENTRAL = 0.425  # |u - 1/2| up to which the first of two rational functions holds


@kernel(cache=True, pipeline_class=NoAlias, error_model="numpy")
def scaled_normals(words, mean, std, values):
    """values[i] = mean + std z of the normal number z of a random word: the inverse of the distribution function.

    Wichura (1988), Applied Statistics 37, algorithm AS 241, exact to 1e-15. 85 in 100 numbers need the first function
    alone, which is computed for all.
    """
    for i in range(words.size):
        q = (np.float64(words[i]) + 0.5) * (1.0 / 4294967296.0) - 0.5
        values[i] = mean + std * central_quantile(q)
    for i in range(words.size):
        u = (np.float64(words[i]) + 0.5) * (1.0 / 4294967296.0)
        if abs(u - 0.5) > CENTRAL:
            values[i] = mean + std * tail_quantile(u)


@kernel(forceinline=True, error_model="numpy")  # or a check for division by 0 would keep the loop from vectorising
def central_quantile(q):
    """Return the normal number of which q + 1/2, |q| <= CENTRAL, is the value of the distribution function."""
    r = 0.180625 - q * q
    above = 2.5090809287301226727e3 * r + 3.3430575583588128105e4
    above = ((above * r + 6.7265770927008700853e4) * r + 4.5921953931549871457e4) * r + 1.3731693765509461125e4
    above = ((above * r + 1.9715909503065514427e3) * r + 1.3314166789178437745e2) * r + 3.3871328727963666080e0
    below = 5.2264952788528545610e3 * r + 2.8729085735721942674e4
    below = ((below * r + 3.9307895800092710610e4) * r + 2.1213794301586595867e4) * r + 5.3941960214247511077e3
    below = ((below * r + 6.8718700749205790830e2) * r + 4.2313330701600911252e1) * r + 1.0
    return q * above / below


@kernel(error_model="numpy")
def tail_quantile(u):
    """Return the normal number of which u, further from 1/2 than that, is the value of the distribution function."""
    r = math.sqrt(-math.log(min(u, 1.0 - u))) - 1.6
    above = 7.74545014278341407640e-4 * r + 2.27238449892691845833e-2
    above = ((above * r + 2.41780725177450611770e-1) * r + 1.27045825245236838258e0) * r + 3.64784832476320460504e0
    above = ((above * r + 5.76949722146069140550e0) * r + 4.63033784615654529590e0) * r + 1.42343711074968357734e0
    below = 1.05075007164441684324e-9 * r + 5.47593808499534494600e-4
    below = ((below * r + 1.51986665636164571966e-2) * r + 1.48103976427480074590e-1) * r + 6.89767334985100004550e-1
    below = ((below * r + 1.67638483018380384940e0) * r + 2.05319162663775882187e0) * r + 1.0
    return above / below if u > 0.5 else -above / below
