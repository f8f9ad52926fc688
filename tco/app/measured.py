"""Snapshots and measurements: what is known of each, on which hardware, and which goals fail."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from tco.app import shell, state
from tco.app.words import plain
from tco.charts import frames
from tco.charts.curve_frames import drawn_curve, measured_where, points_table
from tco.charts.service import curve_with_points, latency_against_goal
from tco.domain.curve import ServiceCurve
from tco.domain.measured import Measured
from tco.domain.record import Estimate
from tco.domain.snapshot import Metric, Snapshot
from tco.errors import TcoError
from tco.measure.library import Measurements
from tco.plan import Evaluation
from tco.rank.score import Answer, Status
from tco.rank.words import amount

NOT_KNOWN = "not known"


@shell.result_page(
    "Snapshots & measurements", "What is known of each model, on which hardware, how well?"
)
def page(shown: shell.Shown) -> None:
    """Draw the page."""
    found = shown.whole
    measurements = state.materials().measurements
    _snapshots(found)
    _goals(found)
    _latency(found)
    every = st.toggle("Also measurements of snapshots outside this scenario", key="measured-every")
    ids = None if every else set(found.scenario.snapshots)
    _by_hardware(measurements, ids)
    _curve(measurements, ids)


# ---- snapshots -----------------------------------------------------------------------------------


def _snapshots(found: Evaluation) -> None:
    st.subheader("Snapshots of this scenario")
    rows = [_snapshot(found, one) for one in found.scenario.snapshots.values()]
    st.table(rows, border="horizontal", hide_index=True, alt="Snapshots and their quality")
    st.caption(
        "Quality with its interval where the record gives one; figures on different test sets are "
        "never compared."
    )


def _snapshot(found: Evaluation, one: Snapshot) -> dict[str, str]:
    own = [c.quality for c in found.scenario.candidates.values() if c.snapshot == one.id]
    metrics = (*one.metrics, *(metric for part in own for metric in part))
    return {
        "snapshot": f"{plain(one.name)} {plain(one.version)}",
        "weights": one.openness.value,
        "parameters": NOT_KNOWN if one.parameters is None else amount(one.parameters),
        "precision": plain(one.precision or NOT_KNOWN),
        "memory, GiB": NOT_KNOWN if one.memory_gib is None else f"{one.memory_gib:,.4g}",
        "made by": one.training.approach.value,
        "quality": "; ".join(dict.fromkeys(map(_quality, metrics))) or "no figure",
    }


def _quality(metric: Metric) -> str:
    interval = "" if metric.low is None else f" ({metric.low:g} to {metric.high:g})"
    return (
        f"{plain(metric.name)} {metric.value:g}{interval} on {plain(metric.test_set)}, "
        f"{metric.split}, {metric.evidence.value}"
    )


def _goals(found: Evaluation) -> None:
    st.subheader("Goals")
    ranking = found.ranking
    answers = (*ranking.options, *ranking.unproven, *ranking.excluded)
    rows = [_verdict(answer) for answer in answers]
    st.table(rows, border="horizontal", hide_index=True, alt="Which option fails which goal")


def _verdict(answer: Answer) -> dict[str, str]:
    words = {
        Status.RANKED: ":green-badge[meets every goal]",
        Status.UNPROVEN: ":orange-badge[unproven]",
        Status.EXCLUDED: ":red-badge[left out]",
    }
    return {
        "option": plain(answer.title),
        "goals": words[answer.status],
        "why": plain("; ".join((*answer.reasons, *answer.warnings))),
    }


def _latency(found: Evaluation) -> None:
    table = frames.latency_table(found)
    if table.empty:
        return
    st.subheader("How fast it answers")
    goal = found.scenario.goals.latency_ms
    says = "Latency of each option" + ("" if goal is None else " against its goal")
    chart, cells = st.tabs(["Chart", "Table"])
    chart.altair_chart(latency_against_goal(table, title=says), width="stretch",
                       key="latency", alt=says)  # fmt: skip
    cells.dataframe(table, hide_index=True, width="stretch", alt="Latency by option and quantile")


# ---- measurements --------------------------------------------------------------------------------


def _by_hardware(measurements: Measurements, ids: set[str] | None) -> None:
    st.subheader("Measured where")
    table = measured_where(measurements, ids)
    if table.empty:
        st.info(
            "Nobody has measured a snapshot of this scenario; its options state their service, "
            "or are served by vendors. Bring your own under Uploads."
        )
        return
    st.dataframe(table, width="stretch", alt="Snapshots down, hardware across, best grade inside")
    st.caption("The best grade of each pair, and how many figures there are.")


def _curve(measurements: Measurements, ids: set[str] | None) -> None:
    known = {
        one.id: one for one in measurements.servings if ids is None or one.subject.snapshot in ids
    }
    if not known:
        return
    st.subheader("A curve with its points")
    chosen = known[st.selectbox("Measurement", list(known), key="measured-one")]
    accelerators = state.materials().catalog.accelerators
    try:
        curve = measurements.with_hardware(accelerators).fitted(chosen)
    except TcoError as error:
        st.info(plain(str(error)))
    else:
        _draw(chosen, curve)
    st.markdown("**Every point**")
    points = points_table(chosen).rename(columns=lambda name: name.replace("_", " "))
    st.dataframe(points, hide_index=True, width="stretch",
                 alt="Every point of the measurement")  # fmt: skip


def _draw(measured: Measured, curve: ServiceCurve) -> None:
    drawn = drawn_curve(measured, curve)
    says = f"{measured.subject.snapshot} on {measured.hardware.name}, {curve.runtime}"
    chart, facts = st.columns([3, 2])
    chart.altair_chart(
        curve_with_points(drawn.points, drawn.line, axis=drawn.axis, title=says,
                          across=drawn.across),
        width="stretch", key="curve", alt=f"{says}: points, fitted curve and its error",
    )  # fmt: skip
    chart.caption("Points as measured; the line is the fitted curve, the band its error.")
    rows = {
        "grade": measured.evidence.value,
        "weights": "random, of the true architecture" if measured.is_reference else "trained",
        "measured": f"in {measured.measured_in}",
        "energy": "not measured"
        if curve.energy_evidence is None or curve.energy_scope is None
        else f"{curve.energy_scope.value}, {curve.energy_evidence.value}",
        "idle power": _estimate(curve.idle_w, "W"),
        "cold start, process to first answer": _estimate(curve.load_s, "s"),
        "source": plain(measured.source),
    }
    facts.table(pd.DataFrame({"": list(rows), "value": list(rows.values())}),
                border="horizontal", hide_index=True, alt="Facts of the measurement")  # fmt: skip
    for note in curve.notes:
        facts.caption(plain(note))


def _estimate(figure: Estimate | None, unit: str) -> str:
    if figure is None:
        return "not measured"
    spread = "" if figure.low is None else f" ({figure.low:,.4g} to {figure.high:,.4g})"
    return f"{figure.likely:,.4g} {unit}{spread}"
