"""What the functions of this room need of a simulation."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from ..description.network import Network
from ..engine.ledger import Ledger
from ..engine.rank_engine import RankEngine
from ..engine.step.recorders import Period
from ..parallel import Comm
from .guard import Guard


class Simulated(Protocol):
    """A simulation; `Simulation` says what each of these is."""

    network: Network
    seed: int
    engine: RankEngine
    guard: Guard
    period: Period
    build_time: float

    @property
    def comm(self) -> Comm: ...

    @property
    def n_synapses(self) -> int: ...

    @property
    def timer(self) -> np.ndarray: ...

    def settle(self) -> None: ...

    def spikes_sha256(self) -> str: ...

    def ledger(self) -> Ledger: ...
