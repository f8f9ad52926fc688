"""What serving takes of an LLM replica: steps by what is in them, and what its engine can hold."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tco.sim.llm_state import Limits
from tco.sim.llm_steps import StepCurve
from tco.sim.service import HostWork


@dataclass(frozen=True, slots=True)
class LlmService:
    """The step stage of a service curve, and the limits of the engine that makes the steps."""

    curve: StepCurve
    max_sequences: int
    max_step_tokens: int
    blocks: int
    """Blocks of KV memory of a replica."""
    block_tokens: int
    prefill_first: bool = False
    whole_prompt_fits: bool = True
    """A request is admitted when all of its prompt fits; else when its first piece does."""
    adapters: int = 0
    """Adapters that requests ask for; 0 if all use the base alone."""
    adapter_slots: int = 0
    """Adapters that a replica holds at once."""
    swap_s: float = 0.0
    """Time to load an adapter [s]."""
    longest_context_tokens: int | None = None
    """Most tokens of prompt and answer that the model takes; None: not known."""
    front: HostWork | None = None
    """Before a request reaches a replica; one stage for the whole fleet."""

    @property
    def has_joules(self) -> bool:
        """Whether the energy of steps is known."""
        return self.curve.joules is not None

    @property
    def kinds(self) -> int:
        """Kinds of hardware that the steps are known on."""
        return 1

    def limits(
        self,
        *,
        routing: int,
        queue_limit: int = -1,
        patience_s: float = math.inf,
        goal_s: float = math.inf,
    ) -> Limits:
        """Return what the kernel needs to know of engine and queue."""
        return Limits(
            most_sequences=self.max_sequences,
            step_tokens=self.max_step_tokens,
            blocks=self.blocks,
            block_tokens=self.block_tokens,
            prefill_first=self.prefill_first,
            whole_prompt_fits=self.whole_prompt_fits,
            routing=routing,
            queue_limit=queue_limit,
            patience_s=patience_s,
            adapter_slots=self.adapter_slots,
            swap_s=self.swap_s,
            goal_s=goal_s,
        )
