"""One pinned candidate model: the record that choosing a model asks for."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from tco.domain.record import (
    CountEstimate,
    Evidence,
    FactorEstimate,
    Identifier,
    Record,
    Text,
    wrong_at,
)

Digest = Annotated[str, Field(pattern=r"^(sha256:[0-9a-f]{64}|sha1:[0-9a-f]{40})$")]
Score = Annotated[int, Field(ge=1, le=5)]
SMALL_MODEL_PARAMETERS = 10e9


class Openness(StrEnum):
    """Whether the weights can be had."""

    OPEN = "open"
    PROPRIETARY = "proprietary"
    MIXED = "mixed"


class SizeClass(StrEnum):
    """classic = no tokens; slm = under 10 B total parameters; llm = the rest, undisclosed too."""

    CLASSIC = "classic"
    SLM = "slm"
    LLM = "llm"
    MIXED = "mixed"


class Approach(StrEnum):
    """How a snapshot came to be."""

    AS_IS = "as is"
    API = "API"
    PROMPTING = "prompting"
    RETRIEVAL = "retrieval"
    FEATURE_EXTRACTOR = "feature extractor"
    LORA = "LoRA"
    FINE_TUNE = "full fine-tune"
    DISTILLED = "distilled"
    PRUNED = "pruned"
    QUANTISED = "quantised"
    FROM_SCRATCH = "from scratch"


class Metric(Record):
    """One quality figure on one named test set."""

    name: Text
    value: float
    low: float | None = None
    high: float | None = None
    split: Literal["validation", "test"]
    is_public_benchmark: bool = Field(
        default=False, description="a published score on a public set, which may have been seen"
    )
    task: Identifier
    test_set: Text
    test_set_digest: Digest | None = None
    evidence: Evidence
    source: Text

    @model_validator(mode="after")
    def _is_ordered(self) -> Self:
        if (self.low is None) != (self.high is None):
            raise ValueError("give both low and high of the interval, or neither")
        if self.low is not None and self.high is not None:
            if not self.low <= self.value <= self.high:
                raise ValueError("low, value and high are not in order")
        elif self.evidence is Evidence.ASSUMED:
            raise ValueError("an assumed figure needs a range: give low and high")
        return self


class TokenFactors(Record):
    """How many tokens of its own a snapshot makes of the workload's reference tokens."""

    input_token_factor: FactorEstimate
    output_token_factor: FactorEstimate
    reasoning_tokens: CountEstimate = Field(description="hidden tokens billed as output [tokens]")


class Training(Record):
    """How the snapshot was made, as far as that is known."""

    approach: Approach
    parent: Identifier | None = None
    hyperparameters: dict[str, str | float | bool] = Field(default_factory=dict)
    seed: int | None = None
    data_version: Text | None = None
    data_provenance: Text | None = None
    labelled_examples: Annotated[int, Field(ge=0, le=10**12)] | None = Field(
        default=None, description="labelled examples that making it takes [-]"
    )
    training_hours: Annotated[float, Field(ge=0, le=1e7)] | None = None
    code_version: Text | None = None
    environment: Text | None = None


class Notes(Record):
    """What a reviewer must know that is not a number."""

    edge_cases: Text | None = None
    failures: Text | None = None
    interpretability: Text | None = None
    fairness: Text | None = None


class Snapshot(Record):
    """One pinned model: name, version and digest, with what is known about it."""

    format: Literal["snapshot/1"]
    id: Identifier
    name: Text
    version: Text
    digest: Digest | None = Field(default=None, description="of the weights; none for an API")
    released: date | None = None
    task: Identifier
    architecture: Text
    licence: Text
    source: Text
    openness: Literal[Openness.OPEN, Openness.PROPRIETARY]
    uses_tokens: bool = Field(description="false for a classic model that is not billed by token")
    parameters: Annotated[float, Field(gt=0, le=1e14)] | None = Field(
        default=None, description="total parameters [-]; absent where undisclosed"
    )
    active_parameters: Annotated[float, Field(gt=0, le=1e14)] | None = None
    size_gb: Annotated[float, Field(gt=0, le=1e5)] | None = None
    memory_gib: Annotated[float, Field(gt=0, le=1e5)] | None = Field(
        default=None, description="device memory that the weights take [GiB]"
    )
    context_tokens: Annotated[int, Field(ge=1, le=100_000_000)] | None = None
    precision: Text | None = None
    artefact_format: Text | None = None
    runtime: Text | None = None
    same_shape_as: Identifier | None = Field(
        default=None,
        description="measured model of the same layers and widths, by whose figures it is served "
        "where it has none itself",
    )
    interpretability_score: Score | None = Field(
        default=None, description="1 a black box, 5 every answer can be traced; typed by a reviewer"
    )
    fairness_score: Score | None = Field(
        default=None,
        description="1 groups are treated unlike, 5 no difference was found; typed by a reviewer",
    )
    tokens: TokenFactors | None = None
    metrics: tuple[Metric, ...] = ()
    training: Training
    notes: Notes = Notes()

    @property
    def size_class(self) -> SizeClass:
        """Class by tokens and total parameters."""
        if not self.uses_tokens:
            return SizeClass.CLASSIC
        if self.parameters is not None and self.parameters < SMALL_MODEL_PARAMETERS:
            return SizeClass.SLM
        return SizeClass.LLM

    @property
    def measured_as(self) -> tuple[str, ...]:
        """Models whose measurements hold for it: itself, one of its shape, its adapters' base."""
        base = self.training.parent if self.training.approach is Approach.LORA else None
        named = (self.id, self.same_shape_as, base)
        return tuple(dict.fromkeys(name for name in named if name is not None))

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if self.uses_tokens and self.tokens is None:
            raise wrong_at("tokens", says="a model that uses tokens needs its token factors")
        if not self.uses_tokens and self.tokens is not None:
            raise wrong_at("tokens", says="a classic model has no token factors")
        if (
            self.parameters is not None
            and self.active_parameters is not None
            and self.active_parameters > self.parameters
        ):
            raise wrong_at("active_parameters", says="more active parameters than parameters")
        if self.training.parent == self.id:
            raise wrong_at("training", "parent", says="a snapshot cannot be its own parent")
        if self.same_shape_as == self.id:
            raise wrong_at("same_shape_as", says="names the snapshot itself; name another or none")
        return self
