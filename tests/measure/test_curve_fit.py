"""Lines found by least squares, and what they say of points they have not seen."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tco.domain.curve import Accuracy, Line
from tco.measure.curve_fit import bent, fit_line, left_out, positive_fit, straight

POSITIVE = st.floats(1e-4, 1e3)
NUMBERS = st.lists(st.integers(1, 512), min_size=3, max_size=9, unique=True).map(
    lambda found: np.array(sorted(found), dtype=float)
)


@given(numbers=NUMBERS, base=POSITIVE, slope=POSITIVE)
def test_a_straight_line_is_found_exactly_and_foretells_itself(numbers, base, slope):
    seen = base + slope * numbers
    line, accuracy = fit_line(numbers, seen)
    assert line.at(numbers) == pytest.approx(seen, rel=1e-6)
    assert accuracy.in_sample_error < 1e-6
    assert accuracy.left_out_error == pytest.approx(0, abs=1e-5)


@given(numbers=NUMBERS, noise=st.lists(st.floats(0.3, 3.0), min_size=9, max_size=9))
def test_no_fit_ever_falls_or_starts_below_nothing(numbers, noise):
    seen = (1 + 0.1 * numbers) * np.array(noise[: numbers.size])
    for fit in (straight, bent):
        grid = fit(numbers, seen).at(np.linspace(0, 1000, 200))
        assert grid.min() >= 0
        assert np.all(np.diff(grid) >= -1e-9)


def test_coefficients_below_nothing_are_not_offered():
    # Free least squares give -1 + 2 n; without a base: sum(x) / sum(x^2) of x = n/y.
    numbers, seen = np.array([1.0, 2.0, 4.0]), np.array([1.0, 3.0, 7.0])
    base, slope = positive_fit(np.column_stack([np.ones(3), numbers]), seen)
    x = numbers / seen
    assert (base, slope) == pytest.approx((0, x.sum() / (x * x).sum()))


def test_left_out_is_what_the_others_foretell():
    # 1 -> 2, 2 -> 3, 4 -> 9. Without 4: 1 + n, foretells 5 for 9. Without 1: 3 n - 3 is not allowed
    # (base below 0); without 2: 7/3 n - 1/3 neither: then slope alone, by relative squares.
    numbers, seen = np.array([1.0, 2.0, 4.0]), np.array([2.0, 3.0, 9.0])
    misses = left_out(straight, numbers, seen)
    assert misses[2] == pytest.approx(4 / 9)
    x = np.array([2 / 3, 4 / 9])
    assert misses[0] == pytest.approx(abs(x.sum() / (x * x).sum() / 2 - 1))


def kinked(numbers):
    return np.where(numbers <= 8, 10 + numbers, 18 + 5 * (numbers - 8))


def test_a_knee_is_taken_from_six_points_on_and_only_if_it_foretells_better():
    six = np.array([1.0, 2.0, 4.0, 8.0, 16.0, 32.0])
    line, accuracy = fit_line(six, kinked(six))
    assert line.knee == 8
    assert accuracy.left_out_error is not None
    assert accuracy.left_out_error < left_out(straight, six, kinked(six)).mean()
    assert fit_line(six[1:], kinked(six[1:]))[0].knee is None
    assert fit_line(six, 3 + six)[0].knee is None


def test_too_few_points_have_no_error_of_their_own():
    _, accuracy = fit_line(np.array([1.0, 8.0]), np.array([1.0, 4.0]))
    assert accuracy.left_out_error is None
    assert accuracy.relative_error(1) == 0.25
    assert accuracy.covers(8)
    assert not accuracy.covers(4)


def test_one_batch_is_read_in_proportion():
    line, _ = fit_line(np.array([4.0]), np.array([2.0]))
    assert line == Line(base=0.0, slope=0.5)


@given(number=st.floats(0.01, 1e4), more=st.floats(1.0, 10.0))
def test_the_error_never_shrinks_away_from_the_range(number, more):
    fit = Accuracy(numbers=(4, 8, 64), in_sample_error=0.0, left_out_error=0.1)
    away = number * more if number >= 8 else number / more
    assert fit.relative_error(away) >= fit.relative_error(number) - 1e-12
    assert fit.relative_error(number) >= 0.1


def test_the_error_of_a_transfer_is_added_in_squares():
    fit = Accuracy(numbers=(1, 2, 4), in_sample_error=0.0, left_out_error=0.03, transfer_error=0.04)
    assert fit.relative_error(2) == pytest.approx(0.05)
