"""How requests crowd, move and vary: bursts, events, slow movement, batch jobs, sizes, classes.

All of it is optional. Left out, requests are independent of one another (a Poisson stream over the
weekly profile) and every request has the mean size.
"""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from tco.domain.record import Identifier, Record, Share, Text

Positive = Annotated[float, Field(gt=0, le=1e9)]
Mean = Annotated[float, Field(ge=0, le=1e9)]
Tokens_ = Annotated[int, Field(ge=0, le=100_000_000)]
ROUNDING = 1e-9
MEAN_TOLERANCE = 0.005
"""How far the mean of a size law may lie from the mean that is priced [-]."""


def _in_utc(when: datetime) -> datetime:
    """Read a moment without a zone as UTC."""
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)


def _from_text(when: Any) -> Any:
    """Read a day as its first moment, and a date and time with or without a zone."""
    if not isinstance(when, str):
        return when
    try:
        return datetime.fromisoformat(when.strip())
    except ValueError:
        raise ValueError("no such moment; write 2026-11-27 or 2026-11-27T09:00Z") from None


Moment = Annotated[datetime, BeforeValidator(_from_text), AfterValidator(_in_utc)]


class Event(Record):
    """A stretch of time with more or fewer requests than the plan's: a launch, a holiday.

    It changes the volume of its months: what it adds comes on top of the stated requests.
    """

    title: Text
    start: Moment = Field(description="first moment, in UTC unless it says otherwise")
    end: Moment = Field(description="first moment after it")
    factor: Annotated[float, Field(ge=0, le=1000)] = Field(
        description="rate over the rate without the event [-]"
    )

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Self:
        if self.end <= self.start:
            raise ValueError(f"ends at {self.end:%Y-%m-%d %H:%M}, not after its start")
        return self


class Movement(Record):
    """Slow wandering of the rate from hour to hour: its logarithm is an AR(1) of mean rate 1."""

    log_sd: Annotated[float, Field(gt=0, le=3)] = Field(
        description="standard deviation of the logarithm of the rate [-]"
    )
    correlation_hours: Annotated[float, Field(gt=0, le=10_000)] = Field(
        description="time in which the correlation falls to 1/e [h]"
    )
    source: Text


ClientShares = Annotated[
    tuple[Annotated[float, Field(gt=0, le=1)], ...], Field(min_length=1, max_length=1000)
]


class _Bursts(Record):
    client_shares: ClientShares = Field(
        default=(1.0,),
        description="share of the requests from each independent source [-]; one if left out",
    )

    @model_validator(mode="after")
    def _shares_sum_to_one(self) -> Self:
        _sums_to_one("client_shares", sum(self.client_shares))
        return self


class OnOffBursts(_Bursts):
    """Sources that send for a while and then fall silent."""

    kind: Literal["on_off"]
    on_mean_s: Positive
    off_mean_s: Positive


class TwoStateBursts(_Bursts):
    """Sources that change between a high and a low rate (two-state MMPP)."""

    kind: Literal["two_state"]
    high_to_low: Annotated[float, Field(gt=1, le=1e6)]
    high_mean_s: Positive
    low_mean_s: Positive


class GammaGaps(_Bursts):
    """Gaps of a gamma law: a stress preset. Matching the CV of gaps alone misjudges capacity."""

    kind: Literal["gamma"]
    gap_cv: Annotated[float, Field(ge=0.05, le=50)] = Field(
        description="standard deviation of the gaps over their mean [-]; 1 is Poisson"
    )


class RecordedBursts(Record):
    """The rate of a log step by step, played again and again from another moment each time."""

    kind: Literal["recorded"]
    step_s: Positive
    factors: Annotated[
        tuple[Annotated[float, Field(ge=0, le=1e9)], ...], Field(min_length=2, max_length=20_000)
    ] = Field(description="rate of each step; only the proportions count")

    @model_validator(mode="after")
    def _has_a_request(self) -> Self:
        if not any(self.factors):
            raise ValueError("all factors are zero; there is nothing to play")
        return self


Bursts = Annotated[
    OnOffBursts | TwoStateBursts | GammaGaps | RecordedBursts, Field(discriminator="kind")
]

Weekday = Annotated[int, Field(ge=0, le=6)]


class BatchJobs(Record):
    """Part of the volume that is handed over at once, with a deadline."""

    share: Annotated[float, Field(gt=0, le=1)] = Field(
        description="share of the month's requests that comes this way [-]"
    )
    start_hour_utc: Annotated[int, Field(ge=0, le=23)]
    deadline_hours: Annotated[float, Field(gt=0, le=744)]
    weekdays: tuple[Weekday, ...] = Field(
        default=(0, 1, 2, 3, 4, 5, 6), min_length=1, description="0 is Monday; all if left out"
    )


class RowSizes(Record):
    """Real pairs of input and output tokens; a request takes one of them at random."""

    kind: Literal["rows"]
    rows: Annotated[tuple[tuple[Tokens_, Tokens_], ...], Field(min_length=1, max_length=20_000)]

    @property
    def means(self) -> tuple[float, float]:
        """Mean input and output tokens."""
        count = len(self.rows)
        return sum(row[0] for row in self.rows) / count, sum(row[1] for row in self.rows) / count


