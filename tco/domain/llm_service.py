"""Service files of LLM replicas: what a step takes, and what an engine can hold."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from tco.domain.record import Record
from tco.domain.service import HostStage, Seconds

Joules = Annotated[float, Field(ge=0, le=1e9)]
Tokens = Annotated[int, Field(ge=0, le=10**9)]


class StepTable(Record):
    """Seconds of a step of decodes, by sequences (rows, from 0) and the tokens each has read."""

    sequences: Annotated[tuple[Tokens, ...], Field(min_length=2, max_length=65_536)]
    context_tokens: Annotated[tuple[Tokens, ...], Field(min_length=1, max_length=1024)]
    seconds: tuple[tuple[Seconds, ...], ...]

    @model_validator(mode="after")
    def _is_a_table(self) -> Self:
        for name, nodes in (("sequences", self.sequences), ("context_tokens", self.context_tokens)):
            if any(high <= low for low, high in pairwise(nodes)):
                raise ValueError(f"{name} has to rise from one to the next")
        if self.sequences[0] != 0:
            raise ValueError("the first row is a step without decodes: sequences begin with 0")
        if len(self.seconds) != len(self.sequences) or any(
            len(row) != len(self.context_tokens) for row in self.seconds
        ):
            raise ValueError(
                f"seconds needs {len(self.sequences)} rows of {len(self.context_tokens)} numbers"
            )
        return self


class LlmService(Record):
    """What a step of an LLM replica takes: coefficients, or a table; prompts come on top."""

    kind: Literal["llm"]
    front_end: HostStage | None = Field(
        default=None, description="host work before a request reaches a replica"
    )
    base_s: Seconds | None = Field(default=None, description="of every step [s]")
    per_sequence_s: Seconds | None = Field(
        default=None, description="more for each sequence that gets a token [s]"
    )
    per_kv_token_s: Seconds | None = Field(
        default=None, description="more for each token that the decodes have read [s]"
    )
    step_table: StepTable | None = Field(
        default=None, description="instead of base_s, per_sequence_s and per_kv_token_s"
    )
    per_prefill_token_s: Seconds = Field(
        description="more for each token of a prompt that is read in the step [s]"
    )
    base_j: Joules | None = Field(default=None, description="of every step [J]")
    per_sequence_j: Joules | None = None
    per_kv_token_j: Joules | None = None
    per_prefill_token_j: Joules | None = None
    kv_tokens: Annotated[int, Field(ge=1, le=10**12)] = Field(
        description="tokens that a replica's KV memory holds"
    )
    block_tokens: Annotated[int, Field(ge=1, le=4096)] = Field(
        default=16, description="tokens of one block of KV memory"
    )
    longest_context_tokens: Annotated[int, Field(ge=1, le=10**9)] | None = Field(
        default=None, description="most tokens of prompt and answer that the model takes"
    )
    idle_w: Annotated[float, Field(ge=0, le=1e6)] | None = Field(
        default=None, description="power of a replica that is held and not busy [W]"
    )

    @model_validator(mode="after")
    def _has_one_form(self) -> Self:
        line = (self.base_s, self.per_sequence_s, self.per_kv_token_s)
        given = [part for part in line if part is not None]
        whole = len(given) == len(line) if self.step_table is None else not given
        if not whole:
            raise ValueError(
                "give either step_table, or all of base_s, per_sequence_s and per_kv_token_s"
            )
        joules = (self.base_j, self.per_sequence_j, self.per_kv_token_j, self.per_prefill_token_j)
        if len({part is None for part in joules}) > 1:
            raise ValueError("give all four joules of a step, or none")
        return self

    @model_validator(mode="after")
    def _takes_some_time(self) -> Self:
        if self.step_table is not None:
            least = min(min(row) for row in self.step_table.seconds)
        else:
            assert self.base_s is not None
            least = self.base_s
        if least <= 0:
            raise ValueError("every step takes some time; give more than 0 seconds")
        if self.kv_tokens < self.block_tokens:
            raise ValueError(
                f"kv_tokens {self.kv_tokens} is below one block of {self.block_tokens} tokens"
            )
        return self
