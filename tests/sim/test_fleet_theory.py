"""What randomness adds: closed forms of queues, batches and impatience, through the whole fleet.

Means are held to four standard errors, taken from batches of consecutive requests after a warm-up.
"""

import dataclasses
import math

import numpy as np
import pytest

from tco.sim import kernel_layout as at
from tco.sim import theory, theory_batches
from tco.sim.fleet import Fleet, FleetRules, Requests
from tco.sim.scaling import Static
from tco.sim.service import BatchRule, linear_service

REQUESTS = 1_600_000
BLOCKS = 40
ERRORS = 4.0


def simulated(
    rate_per_s,
    replicas,
    *,
    random_service=False,
    patience_s=None,
    seed=1,
    batch=None,
    requests=REQUESTS,
    factors=None,
    **rest,
):
    """Poisson arrivals; a service takes 1 s, or an exponential time of that mean."""
    random = np.random.default_rng(seed)
    arrivals_s = np.cumsum(random.exponential(1 / rate_per_s, requests))
    if random_service:
        factors = random.exponential(1.0, requests)
    patience = np.empty(0) if patience_s is None else random.exponential(patience_s, requests)
    batch = batch or BatchRule()
    service = linear_service(1.0, 0.0, batch.max_size)
    if factors is not None:
        service = dataclasses.replace(service, factors=factors)
    rules = FleetRules(
        service=service,
        batch=batch,
        rule=Static(replicas),
        minimum=replicas,
        maximum=replicas,
        **rest,
    )
    chunk = Requests(arrivals_s, patience_s=patience)
    fleet = Fleet(rules, [chunk], until_s=float(arrivals_s[-1]), keep_requests=requests)
    times = fleet.run(to_the_last=True).per_request
    assert times is not None
    return arrivals_s, times


def agrees(values, expected, *, within):
    """Hold a mean to its closed form; ``within`` keeps the four standard errors from being wide."""
    used = values[len(values) // 10 :]
    blocks = [float(np.mean(part)) for part in np.array_split(used, BLOCKS)]
    error = np.std(blocks, ddof=1) / math.sqrt(BLOCKS)
    assert abs(np.mean(blocks) - expected) <= ERRORS * error
    assert ERRORS * error <= within * expected, "narrow enough to tell"


def test_exponential_service_on_22_replicas():
    closed = theory.mmc(18.0, 1.0, 22)
    arrivals_s, times = simulated(18.0, 22, random_service=True)
    waits = times.start_s - arrivals_s
    agrees(waits, closed.wait_s, within=0.11)
    agrees(waits > 0, closed.wait_share, within=0.05)
    agrees(waits > 0.5, closed.wait_exceeds(0.5), within=0.25)


def test_a_queue_of_limited_length_turns_away_its_share():
    closed = theory.mmck(8.0, 1.0, 10, 15)
    arrivals_s, times = simulated(8.0, 10, random_service=True, queue_limit=5)
    served = times.status == at.STATUS_SERVED
    agrees(~served, closed.refused_share, within=0.1)
    agrees((times.start_s - arrivals_s)[served], closed.wait_s, within=0.05)


def test_impatient_requests_leave_at_their_share():
    closed = theory.erlang_a(12.0, 1.0, 10, 2.0)
    arrivals_s, times = simulated(12.0, 10, random_service=True, patience_s=2.0)
    left = times.status == at.STATUS_ABANDONED
    agrees(left, closed.abandoned_share, within=0.06)
    # A request that leaves has waited for its patience; the mean over all is Little's.
    random = np.random.default_rng(1)
    random.exponential(1 / 12.0, REQUESTS)
    random.exponential(1.0, REQUESTS)
    patience = random.exponential(2.0, REQUESTS)
    agrees(np.where(left, patience, times.start_s - arrivals_s), closed.wait_s, within=0.06)


def test_constant_service_on_one_replica():
    closed = theory.mdc(0.8, 1.0, 1)
    arrivals_s, times = simulated(0.8, 1)
    waits = times.start_s - arrivals_s
    agrees(waits, closed.wait_s, within=0.11)
    for time_s in (0.0, 1.0, 2.0, 5.0):
        # Times of one request are sums of thousands: zero is zero up to rounding.
        agrees(waits <= time_s + 1e-6, closed.wait_within(time_s), within=0.05)


@pytest.mark.parametrize(("rate_per_s", "replicas"), [(8.0, 10), (2.0, 3)])
def test_constant_service_on_several_replicas(rate_per_s, replicas):
    closed = theory.mdc(rate_per_s, 1.0, replicas)
    arrivals_s, times = simulated(rate_per_s, replicas)
    waits = times.start_s - arrivals_s
    agrees(waits, closed.wait_s, within=0.06)
    agrees(waits > 1e-6, closed.wait_share, within=0.04)


def test_service_of_any_spread_on_one_replica():
    scv = 0.5476
    sigma = math.sqrt(math.log1p(scv))
    random = np.random.default_rng(9)
    factors = random.lognormal(-(sigma**2) / 2, sigma, REQUESTS)
    arrivals_s, times = simulated(0.6, 1, factors=factors)
    agrees(times.start_s - arrivals_s, theory.mg1(0.6, 1.0, scv).wait_s, within=0.06)


def test_bulk_service_waits_for_the_least_and_takes_up_to_the_most():
    closed = theory_batches.bulk_service(5.0, 1.0, 4, 8)
    rule = BatchRule(8, math.inf, tuple(range(4, 8)))
    arrivals_s, times = simulated(5.0, 1, random_service=True, batch=rule)
    served = times.status == at.STATUS_SERVED
    assert (~served).sum() < 4, "the last few wait for company that never comes"
    agrees((times.start_s - arrivals_s)[served], closed.wait_s, within=0.06)
    sizes = np.bincount(times.batch[served])
    agrees(sizes, closed.mean_batch, within=0.02)
    begins = np.unique(times.start_s[served])
    ends = np.unique(times.finish_s[served])
    agrees(
        (ends - begins) / np.diff(begins, append=ends[-1]).mean(),
        1 - closed.idle_share,
        within=0.04,
    )


def test_batches_that_leave_when_full_or_after_a_time_where_replicas_abound():
    closed = theory_batches.timed_batches(50.0, 0.1, 8)
    arrivals_s, times = simulated(50.0, 100, batch=BatchRule(8, 0.1))
    sizes = np.bincount(times.batch)
    agrees(sizes, closed.mean_batch, within=0.01)
    agrees(sizes == 8, closed.full_share, within=0.06)
    agrees(times.start_s - arrivals_s, closed.wait_s, within=0.01)
