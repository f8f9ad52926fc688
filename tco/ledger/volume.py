"""Requests a month and tokens a request, as expressions over the workload's drivers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from tco.domain.api import PromptCache
from tco.domain.record import Evidence
from tco.domain.snapshot import Snapshot
from tco.domain.workload import Sessions, Workload
from tco.errors import MissingFigureError
from tco.ledger.expression import Expression, Number, Power, Series, driver
from tco.units import MONTHS_PER_YEAR, hours_in_month

CALENDAR = "the scenario's calendar"


def calendar_hours(months: Sequence[date]) -> Series:
    """Return the real hours of each month [h]."""
    hours = tuple(float(hours_in_month(month)) for month in months)
    return Series("calendar.hours_in_month", "h", hours, Evidence.STATED, CALENDAR)


def monthly_requests(workload: Workload, horizon_months: int) -> Expression:
    """Return the requests of each month [1/month], before any route splits them."""
    if workload.monthly_requests is not None:
        return Series(
            "workload.monthly_requests",
            "requests",
            workload.monthly_requests,
            Evidence.STATED,
            "stated in the scenario",
        )
    if workload.requests_per_month is not None:
        first = driver("workload.requests_per_month", "requests", workload.requests_per_month)
        volume: Expression = first
    else:
        volume = _users_times_requests(workload, horizon_months)
    assert workload.growth_per_year is not None
    if workload.growth_per_year.likely == 0 and workload.growth_per_year.low is None:
        return volume
    years = Series(
        "calendar.years_since_start",
        "years",
        tuple(month / MONTHS_PER_YEAR for month in range(horizon_months)),
        Evidence.STATED,
        CALENDAR,
    )
    growth = driver("workload.growth_per_year", "1/year", workload.growth_per_year)
    return volume * Power(growth + 1.0, years)


def _users_times_requests(workload: Workload, horizon_months: int) -> Expression:
    drivers = workload.volume_drivers
    assert drivers is not None
    name = "workload.volume_drivers"
    volume = (
        driver(f"{name}.users", "users", drivers.users)
        * driver(f"{name}.active_share", "-", drivers.active_share)
        * driver(f"{name}.requests_per_user_month", "requests", drivers.requests_per_user_month)
    )
    adopted = _adopted(workload, horizon_months)
    return volume if adopted is None else volume * adopted


def active_users(workload: Workload, horizon_months: int) -> Expression | None:
    """Return the users who ask in each month [users]; None where users are not stated."""
    drivers = workload.volume_drivers
    if drivers is None:
        return None
    name = "workload.volume_drivers"
    active = driver(f"{name}.users", "users", drivers.users) * driver(
        f"{name}.active_share", "-", drivers.active_share
    )
    adopted = _adopted(workload, horizon_months)
    return active if adopted is None else active * adopted


def _adopted(workload: Workload, horizon_months: int) -> Expression | None:
    """Return the share of take-up in each month [-]; None where all have it from the start."""
    drivers, name = workload.volume_drivers, "workload.volume_drivers"
    if drivers is None or drivers.adoption is None:
        return None
    start = driver(f"{name}.adoption.start_share", "-", drivers.adoption.start_share)
    full_after = drivers.adoption.full_after_months
    path = Series(
        f"{name}.adoption.path",
        "-",
        tuple(min(1.0, month / full_after) for month in range(horizon_months)),
        Evidence.STATED,
        "linear take-up over the stated months",
    )
    return start + (1.0 - start) * path


def reference_tokens(workload: Workload) -> Expression | None:
    """Return the reference tokens behind one request, in and out, whoever answers [tokens].

    None where the workload states no tokens.
    """
    if workload.tokens is None:
        return None
    asked = driver("workload.tokens.input", "tokens", workload.tokens.input)
    answered = driver("workload.tokens.output", "tokens", workload.tokens.output)
    _, tokens_in, tokens_out = _with_sessions(workload.sessions, asked, answered)
    return tokens_in + tokens_out


@dataclass(frozen=True, slots=True)
class TokensPerRequest:
    """Tokens behind one request of a user, in the snapshot's own tokens."""

    calls: Expression
    """Model calls behind it [-]."""
    fresh_input: Expression
    cached_input: Expression
    output: Expression
    reasoning: Expression


