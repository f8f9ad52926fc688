"""Curves are drawn from the points and the fit, and nothing else."""

import numpy as np
import pytest

from tco.charts.curve_frames import drawn_curve, measured_where, points_table
from tco.charts.service import curve_with_points
from tco.errors import MissingFigureError
from tests.shipped import data

SERVINGS = {one.id: one for one in data()[1].servings}


@pytest.mark.parametrize("name", SERVINGS)
def test_every_shipped_measurement_of_serving_is_drawn_within_its_band(name: str):
    catalog, measurements = data()
    measured = SERVINGS[name]
    known = measurements.with_hardware(catalog.accelerators)
    if len(measured.points) == 1:
        with pytest.raises(MissingFigureError, match="one running batch only"):
            known.fitted(measured)  # nothing to draw, and the page says so
        return
    curve = known.fitted(measured)
    drawn = drawn_curve(measured, curve)
    line, points = drawn.line, drawn.points
    assert (line["low"] <= line["value"]).all()
    assert (line["value"] <= line["high"]).all()
    assert set(points["series"]) <= set(line["series"])
    assert np.isfinite(line["value"]).all()
    spec = curve_with_points(points, line, axis=drawn.axis, title=name, across=drawn.across)
    assert spec.to_dict()["layer"]


def test_a_batch_curve_shows_each_point_once():
    measured = SERVINGS["all-minilm-l6-v2.onnx-fp32.cpu-1-thread"]
    drawn = drawn_curve(measured, data()[1].fitted(measured))
    assert sorted(drawn.points["value"]) == sorted(p.seconds.typical for p in measured.points)
    assert len(points_table(measured)) == len(measured.points)


def test_the_best_grade_of_a_pair_is_shown_with_the_number_of_figures():
    table = measured_where(data()[1], {"all-minilm-l6-v2"})
    assert list(table.index) == ["all-minilm-l6-v2"]
    own = [m for m in SERVINGS.values() if m.subject.snapshot == "all-minilm-l6-v2"]
    shown = [str(cell) for cell in table.loc["all-minilm-l6-v2"] if cell]
    counts = sum(int(cell.split("(")[1].rstrip(")")) for cell in shown)
    rows = [row for row in data()[1].rows if row.snapshot == "all-minilm-l6-v2"]
    assert counts == len(own) + len(rows)
    assert any(cell.startswith("measured") for cell in shown)
    assert measured_where(data()[1], set()).empty
