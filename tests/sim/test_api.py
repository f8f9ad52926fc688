"""Priced APIs against plain objects, closed forms and cases worked by hand."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tco.errors import InfeasibleError, MissingFigureError
from tco.sim import api_kernel as at
from tco.sim.api import ApiRules, Limit, Quantiles, Retry, check_limits, run_api
from tests.oracles.apis import Bucket, Vendor, luck

FATES = {at.SERVED: "served", at.FELL_OVER: "fell over", at.LOST: "lost"}
SELLERS = {"by token": at.PAID_BY_TOKEN, "provisioned": at.PROVISIONED, "elsewhere": at.FALLBACK}
SEED = 11
SAME_S = 2e-9
"""A drawn time within a rounding of half a nanosecond may fall to either side of it."""


class Always(Quantiles):
    """A latency that is a table as it stands, for times without rounding."""

    def table(self):
        values = np.array([seconds for _, seconds in self.points])
        values.setflags(write=False)
        return values


def always(*seconds: float) -> Always:
    return Always(tuple((0.5, each) for each in seconds))


def drawn(law: Quantiles | None, *place: int) -> Fraction:
    """A value of the table of a law: straight lines between the middles of equal shares."""
    if law is None:
        return Fraction(0)
    table = [Fraction(value) for value in law.table().tolist()]
    spot = luck(SEED, *place) * len(table) - Fraction(1, 2)
    if spot <= 0:
        return table[0]
    low = int(spot)
    if low >= len(table) - 1:
        return table[-1]
    return table[low] + (spot - low) * (table[low + 1] - table[low])


def vendor_of(rules: ApiRules, tokens, calls, outages_s) -> Vendor:
    """The same rules, for the plain objects."""
    rows = [[Fraction(value) for value in row] for row in tokens]

    def bucket(limit: Limit) -> Bucket:
        weights = (limit.per_fresh, limit.per_cached, limit.per_output)

        def wants(row: int) -> Fraction:
            own = rows[row if len(rows) > 1 else 0]
            tokens_taken = (Fraction(w) * t for w, t in zip(weights, own, strict=True))
            return Fraction(limit.per_call) + sum(tokens_taken)

        return Bucket(Fraction(limit.per_minute) / 60, Fraction(limit.size), wants)

    retry = rules.retry

    def wait_s(request: int, call: int, tried: int) -> Fraction:
        wait = Fraction(retry.first_wait_s) * Fraction(retry.wait_factor) ** tried
        wait = min(wait, Fraction(retry.longest_wait_s))
        return wait * (1 - Fraction(retry.jitter_share) * luck(SEED, request, call, tried, 2))

    first = np.concatenate(([0], np.cumsum(calls)))

    def takes_s(request: int, call: int, tried: int) -> Fraction:
        if rules.per_token is None:
            return drawn(rules.latency, request, 0, tried, 0) / int(calls[request])
        row = int(first[request]) + call if len(rows) > 1 else 0
        pace = drawn(rules.per_token, request, call, tried, 1)
        after_the_first = max(Fraction(0), rows[row][2] - 1)
        return drawn(rules.latency, request, call, tried, 0) + after_the_first * pace

    def elsewhere_s(request: int) -> Fraction:
        return drawn(rules.elsewhere, request, 0, retry.tries - 1, 3) / int(calls[request])

    return Vendor(
        [bucket(limit) for limit in rules.limits],
        None if rules.provisioned is None else bucket(rules.provisioned),
        rules.passes_on,
        Fraction(rules.queue_s),
        retry.tries,
        wait_s,
        retry.honours_retry_after,
        takes_s,
        None if retry.timeout_s is None else Fraction(retry.timeout_s),
        [(Fraction(begin), Fraction(end)) for begin, end in outages_s],
        Fraction(rules.error_after_s),
        elsewhere_s if rules.falls_over else None,
        rules.bills_failed,
        retry.bills_timed_out,
    )


whole = st.integers(0, 60).map(float)
limit_of_calls = st.builds(
    lambda per_minute, size: Limit("calls", per_minute, size, per_call=1.0),
    st.sampled_from([6.0, 20.0, 60.0, 90.0]),
    st.sampled_from([1.0, 2.0, 5.0]),
)
limit_of_tokens = st.builds(
    lambda per_minute, size, cached, out: Limit("tokens", per_minute, size, 0.0, 1.0, cached, out),
    st.sampled_from([120.0, 600.0, 1500.0]),
    st.sampled_from([8.0, 20.0, 60.0]),
    st.sampled_from([0.0, 1.0]),
    st.sampled_from([0.0, 1.0, 4.0]),
)
laws = st.sampled_from([None, always(1.0), always(2.0, 5.0), always(0.5, 3.0, 8.0)])


@st.composite
def retries(draw):
    timeout_s = draw(st.sampled_from([None, 2.0, 4.0]))
    return Retry(
        tries=draw(st.integers(1, 4)),
        first_wait_s=draw(st.sampled_from([0.0, 1.0, 2.0])),
        wait_factor=draw(st.sampled_from([1.0, 2.0, 3.0])),
        longest_wait_s=draw(st.sampled_from([1.0, 4.0, 50.0])),
        jitter_share=draw(st.sampled_from([0.0, 0.0, 0.25, 1.0])),
        honours_retry_after=draw(st.booleans()),
        timeout_s=timeout_s,
        bills_timed_out=timeout_s is not None and draw(st.booleans()),
    )


@st.composite
def api_rules(draw):
    limits = draw(st.lists(limit_of_calls, max_size=1))
    limits += draw(st.lists(limit_of_tokens, max_size=2))
    return ApiRules(
        limits=tuple(limits),
        queue_s=draw(st.sampled_from([0.0, 0.0, 3.0, 30.0])),
        retry=draw(retries()),
        latency=draw(laws),
        per_token=draw(st.sampled_from([None, always(0.25), always(0.5, 1.0)])),
        provisioned=draw(st.none() | limit_of_tokens),
        passes_on=draw(st.booleans()),
        error_after_s=draw(st.sampled_from([0.0, 2.0])),
        bills_failed=draw(st.booleans()),
        falls_over=draw(st.booleans()),
        elsewhere=draw(laws),
    )


@st.composite
def traffic(draw):
    """When requests come, their calls, the tokens of each or of all, and outages."""
    came = sorted(draw(st.lists(whole, min_size=1, max_size=25)))
    calls = draw(st.lists(st.integers(1, 3), min_size=len(came), max_size=len(came)))
    total = sum(calls) if draw(st.booleans()) else 1
    one = st.tuples(*(st.sampled_from([0.0, 1.0, 4.0, 10.0]) for _ in range(3)))
    tokens = draw(st.lists(one, min_size=total, max_size=total))
    edges = sorted(set(draw(st.lists(whole, max_size=4))))
    return came, calls, tokens, list(zip(edges[::2], edges[1::2], strict=False))


# A try that comes again when another comes, after many gaps of two thirds of a second.
A_TIE_OF_THIRDS: tuple[ApiRules, Any] = (
    ApiRules(
        limits=(Limit("calls", 90.0, 1.0, per_call=1.0),),
        queue_s=3.0,
        retry=Retry(tries=2, timeout_s=2.0),
        latency=always(1.0),
        per_token=always(0.5),
    ),
    ([0.0] * 10 + [27.0, 27.0, 29.0, 30.0, 33.0], [1] * 15, [(0.0, 0.0, 4.0)], []),
)

# Tries that come when the bucket is told to be full, each after calls that take any time at all.
TIES_AFTER_DRAWN_TIMES: tuple[ApiRules, Any] = (
    ApiRules(
        limits=(Limit("calls", 90.0, 1.0, per_call=1.0),),
        queue_s=3.0,
        retry=Retry(2, longest_wait_s=1.0, honours_retry_after=True, timeout_s=4.0),
        latency=always(0.5, 3.0, 8.0),
        per_token=always(0.5, 1.0),
        error_after_s=2.0,
    ),
    (
        [0.0, *map(float, (24, 25, 27, 29, 29, 29, 30, 32, 33, 34, 35, 36, 36, 38, 40))],
        [3, 2, 3, 2, 2, 1, 3, 2, 3, 2, 1, 2, 2, 3, 2, 3],
        [(0.0, 0.0, 4.0)] * 36,
        [],
    ),
)


@given(rules=api_rules(), traffic=traffic())
@example(*A_TIE_OF_THIRDS)
@example(*TIES_AFTER_DRAWN_TIMES)
@settings(max_examples=250)
def test_every_request_ends_when_and_as_plain_objects_end_it(rules, traffic):
    came, calls, tokens, outages_s = traffic
    vendor = vendor_of(rules, tokens, calls, outages_s)
    expected = vendor.run([Fraction(moment) for moment in came], calls)
    first_call = np.concatenate(([0], np.cumsum(calls))).astype(np.int64)
    found = run_api(
        rules,
        np.array(came),
        np.array(tokens).reshape(-1, 3),
        seed=SEED,
        first_call=np.empty(0, np.int64) if max(calls) == 1 else first_call,
        outages_s=np.array(outages_s).reshape(-1, 2),
    )
    assert [FATES[fate] for fate in found.fates.tolist()] == [fate for fate, _ in expected]
    ends_s = [moment_ns / 1e9 for _, moment_ns in expected]
    np.testing.assert_allclose(found.finish_s, ends_s, rtol=0, atol=SAME_S)
    seen = (vendor.turned_away, vendor.failed, vendor.timed_out)
    assert seen == tuple(found.counts[[at.TURNED_AWAY, at.FAILED, at.TIMED_OUT]])
    for name, seller in SELLERS.items():
        rows = [row if len(tokens) > 1 else 0 for paid, row in vendor.billed if paid == name]
        kinds = [sum(tokens[row][kind] for row in rows) for kind in range(3)]
        np.testing.assert_allclose(found.billed[seller], [*kinds, len(rows)])


CALL = np.array([[1000.0, 0.0, 100.0]])
LAW = Quantiles(((0.5, 1.0), (0.95, 3.0), (0.99, 6.0)))


def poisson(per_s: float, count: int, seed: int = 1):
    return np.cumsum(np.random.default_rng(seed).exponential(1 / per_s, count))


def test_without_anything_in_the_way_latency_has_the_stated_quantiles():
    came_s = poisson(5.0, 400_000)
    run = run_api(ApiRules(latency=LAW), came_s, CALL, seed=SEED)
    taken_s = run.finish_s - came_s
    for share, seconds in LAW.points:
        below = np.mean(taken_s <= seconds)
        assert abs(below - share) < 4 * np.sqrt(share * (1 - share) / came_s.size)
    assert run.of_fate(at.SERVED) == came_s.size
    assert not run.counts[[at.TURNED_AWAY, at.FAILED, at.TIMED_OUT, at.QUEUED_S]].any()


def test_a_request_of_several_calls_takes_as_long_as_the_latency_of_requests_says():
    came_s = poisson(5.0, 5_000)
    one = run_api(ApiRules(latency=LAW), came_s, CALL, seed=SEED)
    edges = np.arange(0, 3 * came_s.size + 1, 3)
    three = run_api(ApiRules(latency=LAW), came_s, CALL, seed=SEED, first_call=edges)
    np.testing.assert_allclose(three.finish_s, one.finish_s, rtol=0, atol=3 * 1e-9)
    assert three.billed[at.PAID_BY_TOKEN, at.CALLS] == 3 * came_s.size


def test_without_retries_outages_lose_their_share_of_the_time():
    came_s = poisson(5.0, 400_000)
    begins_s = np.arange(0.0, came_s[-1], 4000.0)
    outages_s = np.column_stack((begins_s + 500.0, begins_s + 900.0))
    run = run_api(ApiRules(latency=LAW), came_s, CALL, seed=SEED, outages_s=outages_s)
    share = 0.1
    error = np.sqrt(share * (1 - share) / came_s.size)
    assert abs(run.of_fate(at.LOST) / came_s.size - share) < 4 * error
    assert error < 0.01 * share, "narrow enough to tell"


def test_time_outs_and_tries_are_independent_draws():
    """A call of which one in twenty is given up, three times: lost in one of 8,000."""
    came_s = poisson(5.0, 1_000_000)
    retry = Retry(3, 1.0, longest_wait_s=1.0, timeout_s=3.0, bills_timed_out=True)
    run = run_api(ApiRules(latency=LAW, retry=retry), came_s, CALL, seed=SEED)
    lost = 0.05**3
    assert abs(run.of_fate(at.LOST) / came_s.size - lost) < 4 * np.sqrt(lost / came_s.size)
    tries = 1 + 0.05 + 0.05**2
    assert run.counts[at.MADE] / came_s.size == pytest.approx(tries, abs=4 * 0.22 / 1000)
    # Every try is billed, answered or given up.
    assert run.billed[at.PAID_BY_TOKEN, at.CALLS] == run.counts[at.MADE]


def test_a_bucket_of_one_call_in_a_queue_is_the_queue_of_constant_service():
    """Held back one after the other at constant gaps: M/D/1, less the service itself."""
    from tco.sim.theory import mdc

    came_s = poisson(0.8, 1_000_000)
    rules = ApiRules(limits=(Limit("calls", 60.0, 1.0, per_call=1.0),), queue_s=1e6)
    run = run_api(rules, came_s, CALL, seed=SEED)
    waits_s = run.finish_s - came_s
    blocks = [float(part.mean()) for part in np.array_split(waits_s[100_000:], 40)]
    error = np.std(blocks, ddof=1) / np.sqrt(40)
    assert abs(np.mean(blocks) - mdc(0.8, 1.0, 1).wait_s) < 4 * error < 0.25


def test_calls_that_are_turned_away_by_hand():
    """Two may come at once, then one every ten seconds; waits of 4, 8 and 16 s."""
    rules = ApiRules(
        limits=(Limit("calls", 6.0, 2.0, per_call=1.0),),
        retry=Retry(3, 4.0, longest_wait_s=60.0),
        latency=always(1.0),
    )
    run = run_api(rules, np.array([0.0, 0.0, 0.0, 0.0]), CALL, seed=SEED)
    # The third is turned away at 0 and 4 and let through at 12; the fourth, at 12 too, comes after
    # it, finds 0.2 of a call, and has no try left.
    assert run.finish_s.tolist() == [1.0, 1.0, 13.0, 12.0]
    assert [FATES[fate] for fate in run.fates] == ["served", "served", "served", "lost"]
    # Whoever waits until it would be let through needs one try less.
    told = ApiRules(rules.limits, 0.0, Retry(3, 4.0, longest_wait_s=60.0, honours_retry_after=True),
                    always(1.0))  # fmt: skip
    run = run_api(told, np.array([0.0, 0.0, 0.0, 0.0]), CALL, seed=SEED)
    assert run.finish_s.tolist() == [1.0, 1.0, 11.0, 21.0]
    assert run.counts[at.TURNED_AWAY] == 3


def test_throughput_bought_ahead_is_used_first_and_the_rest_is_passed_on_or_turned_away():
    bought = Limit("tokens", 6000.0, 1100.0, 0.0, 1.0, 1.0, 1.0)
    came_s = np.array([0.0, 1.0, 11.0])
    run = run_api(ApiRules(provisioned=bought, latency=always(1.0)), came_s, CALL, seed=SEED)
    assert run.billed[:, at.CALLS].tolist() == [1.0, 2.0, 0.0]
    assert run.billed[at.PROVISIONED].tolist() == [2000.0, 0.0, 200.0, 2.0]
    alone = ApiRules(provisioned=bought, passes_on=False, latency=always(1.0))
    run = run_api(alone, came_s, CALL, seed=SEED)
    assert [FATES[fate] for fate in run.fates] == ["served", "lost", "served"]


def test_a_request_meets_the_same_luck_under_all_rules():
    came_s = poisson(5.0, 20_000)
    free = run_api(ApiRules(latency=LAW), came_s, CALL, seed=SEED)
    rules = ApiRules(limits=(Limit("calls", 270.0, 50.0, per_call=1.0),), latency=LAW)
    held = run_api(rules, came_s, CALL, seed=SEED)
    served = held.fates == at.SERVED
    assert 0.5 < served.mean() < 1.0
    np.testing.assert_array_equal(held.finish_s[served], free.finish_s[served])


def test_more_calls_at_once_than_the_first_room():
    rules = ApiRules(retry=Retry(2, 5.0, longest_wait_s=5.0), latency=always(1.0))
    run = run_api(rules, np.zeros(20_000), CALL, seed=SEED, outages_s=np.array([[0.0, 3.0]]))
    assert run.of_fate(at.SERVED) == 20_000
    assert run.counts[at.MADE] == 40_000


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        (
            ApiRules(limits=(Limit("calls", 90.0, 90.0, per_call=1.0),)),
            r"take 120 calls a minute and 90 are let through; .* 1,800 calls an hour, to "
            r"1,296,000 by the end of the month. More than 120 a minute",
        ),
        (
            ApiRules(limits=(Limit("input tokens", 1e5, 500.0, per_fresh=1.0),)),
            "a mean call takes 1,000 input tokens and at most 500 may come at once",
        ),
        (
            ApiRules(provisioned=Limit("tokens", 6e4, 6e4, 0, 1, 1, 1), passes_on=False),
            "take 132,000 tokens a minute and 60,000",
        ),
        (
            # 60,000 of 132,000 are bought: 72,000 are left for the limit.
            ApiRules((Limit("tokens", 7e4, 7e4, 0, 1, 1, 1),),
                     provisioned=Limit("bought", 6e4, 6e4, 0, 1, 1, 1)),
            "take 72,000 tokens a minute and 70,000",
        ),
    ],
)  # fmt: skip
def test_a_limit_below_the_mean_load_is_refused_with_the_numbers(rules, message):
    with pytest.raises(InfeasibleError, match=message):
        check_limits(rules, 2.0, CALL[0], month=3, hours=720.0)


@pytest.mark.parametrize("passes_on", [True, False])
def test_throughput_that_holds_no_mean_call_is_refused_even_where_the_rest_is_passed_on(passes_on):
    each = sum(CALL[0])

    def check(size: float) -> None:
        bought = Limit("tokens bought", 1e9, size, per_fresh=1.0, per_cached=1.0, per_output=1.0)
        rules = ApiRules((), provisioned=bought, passes_on=passes_on)
        check_limits(rules, 2.0, CALL[0], month=3, hours=720.0)

    check(each)
    with pytest.raises(InfeasibleError, match=r"tokens bought .* would never be let through"):
        check(0.99 * each)


def test_a_limit_above_the_mean_load_or_with_another_vendor_behind_it_is_not_refused():
    limits = (Limit("calls", 121.0, 2.0, per_call=1.0),)
    check_limits(ApiRules(limits), 2.0, CALL[0], month=1, hours=720.0)
    below = (Limit("calls", 90.0, 90.0, per_call=1.0),)
    check_limits(ApiRules(below, falls_over=True), 2.0, CALL[0], month=1, hours=720.0)


def test_a_single_quantile_has_no_spread():
    with pytest.raises(MissingFigureError, match="state two of p50, p95 and p99"):
        Quantiles(((0.5, 1.0),)).table()
