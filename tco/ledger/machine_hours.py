"""Hours of machines by use: a static fleet in closed form, a simulated one off its ladder."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Protocol

import numpy as np

from tco.domain.record import Evidence
from tco.ledger.expression import Array, Expression, Least, Lookup, Number, Series
from tco.ledger.machines import MachineBill
from tco.sim.ladder import Ladder
from tco.sim.months import SimulatedMonths
from tco.sim.rung import BUSY, UNALLOCATED
from tco.sim.tally import LOST
from tco.sim.usage import StaticUsage
from tco.units import SECONDS_PER_HOUR

SWAPPING = "swapping"


class Hours(Protocol):
    """Instance-hours of a fleet by use, in all or as far as they fall under a commitment.

    In every hour the committed machines are used first, and each use has its share of them.
    """

    def uses(self) -> Iterator[str]:
        """Yield what machines were paid for: busy, and every cause of idleness."""

    def of(self, use: str) -> Expression:
        """Return the hours of one use [instance-hour]."""

    def as_chosen(self, use: str) -> Expression | None:
        """Return those of machines that are bought as the machine says; None for none at all."""

    def on_demand(self, use: str) -> Expression | None:
        """Return those of machines on demand beside or in place of them; None for none at all."""

    def share_on_demand(self) -> Expression:
        """Return the share of hours that is bought so [-]."""

    def lost_over_useful(self) -> Expression:
        """Return the work that was cut off over that which answered requests [-]."""

    def under(self, use: str, committed: int) -> Expression | None:
        """Return those that a number of committed instances serves; None for none at all."""

    def above(self, use: str, committed: int) -> Expression | None:
        """Return the others; None for none at all."""

    def share_under(self, committed: int) -> Expression:
        """Return the share of hours that is committed [-]."""

    def unused(self, committed: int) -> Expression | None:
        """Return the committed hours in which no machine is held; None for none at all."""


class StaticHours:
    """A fleet that never changes: its hours follow from requests and seconds."""

    def __init__(
        self,
        bill: MachineBill,
        usage: StaticUsage,
        seconds: Expression,
        swapping: Expression | None = None,
    ) -> None:
        """Begin with what follows in closed form.

        Args:
            bill: What all lines of the machines share.
            usage: The fleet, and how its idle time splits.
            seconds: Of one request [s].
            swapping: Hours in which its replicas load models [instance-hour]; None for none.
        """
        hours = bill.paid_hours
        share = Number(usage.instance_share, "share of an instance that one replica is given")
        allocated = Number(usage.replicas, "replicas") * share * hours
        served_at_once = Number(
            SECONDS_PER_HOUR * usage.parallel, "seconds an hour x parallel requests"
        )
        used = Least((bill.volume * seconds / served_at_once * share, allocated))
        self._hours, self._instances = hours, usage.instances
        self._by_use: dict[str, Expression] = {BUSY: used}
        left = allocated - used
        if swapping is not None:
            self._by_use[SWAPPING] = loading = Least((swapping, left))
            left -= loading
        for cause, shares in usage.idle_shares.items():
            if any(shares):
                split = Series(
                    bill.name_of(cause),
                    "-",
                    shares,
                    Evidence.ESTIMATED,
                    "split of idle time over the hours of the week, at likely volume",
                )
                self._by_use[cause] = left * split
        unallocated = usage.instances - usage.replicas * usage.instance_share
        if not math.isclose(unallocated, 0, abs_tol=1e-9):
            room = Number(unallocated, "instances paid for and not given to a replica")
            self._by_use[UNALLOCATED] = room * hours

    def uses(self) -> Iterator[str]:
        """Yield what machines were paid for."""
        yield from self._by_use

    def of(self, use: str) -> Expression:
        """Return the hours of one use [instance-hour]."""
        return self._by_use[use]

    def as_chosen(self, use: str) -> Expression | None:
        """Return all hours: a fleet whose machines may be taken away is simulated."""
        return self._by_use[use]

    def on_demand(self, use: str) -> Expression | None:
        """Return none."""
        return None

    def share_on_demand(self) -> Expression:
        """Return nothing."""
        return Number(0.0, "no machines stand in for others")

    def lost_over_useful(self) -> Expression:
        """Return nothing."""
        return Number(0.0, "no work is cut off")

    def under(self, use: str, committed: int) -> Expression | None:
        """Return those under a commitment."""
        return self._part(use, self._share(committed), "committed")

    def above(self, use: str, committed: int) -> Expression | None:
        """Return the others."""
        return self._part(use, 1.0 - self._share(committed), "not committed")

    def share_under(self, committed: int) -> Expression:
        """Return the share of hours that is committed [-]."""
        return Number(self._share(committed), "share of the instances that is committed")

    def unused(self, committed: int) -> Expression | None:
        """Return the committed hours beyond the fleet."""
        beyond = committed - self._instances
        if beyond <= 0:
            return None
        return Number(float(beyond), "committed instances beyond the fleet") * self._hours

    def _share(self, committed: int) -> float:
        return min(committed / self._instances, 1.0)

    def _part(self, use: str, share: float, which: str) -> Expression | None:
        if share == 0:
            return None
        return self._by_use[use] * Number(share, f"share of the instances that is {which}")


class SimulatedHours:
    """A simulated fleet: off a ladder at each month's load, or the months themselves."""

    def __init__(
        self,
        bill: MachineBill,
        ladder: Ladder,
        factor: Expression | None,
        months: SimulatedMonths | None,
        rates_per_s: Array,
    ) -> None:
        """Begin to read a ladder.

        Args:
            bill: What all lines of the machines share.
            ladder: Machines by load and service time.
            factor: Service time over its likely value [-]; None where it has no range.
            months: Every month simulated in full: likely machines, from which the ladder's lines
                lead to other volumes and service times.
            rates_per_s: Likely rate of each month [1/s].
        """
        self._bill, self._ladder, self._factor, self._months = bill, ladder, factor, months
        self._rates_per_s = rates_per_s
        rate = bill.volume / (bill.calendar_hours * Number(SECONDS_PER_HOUR, "seconds an hour"))
        self._load = rate if factor is None else rate * factor
        self._source = (
            f"simulated: {ladder.requests:,} requests at {len(ladder.loads_per_s)} loads"
            + (f" and {len(ladder.factors)} service times" if factor is not None else "")
            + f", {ladder.scope}"
            + "".join(f"; {note}" for note in ladder.notes)
        )

    def uses(self) -> Iterator[str]:
        """Yield what machines were paid for."""
        months = () if self._months is None else self._months.causes()
        for cause in dict.fromkeys((*self._ladder.causes(), *months)):
            if self._on_grid(cause).any() or self._in_months(cause).any():
                yield cause

    def of(self, use: str) -> Expression:
        """Return the hours of one use [instance-hour]."""
        name = self._bill.name_of(use)
        return self._read(name, self._on_grid(use), self._in_months(use)) * self._bill.paid_hours

    def as_chosen(self, use: str) -> Expression | None:
        """Return those of machines that are bought as the machine says; None for none at all."""
        if not self._ladder.on_demand:
            return self.of(use)
        grid, months = self._shares_on_demand()
        return self._part(use, "as_chosen", 1.0 - grid, 1.0 - months)

    def on_demand(self, use: str) -> Expression | None:
        """Return those of machines on demand beside or in place of them; None for none at all."""
        if not self._ladder.on_demand:
            return None
        return self._part(use, "on_demand", *self._shares_on_demand())

    def share_on_demand(self) -> Expression:
        """Return the share of hours that is bought so [-]."""
        name = self._bill.name_of("share on demand")
        return self._read(name, *self._shares_on_demand(), unit="-")

    def lost_over_useful(self) -> Expression:
        """Return the work that was cut off over that which answered requests [-]."""
        grid = _ratio(self._on_grid(LOST), self._on_grid(BUSY))
        months = _ratio(self._in_months(LOST), self._in_months(BUSY))
        return self._read(self._bill.name_of("lost over useful"), grid, months, unit="-")

    def under(self, use: str, committed: int) -> Expression | None:
        """Return those under a commitment."""
        grid, months = self._shares(committed)
        return self._part(use, f"under_{committed}", grid, months)

    def above(self, use: str, committed: int) -> Expression | None:
        """Return the others."""
        grid, months = self._shares(committed)
        return self._part(use, f"above_{committed}", 1.0 - grid, 1.0 - months)

    def share_under(self, committed: int) -> Expression:
        """Return the share of hours that is committed [-]."""
        return self._read(
            self._bill.name_of(f"share under {committed}"), *self._shares(committed), unit="-"
        )

    def unused(self, committed: int) -> Expression | None:
        """Return the committed hours in which no machine is held."""
        grid, months = (committed - covered for covered in self._covered(committed))
        if committed == 0 or not (grid.any() or months.any()):
            return None
        name = self._bill.name_of(f"unused of {committed}")
        return self._read(name, grid, months) * self._bill.paid_hours

    def share_lost(self) -> Expression:
        """Return the share of requests that are turned away or give up [-]."""
        months = () if self._months is None else self._months.rungs
        in_months = np.array([rung.lost_share for rung in months] or [0.0])
        grid = np.array(self._ladder.lost)
        return self._read(self._bill.name_of("share lost"), grid, in_months, unit="-")

    def _part(self, use: str, name: str, grid: Array, months: Array) -> Expression | None:
        of_grid, of_months = self._on_grid(use) * grid, self._in_months(use) * months
        if not (of_grid.any() or of_months.any()):
            return None
        whole_name = f"{self._bill.name_of(use)}.{name}"
        return self._read(whole_name, of_grid, of_months) * self._bill.paid_hours

    # ---- arrays over the grid of the ladder, and over the months ---------------------------------

    def _on_grid(self, cause: str) -> Array:
        points = len(self._ladder.loads_per_s) * len(self._ladder.factors)
        return np.array(self._ladder.by_cause.get(cause, (0.0,) * points))

    def _in_months(self, cause: str) -> Array:
        if self._months is None:
            return np.zeros(1)
        return np.array(self._months.instances(cause))

    def _covered(self, committed: int) -> tuple[Array, Array]:
        levels = tuple(self._ladder.covered)

        def of(by_level: Array) -> Array:
            return np.array([np.interp(committed, levels, column) for column in by_level.T])

        grid = of(np.array(list(self._ladder.covered.values())))
        if self._months is None:
            return grid, np.zeros(1)
        return grid, of(np.array([self._months.covered(place) for place in range(len(levels))]))

    def _shares(self, committed: int) -> tuple[Array, Array]:
        grid, months = self._covered(committed)
        held = self._ladder.total().ravel()
        in_months = sum((self._in_months(use) for use in self.uses()), np.zeros(months.size))
        return _share(grid, held), _share(months, np.asarray(in_months))

    def _shares_on_demand(self) -> tuple[Array, Array]:
        """Return the part of all machines on demand; each use is given its share of them [-]."""
        grid = _share(np.array(self._ladder.on_demand), self._ladder.total().ravel())
        if self._months is None:
            return grid, np.zeros(1)
        held = np.array([rung.instances for rung in self._months.rungs])
        return grid, _share(np.array(self._months.on_demand()), held)

    def _read(self, name: str, grid: Array, months: Array, unit: str = "instances") -> Expression:
        """Read a figure off the ladder; where months were simulated, put those in its place."""
        ladder, factor = self._ladder, self._factor
        row = ladder.factors.index(1.0) * len(ladder.loads_per_s)
        at_likely = grid[row : row + len(ladder.loads_per_s)]
        read: Expression = Lookup(
            name,
            unit,
            self._load,
            ladder.loads_per_s,
            tuple((at_likely if factor is None else grid).tolist()),
            Evidence.ESTIMATED,
            self._source,
            factor,
            () if factor is None else ladder.factors,
        )
        if self._months is None:
            return read
        likely = np.interp(self._rates_per_s, ladder.loads_per_s, at_likely)
        full = Series(
            f"{name}.in_full",
            unit,
            tuple(months.tolist()),
            Evidence.ESTIMATED,
            f"simulated: all {self._months.requests:,} requests",
        )
        on_the_ladder = Series(
            f"{name}.on_the_ladder",
            unit,
            tuple(likely.tolist()),
            Evidence.ESTIMATED,
            "the ladder at likely values, which the full simulation takes the place of",
        )
        return full + (read - on_the_ladder)


def _ratio(part: Array, whole: Array) -> Array:
    """Return one over the other [-]; 0 where there is nothing to divide by."""
    return np.asarray(np.divide(part, whole, out=np.zeros_like(whole), where=whole > 0))


def _share(part: Array, held: Array) -> Array:
    """Return the share of the held machines that some are [-]; 0 where none is held."""
    return np.asarray(np.minimum(_ratio(part, held), 1.0))
