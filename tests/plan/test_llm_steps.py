"""Self-hosted language models in a plan: published step curves, simulated step by step."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from tco.domain.record import Evidence
from tco.errors import InfeasibleError, MissingFigureError
from tco.hosting.host import arrange, reach_of
from tco.hosting.service_time import service_time
from tco.ledger.expression import Driver, leaves_of
from tco.ledger.option import parts_of_option
from tco.ledger.volume import monthly_requests
from tco.sim import kernel_layout as at
from tco.sim.fleet import Fleet
from tco.sim.ladder import climb
from tco.sim.llm_curve import LlmCurve, StepLine
from tco.sim.llm_service import LlmService
from tco.sim.llm_steps import StepCurve
from tco.sim.run import FleetRules, Requests
from tco.sim.scaling import Static
from tco.sim.service import BatchRule
from tests import shipped
from tests.cases import worked_plans


@cache
def measurements():
    catalog, known = shipped.data()
    return known.with_hardware(catalog.accelerators)


def arranged(option="open-8b", name="support-chat/base", *, deployment=None, snapshot=None):
    known = shipped.loaded(name)
    scenario = worked_plans.changed(
        known,
        candidates={option: {"deployment": deployment or {}}},
        snapshots={known.candidates[option].snapshot: snapshot or {}},
    )
    requests = monthly_requests(scenario.workload, scenario.horizon_months)
    parts, _ = parts_of_option(scenario, option, requests)
    return scenario, arrange(scenario, parts[0], shipped.data()[0], measurements())


def test_an_open_model_is_served_by_its_published_steps():
    _, found = arranged()
    curve = found.case.curve
    assert isinstance(curve, LlmCurve)
    steps = measurements().curve("llama-3.1-8b-instruct", "H100-SXM", 1, "vLLM", "bf16")
    assert curve.seconds.base[0] == steps.step_arrays().base_s[0]
    assert (curve.max_sequences, curve.max_step_tokens) == (1024, 8192), "vLLM's on 80 GB"
    # 79.6 GiB of which 90 %, less 2 GB and 15 GiB of weights, at 128 KiB a token.
    assert curve.kv_tokens == pytest.approx(449_000, rel=0.01)
    assert found.service.joules is not None
    leaves = [leaf for leaf in leaves_of(found.service.factor) if isinstance(leaf, Driver)]
    errors = [leaf for leaf in leaves if leaf.name.endswith("curve_error")]
    assert errors[0].evidence is Evidence.ESTIMATED, "one sequence a step, and 8 were measured"
    assert None not in (errors[0].low, errors[0].high), "so it has a range"


def test_adapters_rest_on_their_base():
    _, plain = arranged()
    _, tuned = arranged("open-8b-tuned")
    slower = tuned.case.curve.seconds.base[0] / plain.case.curve.seconds.base[0]
    assert slower == pytest.approx(1.06)
    assert "steps are those of llama-3.1-8b-instruct" in tuned.service.notes[0]


@pytest.mark.parametrize(
    ("deployment", "snapshot", "error", "message"),
    [
        ({}, {"memory_gib": 73.0}, InfeasibleError, "the weights take 78.4 GB and 1 acc.*offer 7"),
        ({}, {"memory_gib": 65.0, "context_tokens": 500}, InfeasibleError, "the model takes 500"),
        ({"llm": {"max_sequences": 64, "max_step_tokens": 32}}, {}, InfeasibleError, "is 32 and"),
        ({"accelerators_per_replica": 3}, {}, InfeasibleError, "3 accelerators and .* has 1"),
        ({"runtime": "SGLang", "llm": {}}, {}, MissingFigureError, "no step curve of .*SGLang"),
    ],
)
def test_engines_that_cannot_be_are_refused_with_the_numbers(deployment, snapshot, error, message):
    with pytest.raises(error, match=message):
        arranged(deployment=deployment, snapshot=snapshot)


def test_a_classic_model_is_not_served_by_steps():
    scenario, found = arranged()
    classic = found.part.snapshot.model_copy(update={"uses_tokens": False, "tokens": None})
    part = replace(found.part, snapshot=classic)
    with pytest.raises(InfeasibleError, match=r"classic model .* 8 to 511 sequences"):
        service_time(scenario, part, found.deployment, found.rented.instance, measurements())


def test_the_ladder_of_an_engine_keeps_its_budget_and_says_first_tokens():
    scenario, found = arranged()
    ladder = climb(found.case, reach_of(scenario, found))
    assert ladder.requests <= found.case.most_requests
    reference = ladder.reference
    assert reference.ttft is not None
    assert reference.tpot is not None
    assert reference.latency is not None
    assert reference.ttft.p50_ms < reference.tpot.p50_ms * 180 < reference.latency.p95_ms * 1.2
    busy = ladder.instances("busy")[: len(ladder.loads_per_s)]
    assert np.diff(busy).min() > 0, "more load keeps replicas busier"
    assert max(busy) < found.deployment.replicas


def saturated_and_paid(rates_per_s):
    """Simulate one H100 with the sweep of another source: output tokens a second at each rate."""
    steps = measurements().curve("llama-3.1-8b-instruct", "H100-SXM", 1, "vLLM", "bf16")
    arrays = steps.step_arrays()
    line = StepLine(
        tuple(arrays.from_sequences),
        tuple(arrays.base_s),
        tuple(arrays.per_sequence_s),
        float(arrays.per_kv_token_s[0]),
        float(arrays.per_prefill_token_s[0]),
    )
    service = LlmService(
        StepCurve(line.tables(256, 8192)),
        max_sequences=256,
        max_step_tokens=8192,
        blocks=28_000,
        block_tokens=16,
    )
    made = []
    for rate in rates_per_s:
        gaps_s = np.random.default_rng(4).exponential(1 / rate, int(rate * 3600))
        arrivals_s = np.cumsum(gaps_s)
        chunk = Requests(
            arrivals_s,
            input_tokens=np.full(arrivals_s.size, float(PROMPT)),
            output_tokens=np.full(arrivals_s.size, float(ANSWER)),
        )
        rules = FleetRules(service, BatchRule(), Static(1), 1, 1, queue_limit=2000)
        record = Fleet(rules, [chunk], until_s=3600.0).run()
        made.append(record.hours[:, at.HOUR_OUTPUT_TOKENS].sum() / 3600.0)
    return np.array(made)


PROMPT, ANSWER = 512, 256
USD_PER_HOUR = 6.98
PUBLISHED_SATURATED = 6238.0
"""Output tokens a second of Llama 3.1 8B on one H100 NVL at 512 in and 256 out, saturated; and the
share of it that is reached at some rates (arXiv 2606.11690, tables 2 and 3)."""
PUBLISHED_SHARES = {1.0: 0.04, 5.0: 0.20, 10.0: 0.40, 25.0: 0.85}


def test_a_million_tokens_cost_less_the_more_come_until_the_card_is_full():
    rates = [1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0]
    made = saturated_and_paid(rates)
    usd_per_mtok = USD_PER_HOUR / 3600.0 / made * 1e6
    assert (np.diff(usd_per_mtok) <= 1e-3 * usd_per_mtok[:-1]).all(), "never dearer"
    assert usd_per_mtok[0] / usd_per_mtok[3] == pytest.approx(10.0, rel=0.05), "idle dominates"
    assert usd_per_mtok[-1] == pytest.approx(usd_per_mtok[-2], rel=0.01), "and then it is flat"
    # The curve comes from a sweep of chats on an H100 SXM, these figures from a paper's H100 NVL.
    assert made[-1] == pytest.approx(PUBLISHED_SATURATED, rel=0.3)
    for rate, share in PUBLISHED_SHARES.items():
        reached = made[rates.index(rate)] / PUBLISHED_SATURATED
        assert reached == pytest.approx(share, rel=0.05 if rate < 20 else 0.15)
