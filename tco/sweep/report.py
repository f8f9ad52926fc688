"""What the cells of a sweep show together: who wins where, which driver decides, what is robust.

DuckDB answers over the table that was read; it is handed rows only and opens no file itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import combinations, product
from typing import Any

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tco.errors import NotFoundError, TcoError
from tco.rank.words import amount
from tco.sweep.table import AxisColumn, Found, Manifest

NOBODY = "no option meets the goals"
CHEAPEST = "cheapest"
"""Instead of a snapshot: whichever is the cheapest in a cell."""
MOST_LEVELS, BINS = 24, 12
"""An axis with more levels is drawn in so many bins."""
CELLS_A_TERM = 2
"""A surface with more terms than that would bend after every cell."""
COST = "cost_usd"
"""Beside the levels of axes, of which none may be called so."""
REPLICATION = AxisColumn(name="replication", title="seed", type="number")


@dataclass(frozen=True)
class Report:
    """The results of a sweep, to be asked."""

    found: Found
    _db: Any = field(repr=False)

    @classmethod
    def of(cls, found: Found) -> Report:
        """Take results in."""
        database = duckdb.connect(":memory:", config={"enable_external_access": "false"})
        database.register("rows", found.table)
        # The cheapest option of each snapshot in each cell; of two at a cent's distance the first
        # by name, so that the answer never hangs on the order of rows.
        database.execute(
            """
            CREATE TABLE costs AS
            SELECT cell, coalesce(nullif(snapshots, ''), option) AS snapshot, min(cost_usd) AS usd
            FROM rows WHERE place = 'ranked' AND isfinite(cost_usd) GROUP BY ALL;
            CREATE TABLE winners AS
            SELECT cell, snapshot AS winner, usd FROM costs
            QUALIFY row_number() OVER (PARTITION BY cell ORDER BY round(usd, 2), snapshot) = 1;
            """
        )
        axes = "".join(f", any_value({_quoted(axis.name)}) AS {_quoted(axis.name)}"
                       for axis in (*found.manifest.axes, REPLICATION))  # fmt: skip
        database.execute(
            f"""
            CREATE TABLE cells AS
            SELECT cell, any_value(status) AS status, any_value(message) AS message {axes}
            FROM rows GROUP BY cell
            """  # noqa: S608 - names of axes are checked words, and quoted
        )
        return cls(found, database)

    @property
    def manifest(self) -> Manifest:
        """What the results say of themselves."""
        return self.found.manifest

    @property
    def axes(self) -> tuple[AxisColumn, ...]:
        """What the cells differ in."""
        return (*self.manifest.axes, *([REPLICATION] if self.manifest.replications > 1 else []))

    @property
    def snapshots(self) -> tuple[str, ...]:
        """Snapshots that are ranked in some cell."""
        found = self._table("SELECT DISTINCT snapshot FROM costs ORDER BY ALL")
        return tuple(map(str, found["snapshot"]))

    def axis(self, name: str) -> AxisColumn:
        """Return an axis by name."""
        known = {axis.name: axis for axis in self.axes}
        if name not in known:
            raise NotFoundError("axis", name, known, f"There are {', '.join(known)}.")
        return known[name]

    def refusals(self) -> pd.DataFrame:
        """Why cells were refused: columns ``message``, ``cells``."""
        return self._table(
            """SELECT message, count(*) AS cells FROM cells WHERE status = 'refused'
            GROUP BY ALL ORDER BY cells DESC, message"""
        )

    def choices(self) -> pd.DataFrame:
        """Hold every snapshot against the best of each cell, the least regretted first.

        Columns ``snapshot``, ``is_choice`` (it meets the goals wherever any does), ``cells``,
        ``won_share``, ``worst_regret_usd``, ``mean_regret_usd``, ``worst_ratio``; regrets are over
        the cells that it has.
        """
        return self._table(
            """
            WITH best AS (SELECT cell, min(usd) AS least_usd FROM costs GROUP BY cell),
                 whole AS (SELECT count(*) AS all_cells FROM best)
            SELECT snapshot,
                   count(*) = any_value(all_cells) AS is_choice,
                   count(*) AS cells,
                   count(*) FILTER (winner = snapshot) / any_value(all_cells) AS won_share,
                   max(costs.usd - least_usd) AS worst_regret_usd,
                   avg(costs.usd - least_usd) AS mean_regret_usd,
                   max(costs.usd / nullif(least_usd, 0)) AS worst_ratio
            FROM costs JOIN best USING (cell) JOIN winners USING (cell), whole
            GROUP BY snapshot
            ORDER BY is_choice DESC, round(worst_regret_usd, 2), snapshot
            """
        )

    def regions(self, x: str, y: str) -> pd.DataFrame:
        """Return who wins where, over any two axes; other axes are counted over.

        Columns ``x``, ``y`` (levels, or the middle of bins), ``x_label``, ``y_label``, ``winner``
        (the one that wins most of the cells there), ``share`` of those cells, ``cells``.
        """
        across, up = self.axis(x), self.axis(y)
        if across == up:
            raise TcoError(f"'{x}' twice: name two axes; there are {self._names}")
        table = self._table(
            f"""
            SELECT cells.{_quoted(x)} AS x, cells.{_quoted(y)} AS y,
                   coalesce(winners.winner, '{NOBODY}') AS winner
            FROM cells LEFT JOIN winners USING (cell) WHERE cells.status = 'answered'
            """  # noqa: S608 - the names are those of axes, and quoted
        )
        table["x"], table["y"] = _levels(table["x"], across), _levels(table["y"], up)
        found = self._table(
            """
            SELECT x, y, winner, count(*) / sum(count(*)) OVER here AS share,
                   CAST(sum(count(*)) OVER here AS INTEGER) AS cells
            FROM placed GROUP BY x, y, winner
            WINDOW here AS (PARTITION BY x, y)
            QUALIFY row_number() OVER (PARTITION BY x, y ORDER BY count(*) DESC, winner) = 1
            ORDER BY ALL
            """,
            placed=table,
        )
        return found.assign(
            x_label=[_label(level) for level in found["x"]],
            y_label=[_label(level) for level in found["y"]],
        )

    def effects(self, of: str = CHEAPEST) -> pd.DataFrame:
        """Return how much of the variance of a cost each axis explains, alone and in pairs.

        On a full grid the shares are exact: with those of larger groups of axes they add up to one.
        Elsewhere a smooth surface (each axis, its square, and products of two) is laid through the
        costs; a share is what the surface loses without the axis or the pair.

        Args:
            of: A snapshot, or the cheapest of each cell.

        Returns:
            Columns ``axis``, ``with`` (empty for an axis alone), ``share`` [-], the largest first.
            Empty if the cost is the same everywhere, or if there are too few cells to tell.
        """
        source = "winners" if of == CHEAPEST else "costs"
        if of != CHEAPEST and of not in self.snapshots:
            action = f"There are {CHEAPEST}, {', '.join(self.snapshots)}."
            raise NotFoundError("snapshot", of, [CHEAPEST, *self.snapshots], action)
        only = "" if of == CHEAPEST else "WHERE costs.snapshot = ?"
        columns = ", ".join(f"cells.{_quoted(axis.name)}" for axis in self.axes)
        table = self._table(
            f"SELECT {source}.usd AS {COST}, {columns} "  # noqa: S608
            f"FROM {source} JOIN cells USING (cell) {only} ORDER BY cells.cell",
            [] if of == CHEAPEST else [of],
        )
        whole = float(((table[COST] - table[COST].mean()) ** 2).sum()) if len(table) else 0.0
        if whole <= 0:
            return pd.DataFrame({"axis": [], "with": [], "share": []})
        if self.manifest.is_full_grid and len(table) == self.manifest.cells:
            share = _of_groups(table, whole)
        elif (surface := Surface.through(table, self.axes)) is not None:
            share = surface.share
        else:
            return pd.DataFrame({"axis": [], "with": [], "share": []})
        names = [axis.name for axis in self.axes]
        rows = [(name, "", share(name)) for name in names]
        rows += [(one, other, share(one, other)) for one, other in combinations(names, 2)]
        found = pd.DataFrame(rows, columns=["axis", "with", "share"])
        found["share"] = found["share"].clip(lower=0.0)
        return found.sort_values(["share", "axis", "with"], ascending=[False, True, True])

    @property
    def _names(self) -> str:
        return ", ".join(axis.name for axis in self.axes)

    def _table(
        self, query: str, values: list[Any] | None = None, placed: pd.DataFrame | None = None
    ) -> pd.DataFrame:
        """Ask on a connection of its own: several people may look at the same results at once."""
        with self._db.cursor() as cursor:
            if placed is not None:
                cursor.register("placed", placed)
            found: pd.DataFrame = cursor.execute(query, values or []).df()
        return found


def _quoted(name: str) -> str:
    doubled = name.replace('"', '""')
    return f'"{doubled}"'


def _levels(values: pd.Series, axis: AxisColumn) -> pd.Series:
    """Return levels as they are if they are few, else the middle of the bin that each lies in.

    Where the scenario has no level of its own there is none, and so it is in no bin.
    """
    if axis.type == "text" or values.nunique() <= MOST_LEVELS:
        return values
    is_log = _is_logarithmic(values, axis)
    places = np.log(values) if is_log else values
    low, high = float(places.min()), float(places.max())
    number = np.floor((places - low) / (high - low) * BINS).clip(upper=BINS - 1)
    middle = low + (number + 0.5) * (high - low) / BINS
    return pd.Series(np.exp(middle) if is_log else middle, index=values.index)


def _is_logarithmic(values: pd.Series, axis: AxisColumn) -> bool:
    """Tell whether levels have logarithms; one at a time, the scenario itself may stand at 0."""
    return axis.scale == "logarithmic" and bool((values.dropna() > 0).all())


def _label(level: object) -> str:
    if level is None:
        return "none"
    if isinstance(level, float):
        return "none" if math.isnan(level) else amount(level)
    return str(level)


def _of_groups(table: pd.DataFrame, whole: float) -> Callable[..., float]:
    """Return what tells the share of variance between the levels of an axis, or of a pair alone."""

    def between(*names: str) -> float:
        groups = table.groupby(list(names), observed=True, dropna=False)[COST]
        means = groups.mean() - table[COST].mean()
        return float((groups.size() * means**2).sum()) / whole

    def share(*names: str) -> float:
        return between(*names) - (sum(map(between, names)) if len(names) > 1 else 0.0)

    return share


@dataclass(frozen=True, slots=True)
class Surface:
    """A smooth surface through the costs of cells, known by the products of its terms."""

    products: NDArray[np.float64]
    """Sums over the cells of products of any two terms; the last is the cost."""
    whose: tuple[frozenset[str], ...]
    """The axes that each term rests on."""

    @classmethod
    def through(cls, table: pd.DataFrame, axes: Sequence[AxisColumn]) -> Surface | None:
        """Lay it; None where there are too few cells."""
        terms: list[tuple[frozenset[str], NDArray[np.float64]]] = []
        slopes: dict[str, list[NDArray[np.float64]]] = {}
        for axis in axes:
            slopes[axis.name], bends = _terms(table[axis.name], axis)
            terms += [(frozenset([axis.name]), one) for one in (*slopes[axis.name], *bends)]
        for one, other in combinations(slopes, 2):
            pairs = product(slopes[one], slopes[other])
            terms += [(frozenset([one, other]), a * b) for a, b in pairs]
        if len(table) < CELLS_A_TERM * (len(terms) + 1):
            return None
        columns = np.column_stack([*(column for _, column in terms), table[COST].to_numpy()])
        columns = columns - columns.mean(axis=0)
        return cls(columns.T @ columns, tuple(whose for whose, _ in terms))

    def share(self, *names: str) -> float:
        """Return what is lost without an axis, or without a pair [share of the variance]."""
        least = len(names)
        terms = [n for n, whose in enumerate(self.whose) if len(whose) <= least]
        without = [n for n in terms if self.whose[n] != frozenset(names)]
        return self._explained(terms) - self._explained(without)

    def _explained(self, terms: list[int]) -> float:
        inner, outer = self.products[np.ix_(terms, terms)], self.products[terms, -1]
        weights = np.linalg.lstsq(inner, outer, rcond=None)[0]
        return float(weights @ outer / self.products[-1, -1])


def _terms(
    values: pd.Series, axis: AxisColumn
) -> tuple[list[NDArray[np.float64]], list[NDArray[np.float64]]]:
    """Return the terms of an axis alone: what it is multiplied by in pairs, and its square."""
    if axis.type == "text" or values.isna().any():
        words = values.astype(str)
        levels = sorted(words.unique())[1:]
        return [(words == level).to_numpy(dtype=float) for level in levels], []
    numbers = values.to_numpy(dtype=float)
    places = np.log(numbers) if _is_logarithmic(values, axis) else numbers
    spread = float(places.std())
    if spread <= 0:
        return [], []
    slope = (places - places.mean()) / spread
    return [slope], [slope**2]
