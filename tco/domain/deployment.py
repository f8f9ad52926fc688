"""How a snapshot is served: by an API, on machines, on a route of several, or in stages."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from tco.domain.api import (
    ApiBatches,
    ApiFallback,
    ApiLimits,
    ApiOutages,
    ApiRetry,
    PromptCache,
    ProvisionedThroughput,
    TokenLatency,
)
from tco.domain.contract import ApiContract
from tco.domain.edge import EdgeDeployment
from tco.domain.fleet import FleetSettings
from tco.domain.latency import LatencyFigures
from tco.domain.machine import MachineChoice
from tco.domain.months import MonthNumber
from tco.domain.price import Purchase
from tco.domain.record import (
    Estimate,
    Identifier,
    Record,
    ShareEstimate,
    Text,
    UsdEstimate,
    within,
)
from tco.domain.route import RouteDeployment, RouteStep
from tco.domain.serverless import ServerlessDeployment

SecondsEstimate = Annotated[Estimate, within(1e-6, 1e6)]


SUM_ROUNDING = 1e-6
"""Shares written in decimals may miss one by this."""


class ApiDeployment(Record):
    """A model behind a vendor's API, paid by token."""

    kind: Literal["api"]
    provider: Identifier
    model: Annotated[str, Field(min_length=1, max_length=200)]
    tier: Literal["standard", "batch", "flex", "priority"]
    latency_ms: LatencyFigures | None = None
    completion_hours: Annotated[float, Field(gt=0, le=1000)] | None = Field(
        default=None, description="time within which the vendor promises an answer [h]"
    )
    token_latency_ms: TokenLatency | None = Field(
        default=None, description="latency by the tokens of the answer, instead of latency_ms"
    )
    limits: ApiLimits | None = Field(default=None, description="absent: none is ever felt")
    retry: ApiRetry | None = Field(
        default=None, description="absent: a call that is turned away or fails is lost at once"
    )
    outages: ApiOutages | None = Field(default=None, description="absent: it is always up")
    fall_over: ApiFallback | None = Field(
        default=None, description="who answers after the last try; absent: nobody"
    )
    provisioned: ProvisionedThroughput | None = Field(
        default=None, description="throughput bought by the hour; absent: all is paid by token"
    )
    batches: ApiBatches | None = Field(
        default=None, description="how long batches take, instead of completion_hours"
    )
    contract: ApiContract | None = Field(
        default=None, description="a spend promised, a discount, credits; absent: none"
    )
    prompt_cache: PromptCache | None = Field(
        default=None, description="absent: workload.tokens.cached_input_share holds"
    )

    @property
    def is_simulated(self) -> bool:
        """Whether something gets in the way of calls, so that no closed form holds."""
        ways = (self.limits, self.retry, self.outages, self.provisioned, self.token_latency_ms)
        return any(way is not None for way in ways)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.latency_ms is not None and self.token_latency_ms is not None:
            raise ValueError("give latency_ms or token_latency_ms, not both")
        if self.batches is not None:
            if self.tier != "batch":
                raise ValueError("batches go with tier batch")
            if self.completion_hours is not None:
                raise ValueError("give batches or completion_hours, not both")
            if self.is_simulated or self.fall_over is not None:
                raise ValueError(
                    "a batch is handed over whole: limits, retry, outages, fall_over, provisioned "
                    "and token_latency_ms do not go with it"
                )
        timeout_s = None if self.retry is None else self.retry.timeout_s
        stops = (self.limits, self.outages, self.provisioned, timeout_s)
        if all(stop is None for stop in stops):
            for name in ("retry", "fall_over"):
                if getattr(self, name) is not None:
                    raise ValueError(
                        f"{name} needs something to get in the way: limits, outages, provisioned "
                        "or retry.timeout_s"
                    )
        return self