class QuantileSizes(Record):
    """Quantiles of input and output tokens together with their means.

    Straight lines between quantiles overstate the mean of a long tail, so the lines are bent just
    enough to give the stated mean.
    """

    kind: Literal["quantiles"]
    shares: Annotated[tuple[Share, ...], Field(min_length=2, max_length=2000)]
    input_tokens: tuple[Annotated[float, Field(ge=0)], ...]
    output_tokens: tuple[Annotated[float, Field(ge=0)], ...]
    input_mean: Mean
    output_mean: Mean
    rank_correlation: Annotated[float, Field(gt=-1, lt=1)] = Field(
        default=0.0, description="Spearman's, between input and output [-]; 0 if left out"
    )

    @property
    def means(self) -> tuple[float, float]:
        """Mean input and output tokens."""
        return self.input_mean, self.output_mean

    @model_validator(mode="after")
    def _is_a_table_with_a_possible_mean(self) -> Self:
        if self.shares[0] != 0 or self.shares[-1] != 1:
            raise ValueError("shares run from 0 (the smallest request) to 1 (the largest)")
        if any(high <= low for low, high in pairwise(self.shares)):
            raise ValueError("shares do not rise")
        for name, mean in (("input", self.input_mean), ("output", self.output_mean)):
            values = getattr(self, f"{name}_tokens")
            if len(values) != len(self.shares):
                raise ValueError(f"{len(values)} {name}_tokens for {len(self.shares)} shares")
            if any(high < low for low, high in pairwise(values)):
                raise ValueError(f"{name}_tokens fall; quantiles rise with their share")
            widths = [high - low for low, high in pairwise(self.shares)]
            least = sum(width * value for width, value in zip(widths, values, strict=False))
            most = sum(width * value for width, value in zip(widths, values[1:], strict=True))
            is_constant = most - least <= ROUNDING * most and abs(mean - most) <= ROUNDING * most
            if not (least < mean < most or is_constant):
                raise ValueError(
                    f"{name}_mean {mean:g} cannot belong to these quantiles; "
                    f"they allow {least:g} to {most:g}"
                )
        return self


class MixturePart(Record):
    """One lognormal component, for input and output together."""

    weight: Annotated[float, Field(gt=0, le=1)]
    input_mean: Mean
    input_cv: Annotated[float, Field(ge=0, le=100)]
    output_mean: Mean
    output_cv: Annotated[float, Field(ge=0, le=100)]
    correlation: Annotated[float, Field(ge=-1, le=1)] = Field(
        default=0.0, description="of the logarithms of input and output [-]; 0 if left out"
    )


class MixtureSizes(Record):
    """A mixture of lognormal laws; its parts carry means, so that it cannot miss the mean."""

    kind: Literal["mixture"]
    parts: Annotated[tuple[MixturePart, ...], Field(min_length=1, max_length=20)]
    input_cap_tokens: Positive | None = Field(
        default=None, description="longer inputs are cut here, the mean is kept [tokens]"
    )
    output_cap_tokens: Positive | None = Field(
        default=None, description="longer outputs are cut here, the mean is kept [tokens]"
    )

    @property
    def means(self) -> tuple[float, float]:
        """Mean input and output tokens, after the caps."""
        return (
            sum(part.weight * part.input_mean for part in self.parts),
            sum(part.weight * part.output_mean for part in self.parts),
        )

    @model_validator(mode="after")
    def _is_whole_and_below_its_caps(self) -> Self:
        _sums_to_one("the weights of the parts", sum(part.weight for part in self.parts))
        caps = (self.input_cap_tokens, self.output_cap_tokens)
        for name, mean, cap in zip(("input", "output"), self.means, caps, strict=True):
            if cap is not None and mean >= cap:
                raise ValueError(f"the mean {name}, {mean:g} tokens, is not below its cap {cap:g}")
        return self


Sizes = Annotated[RowSizes | QuantileSizes | MixtureSizes, Field(discriminator="kind")]


class RequestClass(Record):
    """One kind of request, with its own sizes and its own hours."""

    share: Annotated[float, Field(gt=0, le=1)] = Field(description="of all requests [-]")
    sizes: Sizes
    by_hour: (
        Annotated[tuple[Annotated[float, Field(ge=0)], ...], Field(min_length=24, max_length=24)]
        | None
    ) = Field(
        default=None,
        description="weight of the class in each UTC hour [-]; alike in all hours if left out",
    )

    @model_validator(mode="after")
    def _has_an_hour(self) -> Self:
        if self.by_hour is not None and not any(self.by_hour):
            raise ValueError("by_hour is zero all day")
        return self


Classes = Annotated[dict[Identifier, RequestClass], Field(min_length=1, max_length=50)]


class FittedLog(Record):
    """The request log that a workload was fitted to."""

    file: Text
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    requests: Annotated[int, Field(gt=0)]
    span_hours: Annotated[float, Field(gt=0)]
    first: Moment | None = None


def _sums_to_one(what: str, total: float) -> None:
    if abs(total - 1) > 1e-6:  # noqa: PLR2004 - room for rounded shares
        raise ValueError(f"{what} sum to {total:g}, not to 1")


def mean_sizes(sizes: Sizes | None, classes: dict[str, RequestClass] | None) -> tuple[float, float]:
    """Return the mean input and output tokens of a size law, or of classes by their shares."""
    if classes is None:
        assert sizes is not None
        return sizes.means
    _sums_to_one("the shares of the classes", sum(each.share for each in classes.values()))
    means = [(each.share, *each.sizes.means) for each in classes.values()]
    return sum(s * i for s, i, _ in means), sum(s * o for s, _, o in means)
