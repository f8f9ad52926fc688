"""What a wrong value in a scenario is told, word for word."""

import shutil
from pathlib import Path

import pytest

from tco.check import check_file
from tco.domain.loading import Library

GOOD = Path(__file__).parent / "library"


def told(tmp_path: Path, name: str, old: str, new: str) -> list[str]:
    """Check a file in which one text is another; the file's name and the line are left out."""
    root = tmp_path / "library"
    shutil.copytree(GOOD, root)
    text = (root / name).read_text()
    assert text.count(old) == 1, f"{old!r} occurs {text.count(old)} times"
    (root / name).write_text(text.replace(old, new))
    findings = check_file(root / name, Library(root))
    line = text[: text.index(old)].count("\n") + 1
    assert all(found.line is not None and found.line <= line + 1 for found in findings)
    return [str(found).partition(": ")[2] for found in findings]


SCENARIO = {
    # keys
    ("latency_ms: {p95: 9000}", "latency_s: {p95: 9}"): [
        "goals.latency_s: unknown key; nearest: latency_ms; "
        "give it as 'latency_ms', converted to that unit"
    ],
    ("budget_usd:", "budget_eur:"): [
        "goals.budget_eur: unknown key; nearest: budget_usd; "
        "give it as 'budget_usd', converted to that unit"
    ],
    ("replicas: 2", "replica: 2"): [
        "candidates.own.deployment.replica: unknown key; nearest: replicas, "
        "spare_replicas, quota_replicas; "
        "correct or remove it"
    ],
    ("question:", "zzz: 1\nquestion:"): ["zzz: unknown key; correct or remove it"],
    ("price_date:", "prices_date:"): [
        "price_date: missing; nearest: prices_date; add 'price_date:'",
        "prices_date: unknown key; nearest: price_date, price_paths; correct or remove it",
    ],
    ("kind: cascade", "kin: cascade"): [
        "candidates.both.deployment.kind: missing; "
        "add 'kind:' with one of api, cascade, edge, route, self_hosted, serverless, staged"
    ],
    ("tier: standard", "tier: standart"): [
        "candidates.api.deployment.tier: 'standart' is not known here; nearest: standard; "
        "use one of standard, batch, flex, priority"
    ],
    ("kind: staged", "kind: stages"): [
        "candidates.later.deployment.kind: 'stages' is not known here; nearest: staged; "
        "use one of api, self_hosted, serverless, edge, cascade, route, staged"
    ],
    ("custody: [api_vendor,", "custody: [vendor_api,"): [
        "goals.custody[0]: 'vendor_api' is not known here; nearest: api_vendor; "
        "use one of api_vendor, cloud_account, own_site, user_device"
    ],
    ("  own:\n    title", "  Own one:\n    title"): [
        "candidates.Own one: not a name (found \"Own one\"); "
        "use lower-case letters, digits, dots, dashes and underscores",
    ],
    # kinds of value
    ("horizon_months: 6", 'horizon_months: "6"'): [
        'horizon_months: not a whole number (found "6"); '
        "write a whole number, without quotes or unit"
    ],
    ("replicas: 2", "replicas: true"): [
        "candidates.own.deployment.replicas: not a whole number (found true); "
        "write a whole number, without quotes or unit"
    ],
    ("night_to_peak: 0.2", "night_to_peak: 20%"): [
        'workload.profile.night_to_peak: not a number (found "20%"); '
        "write a plain number, without quotes or unit"
    ],
    ("growth_per_year: 0.1", "growth_per_year: 10 %"): [
        'workload.growth_per_year: not a number (found "10 %"); '
        "write a number, or a mapping of likely, low and high"
    ],
    ("history_sent_again: false", "history_sent_again: no"): [
        'workload.sessions.history_sent_again: neither true nor false (found "no"); '
        "write true or false, without quotes"
    ],
    ("title: Sort tickets", "title: 2027"): [
        "title: not text (found 2027); write text; put it in quotes if it looks like a number"
    ],
    ("title: Rules", "title: ''"): [
        'incumbent.title: string should have at least 1 character (found ""); correct the value'
    ],
    ("price_date: 2026-11-21", "price_date: 21.11.2026"): [
        'price_date: not a date (found "21.11.2026"); write it as 2027-01-31'
    ],
    ("price_date: 2026-11-21", "price_date: 20261121"): [
        "price_date: not a date (found 20261121); write it as 2027-01-31"
    ],
    ("licences: [Apache-2.0]", "licences: Apache-2.0"): [
        'goals.licences: not a list (found "Apache-2.0"); write one entry a line, each after \'- \''
    ],
    ("licences: [Apache-2.0]", "licences: []"): [
        "goals.licences: has 0 entries, not at least 1; add or remove some"
    ],
    ("tokens: {input: 350, output: 40, cached_input_share: 0.3}", "tokens: 350"): [
        "workload.tokens: not a mapping of keys to values (found 350); "
        "write its keys below it, indented"
    ],
    # bounds and what must agree
    ("start: 2027-01-01", "start: 1927-01-01"): [
        'start: must be greater than or equal to 2000-01-01 (found "1927-01-01"); correct the value'
    ],
    ("fixed_share: 0.7", "fixed_share: -0.7"): [
        "incumbent.fixed_share: must be greater than or equal to 0 (found -0.7); correct the value"
    ],
    ("cached_input_share: 0.3", "cached_input_share: 30"): [
        "workload.tokens.cached_input_share: likely is 30, above the most allowed, 1 (found 30); "
        "correct the value"
    ],
    ("{likely: 200000, low: 150000", "{likely: 200000, low: 250000"): [
        "workload.requests_per_month: low 250000, likely 200000 and high 260000 are not in order; "
        "correct the value"
    ],
    ("p50: 400, p95: 900", "p50: 900, p95: 400"): [
        "candidates.api.deployment.latency_ms: p50, p95 and p99 are not in order; correct the value"
    ],
    ("requests_per_month: {", "monthly_requests: [1, 2, 3]\n  requests_per_month: {"): [
        "workload: give exactly one of requests_per_month, monthly_requests, volume_drivers; "
        "found requests_per_month and monthly_requests; correct the value"
    ],
    ("turns: 1", "turns: 0.5"): [
        "workload.sessions: a session has at least one turn, not 0.5; correct the value"
    ],
    ("- {option: api}\n    quality", "- {option: api, escalate: 0.1}\n    quality"): [
        "candidates.both.deployment: the last step has nothing to escalate to; correct the value"
    ],
    ("{option: own, from_month: 4}", "{option: own}"): [
        "candidates.later.deployment: stage 2 needs one of from_month and "
        "when_requests_per_month_reach; correct the value"
    ],
    ("months: {first: 1, last: 2}", "months: {first: 3, last: 2}"): [
        "candidates.own.lifecycle.people.build.months: the last month, 2, lies before the first, "
        "3; correct the value"
    ],
    ("flow: capex, life_months: 36", "flow: capex"): [
        "candidates.own.lifecycle.one_off.server: capex needs life_months, and only capex has it; "
        "correct the value"
    ],
    ("    snapshot: chatty\n", ""): [
        "candidates.api: snapshot is missing; correct the value"
    ],
    ("    title: Our encoder first\n", "    title: Our encoder first\n    snapshot: small\n"): [
        "candidates.both: an option that is made of others takes its snapshots from them; "
        "correct the value"
    ],
}  # fmt: skip


