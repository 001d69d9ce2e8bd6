"""A run's folder opened for figures: its summary and recordings, and what the summary says of the figures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from distsim.analysis.marks import Mark
from distsim.analysis.population_rate import PopulationRate
from distsim.analysis.run_folder import (
    break_marks,
    collect,
    existing_folder,
    in_order_of,
    pieces_of,
    rates_options,
    read_summary,
    recorded_neurons,
    title_of,
)
from distsim.recording.part_files import has_parts
from distsim.recording.pieces import Pieces
from distsim.recording.report_files import SPIKES, VOLTAGES
from distsim.recording.samples import Samples, read_reports
from distsim.recording.spikes import Spikes, read_spikes

KINDS = {"only": list, "first": int, "style": str, "groups": dict, "group": str}  # of options of a raster


@dataclass(frozen=True, eq=False)
class OpenedRun:
    """The folder of a complete run.

    Attributes
    ----------
    folder : Path
        It exists.
    summary : dict
        What its ``summary.json`` says, checked.
    """

    folder: Path
    summary: dict[str, Any]

    @property
    def populations(self) -> dict[str, Any]:
        """Return the summary's entries by population."""
        populations: dict[str, Any] = self.summary["populations"]
        return populations

    @property
    def figures(self) -> dict[str, Any]:
        """Return the entries that the network made for its figures."""
        figures: dict[str, Any] = self.summary.get("figures", {})
        return figures

    @property
    def title(self) -> str | None:
        return title_of(self.summary)

    @property
    def colors(self) -> dict[str, str]:
        return collect(self.populations, "color")

    @property
    def pieces(self) -> Pieces:
        """Start and end (ms) of each recorded piece."""
        return pieces_of(self.summary, self.whole_period())

    def has(self, name: str) -> bool:
        """Return whether a recording is there, or should be: a run that recorded spikes has a hash of them."""
        if (self.folder / name).is_file():
            return True
        return name == SPIKES and self.summary.get("spikes_sha256", "unknown") is not None

    def spikes(self) -> dict[str, Spikes]:
        """Return the recorded spikes in the summary's order of populations.

        Raises
        ------
        FileNotFoundError
            If there are none; the message says why.
        ValueError
            If the file is damaged.
        """
        path = self.folder / SPIKES
        if not path.is_file() and has_parts(self.folder):
            raise FileNotFoundError(f"{self.folder}: the run has not come to its end: distsim resume {self.folder}")
        if not path.is_file():
            why = "it is missing" if self.has(SPIKES) else "the run recorded no spikes (as with --no-record)"
            raise FileNotFoundError(f"{path}: no such file: figures are drawn from it, and {why}")
        return in_order_of(self.populations, read_spikes(path))

    @property
    def sampled(self) -> list[str]:
        """Names of the files of sampled quantities that are there."""
        said = self.summary.get("recording", {}).get("files", [])
        files = dict.fromkeys([VOLTAGES, *(file for file in said if file != SPIKES)])
        return [file for file in files if (self.folder / file).is_file()]

    def samples(self, file: str) -> dict[str, Samples]:
        """Return the samples in one of the files `sampled`, likewise; ValueError if it is damaged."""
        return in_order_of(self.populations, read_reports(self.folder / file))

    def whole_period(self, t0: float | None = None, t1: float | None = None) -> tuple[float, float]:
        """Return the recorded period, unless another is given."""
        t_start = float(self.summary["t_presim_ms"])
        return t_start if t0 is None else t0, t_start + float(self.summary["t_sim_ms"]) if t1 is None else t1

    def raster_period(self, t0: float | None, t1: float | None) -> tuple[float, float]:
        """Return the period that the model wants to be shown, unless another is given."""
        if t0 is None and t1 is None and "period" in self.figures:
            try:
                t0, t1 = (float(t) for t in self.figures["period"])
            except (TypeError, ValueError):
                raise self.error("period must be two times (ms)") from None
        return self.whole_period(t0, t1)

    def raster_options(self) -> dict[str, Any]:
        """Return the options of `raster` that the summary stands for."""
        figures = self.figures
        options: dict[str, Any] = {"recorded": recorded_neurons(self.populations), "pieces": self.pieces}
        try:
            for key, kind in KINDS.items():
                if key in figures:
                    if not isinstance(figures[key], kind):
                        raise ValueError(f"{key} is of the wrong kind")
                    options[key] = figures[key]
            options["marks"] = [Mark(**mark) for mark in figures.get("marks", [])]
            options["marks"] += break_marks(self.summary.get("recorded_ms", ()), collect(self.populations, "n"))
            if "rate" in figures:
                given = PopulationRate(**figures["rate"])
                width = _on_grid(given.bin, self.summary.get("dt_ms"))
                options["rate"] = PopulationRate(**{**figures["rate"], "bin": width})
        except (TypeError, ValueError) as error:
            raise self.error(error) from None
        return options

    def rates_options(self) -> dict[str, str]:
        """Return the options of `rates_boxplot` that the summary stands for."""
        try:
            return rates_options(self.summary)
        except ValueError as error:
            raise ValueError(f"{self.folder / 'summary.json'}: {error}") from None

    def error(self, why: object) -> ValueError:
        """Return an error in what the summary says of the figures."""
        return ValueError(f"{self.folder / 'summary.json'}: figures: {why}")


def open_run(folder: str | Path) -> OpenedRun:
    """Open the folder of a run; errors are those of `existing_folder` and `read_summary`."""
    folder = existing_folder(folder)
    return OpenedRun(folder, read_summary(folder / "summary.json"))


def _on_grid(width: float, dt: float | None) -> float:
    """Return the multiple of dt next to `width`: with any other, bins would differ in steps."""
    return width if not dt else max(1.0, float(np.round(width / dt))) * dt
