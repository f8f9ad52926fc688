"""What goes with every request: prompts, found text, and the corpus that it is found in."""

from __future__ import annotations

from tco.domain.cost import Behaviour, Nature, Payee, Phase
from tco.domain.deployment import ApiDeployment, SelfHostedDeployment
from tco.domain.edge import EdgeDeployment
from tco.domain.months import Months
from tco.domain.serverless import ServerlessDeployment
from tco.domain.training_plan import Retrieval, TrainingPlan
from tco.errors import MissingFigureError
from tco.ledger.expression import Expression, Number, driver
from tco.ledger.holder import Holder
from tco.ledger.model import LineMaker
from tco.ledger.option import likely_months
from tco.ledger.tariff import times
from tco.ledger.volume import tokens_per_request
from tco.units import REQUESTS_PER_THOUSAND, TOKENS_PER_MTOK

PER_MTOK = Number(TOKENS_PER_MTOK, "tokens in a million")


def add_context_lines(make: LineMaker, plan: TrainingPlan, holder: Holder, path: str) -> None:
    """Add the tokens that prompting and retrieval send along, and what retrieval needs."""
    if plan.prompting is not None or plan.retrieval is not None:
        _add_tokens_sent_along(make, plan, holder, path)
    if plan.retrieval is not None:
        _add_retrieval(make, plan.retrieval, plan, holder, f"{path}.retrieval")


def _add_tokens_sent_along(make: LineMaker, plan: TrainingPlan, holder: Holder, path: str) -> None:
    """Add system prompt, examples and found text as input tokens of every model call."""
    part = holder.part
    assert part is not None
    deployment = part.candidate.deployment
    if isinstance(deployment, SelfHostedDeployment):
        if deployment.service is None:
            raise MissingFigureError(
                f"{path} makes every request longer, and no measurement is known at that length; "
                "state deployment.service as measured with the longer prompt"
            )
        return  # paid for as machine time: the stated service holds it
    if isinstance(deployment, ServerlessDeployment | EdgeDeployment):
        return  # the stated seconds hold it
    assert isinstance(deployment, ApiDeployment)
    tokens = tokens_per_request(holder.shop.scenario.workload, part.snapshot)
    assert part.snapshot.tokens is not None
    name = f"snapshots.{part.snapshot.id}.tokens.input_token_factor"
    own = tokens.calls * driver(name, "-", part.snapshot.tokens.input_token_factor)
    kinds: dict[str, Expression] = {}
    if plan.prompting is not None:
        here = f"{path}.prompting"
        each = driver(
            f"{here}.tokens_per_request", "tokens/request", plan.prompting.tokens_per_request
        )
        cached = driver(f"{here}.cached_share", "-", plan.prompting.cached_share)
        kinds["prompt"] = own * each * (1.0 - cached)
        kinds["cached prompt"] = own * each * cached
    if plan.retrieval is not None:
        found = driver(
            f"{path}.retrieval.context_tokens_per_request",
            "tokens/request",
            plan.retrieval.context_tokens_per_request,
        )
        kinds["found text"] = own * found
    whole: Expression = tokens.fresh_input + tokens.cached_input
    for more in kinds.values():
        whole = whole + more
    of_a_call = float(likely_months(whole / tokens.calls, 1)[0])
    prices = holder.shop.tokens(deployment.provider, deployment.model, deployment.tier, of_a_call)
    for kind, count in kinds.items():
        make.add(
            f"{path}.sent_along.{kind.replace(' ', '_')}",
            phase=Phase.INFERENCE,
            category="tokens",
            item=f"{kind} tokens sent with every request, {deployment.provider}/{deployment.model}",
            quantity=holder.volume * count / PER_MTOK,
            unit="Mtok",
            unit_price_usd=prices.cached_input if kind == "cached prompt" else prices.fresh_input,
            nature=Nature.RUN,
            behaviour=Behaviour.VARIABLE,
            payee=Payee.API_VENDOR,
            volume=holder.volume,
        )


def _add_retrieval(
    make: LineMaker, retrieval: Retrieval, plan: TrainingPlan, holder: Holder, path: str
) -> None:
    """Add the corpus embedded before the first answer; then refresh, store and questions."""
    live = Months(first=plan.lead_months + 1)
    corpus = driver(f"{path}.corpus_tokens", "tokens", retrieval.corpus_tokens)
    refreshed = driver(
        f"{path}.refreshed_share_per_month", "1/month", retrieval.refreshed_share_per_month
    )
    question = driver(f"{path}.question_tokens", "tokens/request", retrieval.question_tokens)
    price = holder.shop.tokens(
        retrieval.provider, retrieval.model, retrieval.tier, retrieval.question_tokens.likely
    ).fresh_input
    running = [holder.each_month(f"{path}.refresh", live)]
    begin = [holder.once(path, max(plan.lead_months, 1))]
    embedded = {
        "corpus": (times(corpus / PER_MTOK, begin), Phase.TRAINING, Nature.ONE_OFF, None),
        "refresh": (
            times(corpus * refreshed / PER_MTOK, running),
            Phase.INFERENCE,
            Nature.RUN,
            None,
        ),
        "questions": (
            holder.volume * question / PER_MTOK,
            Phase.INFERENCE,
            Nature.RUN,
            holder.volume,
        ),
    }
    for name, (quantity, phase, nature, volume) in embedded.items():
        make.add(
            f"{path}.{name}",
            phase=phase,
            category="tokens",
            item=f"{name} embedded, {retrieval.provider}/{retrieval.model} {retrieval.tier}",
            quantity=quantity,
            unit="Mtok",
            unit_price_usd=price,
            nature=nature,
            behaviour=Behaviour.FIXED if volume is None else Behaviour.VARIABLE,
            payee=Payee.API_VENDOR,
            volume=volume,
        )
    _add_vector_store(make, retrieval, holder, path, live)


def _add_vector_store(
    make: LineMaker, retrieval: Retrieval, holder: Holder, path: str, live: Months
) -> None:
    gb = driver(f"{path}.store_gb", "GB", retrieval.store_gb)
    seller, service = retrieval.store_seller, retrieval.store_service
    stored = times(gb, [holder.each_month(f"{path}.store", live)])
    make.add_steps(
        f"{path}.store",
        holder.shop.service(seller, retrieval.store_region, service, "GB-month", stored),
        item=f"vector store, {seller} {service}",
        phase=Phase.INFERENCE,
        category="storage",
        unit="GB-month",
    )
    if retrieval.step_usd_per_1k_requests is None:
        return
    thousand = Number(REQUESTS_PER_THOUSAND, "requests in a thousand")
    make.add(
        f"{path}.look_ups",
        phase=Phase.INFERENCE,
        category="retrieval",
        item=f"look-ups in the vector store of {retrieval.store_seller}",
        quantity=holder.volume / thousand,
        unit="1,000 requests",
        unit_price_usd=driver(
            f"{path}.step_usd_per_1k_requests", "USD/1,000", retrieval.step_usd_per_1k_requests
        ),
        nature=Nature.RUN,
        behaviour=Behaviour.VARIABLE,
        payee=Payee.CLOUD,
        volume=holder.volume,
    )