class ServiceFigure(Record):
    """Service time where no measurement is in the tables: of one request, or of a batch."""

    seconds: SecondsEstimate | None = Field(
        default=None, description="of one request, however many are served at once [s]"
    )
    seconds_by_step: dict[Identifier, SecondsEstimate] | None = Field(
        default=None,
        min_length=1,
        description="instead of seconds, those of steps that one replica does one after the other "
        "[s]",
    )
    parallel: Annotated[int, Field(ge=1, le=100_000)] | None = Field(
        default=None, description="requests that one replica serves at once [-]"
    )
    base_seconds: SecondsEstimate | None = Field(default=None, description="of any batch [s]")
    seconds_per_item: SecondsEstimate | None = Field(
        default=None, description="more for each request in the batch [s]"
    )
    max_batch: Annotated[int, Field(ge=1, le=65_536)] | None = Field(
        default=None, description="largest batch that the figures cover [-]"
    )
    seconds_follow: Literal["input_tokens", "output_tokens", "nothing"] | None = Field(
        default=None,
        description="tokens that the seconds of a request, or of an item, rise with, the figures "
        "being those of the mean request; needed where the workload has sizes or classes",
    )

    @model_validator(mode="after")
    def _has_one_form(self) -> Self:
        if self.seconds is not None and self.seconds_by_step is not None:
            raise ValueError("give seconds or seconds_by_step, not both")
        alone = (self.seconds or self.seconds_by_step, self.parallel)
        batch = (self.base_seconds, self.seconds_per_item, self.max_batch)
        whole = [form for form in (alone, batch) if all(part is not None for part in form)]
        parts = [part for part in (*alone, *batch) if part is not None]
        if len(whole) != 1 or len(parts) != len(whole[0]):
            raise ValueError(
                "give either seconds and parallel, or base_seconds, seconds_per_item and max_batch"
            )
        return self


class CommitmentChoice(Record):
    """Instances committed for a term beneath those bought as the machine says, paid in any case."""

    purchase: Literal[Purchase.COMMIT_1Y, Purchase.COMMIT_3Y] = Field(
        description="term; its price comes from the catalogue"
    )
    instances: Literal["cheapest"] | Annotated[int, Field(ge=1, le=100_000)] = Field(
        default="cheapest",
        description="a number kept throughout, or the cheapest on the simulated demand by hour, "
        "chosen anew for each term [instances]",
    )


KilowattEstimate = Annotated[Estimate, within(0, 10_000)]


class OwnSite(Record):
    """A site of one's own, which pays for power by the kilowatt-hour.

    The machine's row in the price tables then holds what an hour costs beside power, such as room
    and care; the purchase stands under ``one_off`` as an asset, or in that rate.
    """

    electricity_region: Text = Field(description="grid, as in pricing/electricity.csv")
    pue: Annotated[Estimate, within(1, 5)] = Field(
        description="energy of the site over that of its servers [-]"
    )
    busy_kw_per_instance: KilowattEstimate = Field(
        description="at the wall of a server all of whose replicas are busy [kW]"
    )
    idle_kw_per_instance: KilowattEstimate = Field(
        description="at the wall of a server that is on and has no work [kW]"
    )


class PoolSettings(Record):
    """Models that share the replicas, each loaded when somebody asks for it and memory allows.

    A replica holds what its memory has room for; the models used longest ago go first.
    """

    models: Annotated[int, Field(ge=2, le=10_000)]
    gib_per_model: Annotated[float, Field(gt=0, le=10_000)] = Field(
        description="memory that a loaded model takes [GiB]"
    )
    gib_per_replica: Annotated[float, Field(gt=0, le=100_000)] = Field(
        description="memory of a replica for models [GiB]"
    )
    load_s: Annotated[float, Field(gt=0, le=1e5)] = Field(
        description="time to load a model, in which its replica serves nobody [s]"
    )
    requests_by_model: tuple[Annotated[float, Field(ge=0, le=1)], ...] | None = Field(
        default=None, description="share of the requests of each model [-]; absent: all alike"
    )

    @property
    def shares(self) -> tuple[float, ...]:
        """Share of the requests that ask for each model [-]."""
        return self.requests_by_model or (1.0 / self.models,) * self.models

    @model_validator(mode="after")
    def _holds_a_model(self) -> Self:
        if self.gib_per_model > self.gib_per_replica:
            raise ValueError(
                f"a model takes {self.gib_per_model:g} GiB and a replica holds "
                f"{self.gib_per_replica:g}; it could never be loaded"
            )
        stated = self.requests_by_model
        if stated is not None and len(stated) != self.models:
            raise ValueError(f"requests_by_model has {len(stated)} shares for {self.models} models")
        if stated is not None and abs(sum(stated) - 1.0) > SUM_ROUNDING:
            raise ValueError(f"the shares of requests_by_model sum to {sum(stated):g}, not 1")
        return self


