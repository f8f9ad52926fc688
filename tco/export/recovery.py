"""What would recover the waste, for a report: tried on the cheapest option that wastes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from tco.errors import TcoError
from tco.measure.library import Measurements
from tco.plan import Evaluation
from tco.prices import Catalog
from tco.recover import Recovery, Trial, Verdict, cheapest_that_wastes, recover
from tco.tasks import Watch

NOTHING_WASTED = "No option that is described here pays for capacity that does not work."


@dataclass(frozen=True, slots=True)
class Recoverable:
    """What came of trying to recover waste, or why nobody knows."""

    recovery: Recovery | None = None
    why_not: str = ""

    def sentence(self, found: Evaluation) -> str:
        """Say in one sentence what would be saved, by what, and what waste stays."""
        if self.recovery is None:
            return self.why_not
        known = self.recovery
        title = found.scenario.candidates[known.option].title
        if not known.chosen:
            return (
                f"{title}: no measure saves. Its waste of USD {known.before.lost_usd:,.0f} is the "
                "price of its goals."
            )
        return (
            f"{title}: {', then '.join(known.chosen)} would save USD {known.saved_usd:,.0f} of its "
            f"cost ({found.settings.basis}). Of USD {known.before.lost_usd:,.0f} of waste, "
            f"USD {known.left_usd:,.0f} would stay."
        )

    @property
    def tried(self) -> tuple[Trial, ...]:
        """The measures that changed something, or could not."""
        trials = () if self.recovery is None else self.recovery.trials
        return tuple(one for one in trials if one.verdict is not Verdict.NOTHING_TO_CHANGE)

    @property
    def untried(self) -> tuple[str, ...]:
        """The measures that found nothing to change."""
        trials = () if self.recovery is None else self.recovery.trials
        return tuple(
            one.measure.value for one in trials if one.verdict is Verdict.NOTHING_TO_CHANGE
        )


NOT_TRIED = Recoverable(
    why_not="It was not asked for when this was written; a report can try every measure."
)
STOPPED = Recoverable(why_not="Trying the measures was stopped before they were done.")


def recoverable(
    found: Evaluation,
    catalog: Catalog,
    measurements: Measurements,
    *,
    watch: Watch | None = None,
    tell: Callable[[str], None] | None = None,
) -> Recoverable:
    """Try every measure on the cheapest option that wastes; new fleets are simulated.

    Args:
        found: The plan, evaluated.
        catalog: Prices.
        measurements: Measured speed and energy.
        watch: Through which somebody follows and may stop it.
        tell: Is told what is tried, before it is.
    """
    option = cheapest_that_wastes(found)
    if option is None:
        return Recoverable(why_not=NOTHING_WASTED)
    watched = replace(found, settings=replace(found.settings, watch=watch))
    try:
        return Recoverable(recover(watched, option, catalog, measurements, tell=tell))
    except TcoError as error:
        return Recoverable(why_not=f"It could not be tried on {option}: {error}")


def verdict_of(trial: Trial) -> str:
    """Say what came of one measure, with its reasons."""
    because = f" ({'; '.join(trial.reasons)})" if trial.reasons else ""
    return f"{trial.measure.value}: {trial.verdict.value}{because}"
