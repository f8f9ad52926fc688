"""codecarbon's emissions.csv: energy of a run in kilowatt-hours, much of it modelled."""

from __future__ import annotations

from tco.domain.measured import (
    Energy,
    EnergyMethod,
    EnergyScope,
    Kind,
    Phase,
    Point,
    Spread,
    Unit,
)
from tco.domain.record import Evidence
from tco.measure.readers.content import Content, Fields
from tco.measure.readers.reading import About, Reading
from tco.units import JOULES_PER_KWH

TOOL = "codecarbon"
MARKS = {"duration", "emissions", "cpu_energy", "gpu_energy", "ram_energy", "energy_consumed"}
LEAST_WINDOW_S = 5.0
ADDS_WITHIN = 0.02


def recognises(content: Content) -> bool:
    """Tell it by its columns."""
    return not content.is_json and set(content.header) >= MARKS


def read(content: Content, about: About) -> Reading:
    """Read one run; how many calls it made, only a person can say."""
    rows = list(content.row_fields())
    if len(rows) > 1:
        problem = f"expected one run, found {len(rows)} rows"
        raise rows[1].refusal("", problem, "keep the row of the run that is meant")
    row = rows[0]
    if about.calls is None or about.batch is None:
        raise row.refusal(
            "duration",
            "the file says how long and how much, but not for how many calls of which batch",
            "say it with --calls and --batch",
        )
    duration_s = row.positive("duration")
    parts = [row.number(key) for key in ("cpu_energy", "gpu_energy", "ram_energy")]
    if min(parts) < 0:
        raise row.refusal("cpu_energy", f"expected 0 or more, found {min(parts):g}", "run again")
    whole = row.number("energy_consumed")
    pue = row.maybe("pue") or 1.0
    if not any(abs(sum(parts) * f - whole) <= ADDS_WITHIN * max(whole, 1e-12) for f in (1.0, pue)):
        raise row.refusal(
            "energy_consumed",
            f"expected the sum of its parts, {sum(parts):.4g} kWh, found {whole:.4g}",
            "the file contradicts itself",
        )
    energy, withheld = _energy(parts, duration_s, about.calls)
    return Reading(
        tool=TOOL,
        kind=Kind.CLASSIC,
        measured_in="process",
        points=(
            Point(
                phase=Phase.FORWARD,
                batch=about.batch,
                seconds=Spread(mean=duration_s / about.calls, calls=about.calls),
                throughput_per_s=about.calls * about.batch / duration_s,
                throughput_unit=Unit.ITEMS,
                window_s=duration_s,
                energy=energy,
                energy_withheld=withheld,
            ),
        ),
        hardware=row.text("gpu_model") or row.text("cpu_model"),
        doubts=tuple(_doubts(row, pue)),
        notes=("seconds are the whole run over its calls: loading and pauses are inside",),
    )


def _energy(parts: list[float], duration_s: float, calls: int) -> tuple[Energy | None, str | None]:
    cpu, gpu, ram = parts
    if duration_s < LEAST_WINDOW_S:
        return None, f"a run of {duration_s:.1f} s is too short for a meter that samples"
    if gpu > 0:
        return Energy(
            joules=gpu * JOULES_PER_KWH / calls,
            scope=EnergyScope.BOARD,
            method=EnergyMethod.COUNTER,
            evidence=Evidence.IMPORTED,
            window_s=duration_s,
            calls=calls,
            notes=("processor and memory left out: they are often modelled",),
        ), None
    if cpu + ram <= 0:
        return None, "codecarbon gives 0 kWh: it had no meter and no model"
    return Energy(
        joules=(cpu + ram) * JOULES_PER_KWH / calls,
        scope=EnergyScope.HOST,
        method=EnergyMethod.MODELLED,
        evidence=Evidence.ESTIMATED,
        window_s=duration_s,
        calls=calls,
        notes=("from rated power and load, unless RAPL could be read; the file does not say",),
    ), None


def _doubts(row: Fields, pue: float) -> list[str]:
    found = []
    if row.text("tracking_mode") == "machine":
        found.append("tracking_mode is machine: other programs' energy is inside")
    if pue != 1.0:
        found.append(f"pue {pue:g} is set: its total is of the building, its parts of the machine")
    if not row.text("region"):
        found.append("no region: its carbon is a country's or the world's average and is not used")
    return found
