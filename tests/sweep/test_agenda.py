"""Each simulation is worked out once and each cell ends once, whoever is quick or slow."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tco.sweep.agenda import MOST_WAITING, Agenda
from tco.sweep.answer import FRESH, LOST, ROWS, WANTED, Job
from tco.sweep.cells import Cell


def taken(jobs: Iterator[Job | None]) -> Job:
    """Give the next job; there is one."""
    job = next(jobs)
    assert job is not None
    return job


CELL = Cell(0, "case/base", 0, {}, {}, {})
NEEDS = st.lists(
    st.lists(st.sets(st.integers(0, 6), min_size=1, max_size=3), max_size=3),
    min_size=1,
    max_size=30,
)
"""What each cell needs: simulations in stages, the later ones known when the earlier are there."""


class Workers:
    """Does jobs as real workers do, but ends them in whatever order it is told."""

    def __init__(self, needs):
        self.needs = {f"cell-{number}": stages for number, stages in enumerate(needs)}
        self.worked_out: Counter[str] = Counter()
        self.ended: Counter[str] = Counter()

    def outcome(self, job, *, dies):
        if dies:
            return {LOST: "its worker died"}
        known = set(job.given)
        fresh: dict[str, Any] = {}
        for stage in self.needs[job.key]:
            lacking = {str(key) for key in stage} - known
            mine = lacking if job.may is None else lacking & job.may
            fresh |= {key: {"found": {"key": key}} for key in mine}
            known |= mine
            if lacking - mine:
                return {WANTED: sorted(lacking - mine), FRESH: fresh}
        return {ROWS: [], FRESH: fresh}


@given(needs=NEEDS, shares=st.booleans(), chance=st.randoms(use_true_random=False),
       workers=st.integers(1, 5), fatal=st.sets(st.integers(0, 29), max_size=2))  # fmt: skip
def test_nothing_is_lost_and_nothing_is_done_twice(needs, shares, chance, workers, fatal):
    pool = Workers(needs)
    agenda = Agenda((Job(key, CELL) for key in pool.needs), lambda: True, shares)
    jobs, at_work = agenda.jobs(), list[Job]()
    while True:
        while len(at_work) < (workers if shares else 1):
            job = next(jobs, None)
            if job is None:
                break
            at_work.append(job)
        if not at_work:
            break
        job = at_work.pop(chance.randrange(len(at_work)))
        outcome = pool.outcome(job, dies=job.key in {f"cell-{n}" for n in fatal})
        pool.worked_out.update(outcome.get(FRESH, {}).keys())
        if agenda.take(job, outcome) is not None:
            pool.ended[job.key] += 1
    assert set(pool.ended.values()) == {1}
    assert set(pool.ended) == set(pool.needs)
    if shares:
        assert set(pool.worked_out.values()) <= {1}


def test_a_simulation_whose_worker_dies_is_worked_out_by_the_next_cell_that_waits():
    agenda = Agenda(iter([Job("a", CELL), Job("b", CELL)]), lambda: True, shares=True)
    jobs = agenda.jobs()
    a, b = taken(jobs), taken(jobs)
    assert agenda.take(a, {WANTED: ["s"]}) is None
    assert agenda.take(b, {WANTED: ["s"]}) is None
    a = taken(jobs)
    assert (a.key, a.may) == ("a", frozenset("s"))
    assert next(jobs) is None, "b waits"
    assert agenda.take(a, {LOST: "its worker died"}) == {LOST: "its worker died"}
    b = taken(jobs)
    assert (b.key, b.may) == ("b", frozenset("s"))


def test_few_cells_are_begun_while_many_wait_for_the_same_simulation():
    agenda = Agenda((Job(str(n), CELL) for n in range(1000)), lambda: True, shares=True)
    jobs = agenda.jobs()
    first = taken(jobs)
    agenda.take(first, {WANTED: ["s"]})
    begun = 0
    claimer = taken(jobs)
    while (job := next(jobs)) is not None:
        agenda.take(job, {WANTED: ["s"]})
        begun += 1
    assert begun == MOST_WAITING
    agenda.take(claimer, {ROWS: [], FRESH: {"s": {"found": {}}}})
    assert taken(jobs).given == {"s": {"found": {}}}
