"""Instances that come and go, billed by hand."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tco.sim.billing import billed_instance_s


def billed(curve, until_s=100.0, per_instance=1, increment_s=None, minimum_s=None):
    return billed_instance_s(
        curve, until_s, per_instance=per_instance, increment_s=increment_s, minimum_s=minimum_s
    )


def test_without_increments_time_is_what_is_held():
    assert billed([(0.0, 1), (10.0, 3), (40.0, 1)]) == 100.0 + 2 * 30.0


def test_an_instance_is_kept_while_some_replica_is_on_it():
    # Five replicas at four to an instance need two; the second goes when four are left.
    assert billed([(0.0, 5), (30.0, 4), (60.0, 1)], per_instance=4) == 100.0 + 30.0


def test_each_stretch_is_rounded_up_to_the_increment():
    assert billed([(0.0, 1), (10.0, 2), (71.0, 1)], increment_s=60.0) == 100.0 + 120.0


def test_a_short_stretch_costs_the_minimum():
    assert billed([(0.0, 1), (10.0, 2), (15.0, 1)], minimum_s=60.0) == 100.0 + 60.0


def test_the_stretch_that_the_end_cuts_counts_as_it_is():
    assert billed([(95.0, 1)], increment_s=60.0, minimum_s=60.0) == 5.0


@given(
    steps=st.lists(st.tuples(st.floats(0, 1000), st.integers(0, 20)), min_size=1, max_size=20),
    per_instance=st.integers(1, 5),
)
def test_rounding_never_makes_a_bill_smaller(steps, per_instance):
    curve = sorted(steps)
    plain = billed(curve, 1000.0, per_instance)
    rounded = billed(curve, 1000.0, per_instance, increment_s=3600.0, minimum_s=60.0)
    held_s = sum(
        -(-held // per_instance) * (later - now)
        for (now, held), (later, _) in pairwise([*curve, (1000.0, 0)])
    )
    assert plain == pytest.approx(held_s)
    assert rounded >= plain - 1e-9