class SelfHostedDeployment(FleetSettings):
    """Replicas on rented instances, a fixed number or an autoscaled one."""

    kind: Literal["self_hosted"]
    machine: MachineChoice
    runtime: Text
    accelerators_per_replica: Annotated[int, Field(ge=0, le=1024)] = Field(
        description="accelerators that one replica takes [-]; 0 on CPU"
    )
    vcpus_per_replica: Annotated[int, Field(ge=1, le=4096)] | None = Field(
        default=None, description="vCPUs that one replica takes [-]; needed on CPU"
    )
    own_site: OwnSite | None = Field(
        default=None, description="where the machines are one's own; absent: their price has power"
    )
    commitment: CommitmentChoice | None = Field(
        default=None, description="part of the fleet that is committed for a term; absent: none"
    )
    quota_instances: Annotated[int, Field(ge=0, le=100_000)] | None = Field(
        default=None, description="most instances that the account may hold [-]; absent: not known"
    )
    service: ServiceFigure | None = Field(
        default=None, description="overrides the measured curve; say where the figure comes from"
    )
    pool: PoolSettings | None = Field(
        default=None, description="models that share the replicas; absent: one model, resident"
    )
    inputs_padded_to: Annotated[float, Field(gt=0, le=1e6)] | None = Field(
        default=None,
        description="tokens or pixels that all inputs are padded to, in the unit of the measured "
        "curve; absent: as long as the workload's input tokens",
    )

    @model_validator(mode="after")
    def _names_what_it_takes(self) -> Self:
        if self.accelerators_per_replica == 0 and self.vcpus_per_replica is None:
            raise ValueError("a replica on CPU needs vcpus_per_replica")
        return self

    @model_validator(mode="after")
    def _says_what_takes_machines_away(self) -> Self:
        purchase, spot = self.machine.purchase, self.interruptions
        if purchase is Purchase.SPOT and spot is None:
            raise ValueError(
                "spot machines are taken back at times; say how often and what stands in for them, "
                "such as interruptions: {preset: advisor, notice_s: 120, fallback: on_demand}"
            )
        if purchase is not Purchase.SPOT and spot is not None:
            raise ValueError(
                f"machines bought {purchase.replace('_', ' ')} are never taken back; write "
                "purchase: spot, or leave interruptions out"
            )
        if spot is not None and (self.commitment is not None or self.own_site is not None):
            other = "commitment" if self.commitment is not None else "own_site"
            raise ValueError(f"spot machines are rented by the second; leave {other} out")
        is_owned = purchase.term_months is not None or self.own_site is not None
        if is_owned and self.failures is not None and not self.failures.is_paid_in_repair:
            raise ValueError(
                "committed and own machines are paid for while they are under repair; write "
                "failures.is_paid_in_repair: true"
            )
        return self

    @model_validator(mode="after")
    def _pools_what_it_can(self) -> Self:
        if self.pool is None:
            return self
        queue = self.queue
        changing = (self.autoscaler, self.batch, self.llm, queue.limit, queue.patience_s)
        plain = self.service is not None and self.service.parallel == 1
        if not plain or self.has_faults or any(setting is not None for setting in changing):
            raise ValueError(
                "a pool is simulated on a fixed number of replicas that serve one request at a "
                "time by a stated service figure; leave autoscaler, batch, llm, limits of the "
                "queue, interruptions and failures out"
            )
        return self

    @model_validator(mode="after")
    def _commits_once(self) -> Self:
        if self.commitment is not None and self.machine.purchase.term_months is not None:
            raise ValueError(
                "the machine is bought by the term already; write purchase: on_demand for what "
                "lies above the commitment"
            )
        return self

    @model_validator(mode="after")
    def _batches_what_it_can(self) -> Self:
        if self.batch is not None and self.service is not None and self.service.max_batch is None:
            raise ValueError(
                "batch needs a service figure by batch: base_seconds, seconds_per_item, max_batch; "
                "or none, where a curve over the batch size was measured"
            )
        return self


