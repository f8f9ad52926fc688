"""Functions on demand that an option may be served by: its own and those that its space states."""

from __future__ import annotations

import math
from collections.abc import Iterator

from tco.domain.search_space import SearchSpace
from tco.domain.serverless import ServerlessDeployment
from tco.hosting.host import mean_rates_per_s
from tco.ledger.option import parts_of_option
from tco.optimize.choice import Plain
from tco.optimize.trial import Question
from tco.traffic.profile import week_of

NO_PRICE = "kept warm is not tried: prices.provisioned does not say what that costs"


def functions_of(
    question: Question, deployment: Plain, given: SearchSpace, notes: list[str]
) -> Iterator[ServerlessDeployment]:
    """Yield functions with numbers of instances that are kept warm for good."""
    own = (deployment,) if isinstance(deployment, ServerlessDeployment) else ()
    for function in (*own, *given.functions):
        if function.prices.provisioned is None:
            if given.provisioned_instances is not None:
                notes.append(f"{function.seller} {function.prices.duration}: {NO_PRICE}")
            yield function
            continue
        for kept in given.provisioned_instances or sorted(_likely_kept(question, function)):
            if kept <= function.most_instances:
                yield function.model_copy(update={"provisioned": kept})


def _likely_kept(question: Question, function: ServerlessDeployment) -> set[int]:
    """Return none, what is written, and the instances that the mean and the busiest hour fill."""
    scenario = question.scenario
    parts, _ = parts_of_option(scenario, question.option, question.requests)
    rate_per_s = float(mean_rates_per_s(scenario, parts[-1]).max())
    mean = rate_per_s * function.seconds.likely / function.requests_per_instance
    peak = float(week_of(scenario.workload.profile).max())
    return {0, function.provisioned, math.ceil(mean), math.ceil(mean * peak)}
