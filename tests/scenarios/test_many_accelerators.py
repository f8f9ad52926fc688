"""The shipped scenarios compare hardware old and new, for classic models and four sizes of LLM."""

from functools import cache

import pytest

from tco.domain.deployment import SelfHostedDeployment
from tco.domain.record import Evidence
from tests.shipped import data, evaluated, loaded

IMAGES, TEXTS = "image-tagging/base", "document-summaries/base"
SIZES = {
    "8b": ("llama-3.1-8b-instruct", {"H100-SXM", "B200", "H200", "A100-40GB", "A100-80GB", "L4"}),
    "30b": ("qwen3-30b-a3b-instruct", {"H100-SXM", "H200"}),
    "70b": ("llama-3.1-70b-instruct", {"H100-SXM", "H200", "B200", "A100-40GB"}),
    "405b": ("llama-3.1-405b-instruct-fp8", {"H100-SXM", "H200"}),
}


@cache
def hardware(name: str) -> dict[str, tuple[str, str]]:
    """Return snapshot and accelerator of each ranked option that runs on machines."""
    found = {}
    for answer in evaluated(name).ranking.options:
        candidate = loaded(name).candidates[answer.option]
        deployment = candidate.deployment
        if isinstance(deployment, SelfHostedDeployment) and candidate.snapshot is not None:
            machine = deployment.machine
            instance = data()[0].instance(machine.seller, machine.region, machine.instance_type)
            found[answer.option] = (candidate.snapshot, instance.accelerator or "CPU")
    return found


def used(name: str, option: str) -> tuple[str, str]:
    """Return where the hours that worked come from, and the grade of their row."""
    rows = evaluated(name).ledger
    own = rows[(rows["option"] == option) & (rows["kind"] == "used")].iloc[0]
    return str(own["quantity_ref"]), str(own["evidence"])


def test_one_classic_network_is_ranked_on_every_kind_of_machine():
    known = {accelerator for _, accelerator in hardware(IMAGES).values()}
    assert known >= {"T4", "L4", "L40S", "A100-80GB", "H100-SXM", "H200", "B200", "CPU"}


@pytest.mark.parametrize("size", SIZES)
def test_each_size_of_language_model_is_ranked_on_several_accelerators(size):
    snapshot, expected = SIZES[size]
    ranked = {accelerator for name, accelerator in hardware(TEXTS).values() if name == snapshot}
    assert ranked >= expected


def test_no_option_of_the_comparison_states_its_own_seconds():
    for name in (IMAGES, TEXTS):
        for candidate in loaded(name).candidates.values():
            assert getattr(candidate.deployment, "service", None) is None


@pytest.mark.parametrize(
    ("name", "option", "says"),
    [
        (IMAGES, "resnet-t4", "measured on resnet-50-v1.5, whose layers and widths"),
        (IMAGES, "resnet-b200", "estimated for 1 x B200 from 1 x A100-80GB by a roofline"),
        (IMAGES, "int8-h100", "MLPerf Inference v4.1"),
        (IMAGES, "resnet-cpu", "our harness"),
        (TEXTS, "llama-8b-h100", "ML.ENERGY Leaderboard v3"),
        (TEXTS, "llama-8b-l4", "measured on llama-3-8b-instruct, whose layers and widths"),
        (TEXTS, "llama-405b-h200", "estimated for 8 x H200 from 8 x H100-SXM by a roofline"),
    ],
)
def test_hours_say_what_they_rest_on(name, option, says):
    source, grade = used(name, option)
    assert says in source
    assert Evidence(grade).rank >= Evidence.PUBLISHED.rank


def test_at_ten_times_the_pictures_bought_capacity_is_used_and_newer_cards_catch_up():
    """Money of machines alone: people cost the same on every card."""

    def usd(name: str, option: str) -> float:
        rows = evaluated(name).ledger
        own = rows[(rows["option"] == option) & (rows["category"] == "compute")]
        return float(own["cost_usd"].sum())

    high = "image-tagging/high-volume"
    assert usd(IMAGES, "resnet-t4") < usd(IMAGES, "resnet-l40s") < usd(IMAGES, "resnet-b200")
    assert usd(high, "int8-l40s") < usd(high, "resnet-t4")
    assert usd(high, "resnet-b200") == pytest.approx(usd(IMAGES, "resnet-b200"))
    ratios = [usd(name, "resnet-b200") / usd(name, "resnet-t4") for name in (IMAGES, high)]
    assert ratios[1] < ratios[0] / 5
