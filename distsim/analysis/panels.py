"""Several raster plots, each above its population rate, as the panels of one figure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from distsim.analysis.drawing import add_axes, join_axes, own_canvas, save
from distsim.analysis.raster import Raster, draw_raster

SIZE = (4.2, 4.9)  # of a panel, inches: small, so that the text in it is large


@own_canvas()
def panels(pictures: Sequence[Raster], path: str | Path, title: str | None = None, columns: int = 2) -> None:
    """Draw `pictures` row by row into the picture `path`.

    Parameters
    ----------
    pictures : sequence of Raster
        The panels.
    path : str or Path
        The picture to be written.
    title : str, optional
        Shown above all.
    columns : int
        Panels beside each other.

    Raises
    ------
    ValueError
        If there is no panel.
    """
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine
    from matplotlib.ticker import MaxNLocator

    if not pictures:
        raise ValueError("there is no panel to draw")
    columns = min(columns, len(pictures))
    n_rows = -(-len(pictures) // columns)
    layout = ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.08)
    figure = Figure(figsize=(columns * SIZE[0], n_rows * SIZE[1]), layout=layout)
    figure.suptitle(title or "", fontsize=12)
    cells = figure.add_gridspec(n_rows, columns)
    pairs = [add_axes(figure, cells[divmod(k, columns)], p.rate is not None) for k, p in enumerate(pictures)]
    for picture, pair in zip(pictures, pairs, strict=True):
        draw_raster(picture, *pair, points=72.0 * (SIZE[1] - 1.0))
        pair[-1].xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    join_axes(figure, pairs, columns)
    save(figure, path, dpi=200)