@pytest.mark.parametrize(("old", "new"), SCENARIO, ids=range(len(SCENARIO)))
def test_a_wrong_scenario_is_told_why(tmp_path: Path, old: str, new: str):
    assert told(tmp_path, "case/base.yaml", old, new) == SCENARIO[old, new]


SNAPSHOT = {
    ("uses_tokens: false", "uses_tokens: true"): [
        "tokens: a model that uses tokens needs its token factors; make them agree"
    ],
    ("size_gb: 0.27", "active_parameters: 70e6"): [
        "active_parameters: more active parameters than parameters; make them agree"
    ],
    ("parent: base-encoder", "parent: small"): [
        "training.parent: a snapshot cannot be its own parent; make them agree"
    ],
    ("digest: sha256:0123", "digest: sha256:xyz"): [
        "digest: does not fit the pattern ^(sha256:[0-9a-f]{64}|sha1:[0-9a-f]{40})$ (found "
        '"sha256:xyz456789abcdef0123456789abcdef0123456789abcdef01234...); correct the value'
    ],
    ("epochs: 3", "epochs: [3]"): [
        "training.hyperparameters.epochs: neither text nor a number, true or false; "
        "write one plain value"
    ],
    ("evidence: stated", "evidence: assumed, p_value: 3"): [
        "metrics[0].p_value: unknown key; nearest: value; correct or remove it"
    ],
    (", low: 0.88, high: 0.92", ", low: 0.88"): [
        "metrics[0]: give both low and high of the interval, or neither; correct the value"
    ],
    ("openness: open", "openness: mixed"): [
        "openness: 'mixed' is not known here; use one of open, proprietary"
    ],
    ("format: snapshot/1", "format: snapshot/2"): [
        "format: 'snapshot/2' is not known; nearest: snapshot/1, scenario/1; "
        "write one of scenario/1, snapshot/1, experiment-history/1, organisation/1, measure/1, "
        "sweep/1"
    ],
    ("format: snapshot/1\n", ""): [
        "format: missing; write one of scenario/1, snapshot/1, experiment-history/1, "
        "organisation/1, measure/1, sweep/1"
    ],
}  # fmt: skip


@pytest.mark.parametrize(("old", "new"), SNAPSHOT, ids=range(len(SNAPSHOT)))
def test_a_wrong_snapshot_is_told_why(tmp_path: Path, old: str, new: str):
    assert told(tmp_path, "snapshots/small.yaml", old, new) == SNAPSHOT[old, new]


ORGANISATION = {
    ("{likely: 0.08, low: 0.06, high: 0.11, ", "{likely: 0.08, "): [
        "discount_rate_per_year: an assumed figure needs a range: give low and high; "
        "correct the value"
    ],
    (", source: a usual cost of capital", ""): [
        "discount_rate_per_year: a figure that is 'assumed' needs a source (or the reason); "
        "correct the value"
    ],
    ("low: 1600, high: 1880", "low: 1600"): [
        "hours_per_fte_year: give both low and high, or neither; correct the value"
    ],
    ("ml_engineer: 120", "ml_engineer: -120"): [
        "labour_usd_per_hour.ml_engineer: likely is -120, below the least allowed, 0 "
        "(found -120); correct the value"
    ],
    ("fiscal_year_start_month: 4", "currency: EUR\nfiscal_year_start_month: 4"): [
        "currency: 'EUR' is not known here; use one of USD"
    ],
}  # fmt: skip


@pytest.mark.parametrize(("old", "new"), ORGANISATION, ids=range(len(ORGANISATION)))
def test_a_wrong_organisation_is_told_why(tmp_path: Path, old: str, new: str):
    assert told(tmp_path, "organisation.yaml", old, new) == ORGANISATION[old, new]