def cache_hits(option: str, cache: PromptCache | None) -> Expression | None:
    """Return the share of repeated tokens that the cache of an option's vendor holds [-]."""
    if cache is None:
        return None
    name = f"candidates.{option}.deployment.prompt_cache.hit_share"
    return driver(name, "-", cache.hit_share)


def tokens_per_request(
    workload: Workload, snapshot: Snapshot, hits: Expression | None = None
) -> TokensPerRequest:
    """Return the tokens that one request of a user causes: history, tool calls and factors in.

    Args:
        workload: Tokens of a request and the sessions it is part of.
        snapshot: Whose tokens they become.
        hits: Share of the tokens that repeat which a cache holds; None: as the workload says.
    """
    if workload.tokens is None:
        raise MissingFigureError(
            "the workload states no tokens, and this option is sized by tokens; add workload.tokens"
        )
    if snapshot.tokens is None:
        raise MissingFigureError(f"snapshot '{snapshot.id}' is a classic model without tokens")
    name = "workload.tokens"
    asked = driver(f"{name}.input", "tokens", workload.tokens.input)
    answered = driver(f"{name}.output", "tokens", workload.tokens.output)
    calls, reference_input, reference_output = _with_sessions(workload.sessions, asked, answered)
    own = f"snapshots.{snapshot.id}.tokens"
    input_factor = driver(f"{own}.input_token_factor", "-", snapshot.tokens.input_token_factor)
    output_factor = driver(f"{own}.output_token_factor", "-", snapshot.tokens.output_token_factor)
    reasoning = driver(f"{own}.reasoning_tokens", "tokens", snapshot.tokens.reasoning_tokens)
    all_input = reference_input * input_factor
    cached_share: Expression = driver(
        f"{name}.cached_input_share", "-", workload.tokens.cached_input_share
    )
    if hits is not None:
        repeated = _repeated(workload.sessions, asked, answered)
        cached_share = hits * repeated / reference_input
    return TokensPerRequest(
        calls=calls,
        fresh_input=all_input * (1.0 - cached_share),
        cached_input=all_input * cached_share,
        output=reference_output * output_factor,
        reasoning=calls * reasoning,
    )


def _repeated(sessions: Sessions | None, asked: Expression, answered: Expression) -> Expression:
    """Return the input tokens of a request that the call before has sent already [tokens].

    Of the first call that is the history, of a later one all but what the tool brought.
    """
    if sessions is None:
        raise MissingFigureError(
            "prompt_cache reads what repeats off workload.sessions, and the workload has none; "
            "state sessions, or leave prompt_cache out and give tokens.cached_input_share"
        )
    name = "workload.sessions"
    tool_calls = driver(f"{name}.tool_calls_per_request", "calls", sessions.tool_calls_per_request)
    result_tokens = driver(f"{name}.tool_result_tokens", "tokens", sessions.tool_result_tokens)
    _, sent, _ = _with_sessions(sessions, asked, answered)
    return sent - asked - tool_calls * result_tokens


def _with_sessions(
    sessions: Sessions | None, asked: Expression, answered: Expression
) -> tuple[Expression, Expression, Expression]:
    """Return model calls, input and output tokens behind one request of a user.

    With history, turn k of n sends the k - 1 earlier exchanges again: (n - 1) / 2 on average.
    Each of c tool calls sends all of the request so far again, so call j carries j earlier
    exchanges with tools: c (c + 1) / 2 in sum. Tool exchanges do not stay in the history.
    """
    if sessions is None:
        return Number(1.0, "model call"), asked, answered
    name = "workload.sessions"
    tool_calls = driver(f"{name}.tool_calls_per_request", "calls", sessions.tool_calls_per_request)
    call_tokens = driver(f"{name}.tool_call_tokens", "tokens", sessions.tool_call_tokens)
    result_tokens = driver(f"{name}.tool_result_tokens", "tokens", sessions.tool_result_tokens)
    calls = tool_calls + 1.0
    context: Expression = asked
    if sessions.history_sent_again:
        turns = driver(f"{name}.turns", "turns", sessions.turns)
        context = asked + (turns - 1.0) * Number(0.5, "mean of the earlier turns") * (
            asked + answered
        )
    exchanges = tool_calls * calls * Number(0.5, "sum over the calls")
    return (
        calls,
        calls * context + exchanges * (call_tokens + result_tokens),
        answered + tool_calls * call_tokens,
    )