class CascadeStep(Record):
    """One step of a cascade: another option of the scenario, and what it passes on."""

    option: Identifier
    escalate: ShareEstimate | None = Field(
        default=None, description="share of requests passed to the next step [-]; none on the last"
    )


class CascadeDeployment(Record):
    """Every request meets the first step; a share goes on to the next; each step is paid."""

    kind: Literal["cascade"]
    steps: Annotated[tuple[CascadeStep, ...], Field(min_length=2, max_length=8)]

    @model_validator(mode="after")
    def _escalates_between_steps(self) -> Self:
        for number, step in enumerate(self.steps):
            last = number == len(self.steps) - 1
            if last and step.escalate is not None:
                raise ValueError("the last step has nothing to escalate to")
            if not last and step.escalate is None:
                raise ValueError(f"step {number + 1} needs 'escalate', the share it passes on")
        if len(self.options) < len(self.steps):
            raise ValueError("an option stands in it twice; write it as kind: route")
        return self

    @property
    def options(self) -> tuple[str, ...]:
        """Options that serve, each once."""
        return tuple(dict.fromkeys(step.option for step in self.steps))

    @property
    def route(self) -> dict[str, RouteStep]:
        """The same as a route, its steps named by their options."""
        found: dict[str, RouteStep] = {}
        escalate: Estimate | None = None
        for step in self.steps:
            after = tuple(found)[-1:]
            found[step.option] = RouteStep(option=step.option, after=after, escalate=escalate)
            escalate = step.escalate
        return found


class Stage(Record):
    """From when on another option of the scenario serves."""

    option: Identifier
    from_month: MonthNumber | None = None
    when_requests_per_month_reach: Annotated[float, Field(gt=0, le=1e15)] | None = None


class Switching(Record):
    """What a change from one option to another takes."""

    migration_usd: UsdEstimate = Field(description="work and fees of each switch [USD]")
    parallel_months: Annotated[int, Field(ge=0, le=12)] = Field(
        description="months in which old and new both run after a switch [months]"
    )


class StagedDeployment(Switching):
    """Options that follow one another in time, each switch with its cost."""

    kind: Literal["staged"]
    stages: Annotated[tuple[Stage, ...], Field(min_length=2, max_length=6)]

    @property
    def options(self) -> tuple[str, ...]:
        """Options that serve, each once."""
        return tuple(dict.fromkeys(stage.option for stage in self.stages))

    @model_validator(mode="after")
    def _starts_and_switches(self) -> Self:
        for number, stage in enumerate(self.stages):
            triggers = (stage.from_month, stage.when_requests_per_month_reach)
            given = sum(trigger is not None for trigger in triggers)
            if number == 0 and given:
                raise ValueError("the first stage starts with the scenario and has no trigger")
            if number > 0 and given != 1:
                raise ValueError(
                    f"stage {number + 1} needs one of from_month and when_requests_per_month_reach"
                )
        months = [stage.from_month for stage in self.stages if stage.from_month is not None]
        if months != sorted(set(months)):
            raise ValueError("stages are not in the order of their months")
        return self


Deployment = Annotated[
    ApiDeployment
    | SelfHostedDeployment
    | ServerlessDeployment
    | EdgeDeployment
    | CascadeDeployment
    | RouteDeployment
    | StagedDeployment,
    Field(discriminator="kind"),
]
RoutedDeployment = CascadeDeployment | RouteDeployment
"""Steps that a request goes through, each another option of the scenario."""
ComposedDeployment = RoutedDeployment | StagedDeployment
"""What is made of other options."""
