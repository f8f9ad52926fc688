"""Routes: the steps that a request goes through, as a graph without circles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, NamedTuple, Protocol, Self

from pydantic import Field, model_validator

from tco.domain.record import Estimate, Identifier, Record, ShareEstimate, within, wrong_at
from tco.errors import nearest


class Chance(Protocol):
    """A share of requests: a number, or anything that is added and multiplied like one."""

    def __add__(self, other: Any, /) -> Any:
        """Add another share."""

    def __mul__(self, other: Any, /) -> Any:
        """Take a share of it."""

    def __rsub__(self, other: float, /) -> Any:
        """Take it from a number."""


ROUNDING = 1e-9
"""Shares of a split are written in decimals, whose sum may miss one by this."""


class RouteStep(Record):
    """One step of a route: an option of the scenario, and which requests come to it."""

    option: Identifier
    after: tuple[Identifier, ...] = Field(
        default=(),
        description="steps before this one: it begins when all of them that a request went through "
        "are done; none: requests enter here",
    )
    takes: Literal["answered", "refused"] = Field(
        default="answered",
        description="what comes from the steps before: requests that they answered, or those that "
        "they turned away or that gave up waiting",
    )
    share: Annotated[float, Field(ge=0, le=1)] | None = Field(
        default=None,
        description="share of the requests that go this way and no other [-]; the shares of all "
        "steps after the same steps sum to 1",
    )
    escalate: ShareEstimate | None = Field(
        default=None,
        description="share of the requests of the steps before that come here too [-]; absent: all",
    )
    escalate_by_class: dict[Identifier, Annotated[float, Field(ge=0, le=1)]] | None = Field(
        default=None,
        description="the same for each class of the workload [-]; a class left out never comes",
    )
    calls_per_request: Annotated[Estimate, within(0, 10_000)] = Field(
        default=Estimate(likely=1.0),
        description="calls that each request makes here, all at once [-]; the step is done when "
        "the last is answered",
    )
    hand_over_s: Annotated[float, Field(ge=0, le=1e6)] = Field(
        default=0.0, description="from the steps before to this one: network, a queue between [s]"
    )

    @model_validator(mode="after")
    def _is_chosen_one_way(self) -> Self:
        ways = (self.share, self.escalate, self.escalate_by_class)
        if sum(way is not None for way in ways) > 1:
            raise ValueError("give one of share, escalate and escalate_by_class")
        if not self.after and (self.escalate is not None or self.escalate_by_class is not None):
            raise ValueError("requests enter here: escalate needs 'after', the step that passes on")
        if not self.after and self.takes == "refused":
            raise ValueError("takes: refused needs 'after', the step that refuses")
        if self.takes == "refused" and any(way is not None for way in ways):
            raise ValueError("takes: refused takes all that is refused; leave shares out")
        return self


class RouteDeployment(Record):
    """Steps by name, each an option of the scenario; every step is paid."""

    kind: Literal["route"]
    steps: Annotated[dict[Identifier, RouteStep], Field(min_length=2, max_length=16)]

    @model_validator(mode="after")
    def _is_a_graph(self) -> Self:
        wrong = broken({name: step.after for name, step in self.steps.items()})
        if wrong is not None:
            raise wrong_at("steps", wrong.step, "after", says=wrong.says)
        _check_shares(self.steps)
        for name, step in self.steps.items():
            if step.takes == "refused":
                self._check_refusing(name, step)
        return self

    def _check_refusing(self, name: str, step: RouteStep) -> None:
        if len(step.after) > 1:
            says = f"'{name}' takes what one step refuses; it comes after {', '.join(step.after)}"
            raise wrong_at("steps", name, "after", says=says)
        if self.steps[step.after[0]].calls_per_request != Estimate(likely=1.0):
            says = f"'{name}' takes requests that were refused, and '{step.after[0]}' makes calls"
            raise wrong_at("steps", name, "after", says=says)

    @property
    def options(self) -> tuple[str, ...]:
        """Options that serve, each once, behind all that hands on to it."""
        last_first = (step.option for step in reversed(self.route.values()))
        return tuple(reversed(dict.fromkeys(last_first)))

    @property
    def route(self) -> dict[str, RouteStep]:
        """The steps, each behind those that it comes after."""
        order = in_order({name: step.after for name, step in self.steps.items()})
        return {name: self.steps[name] for name in order}


class BrokenGraph(NamedTuple):
    """What is wrong with the steps of a route, and at which of them."""

    step: str
    says: str


def broken(after: Mapping[str, Sequence[str]]) -> BrokenGraph | None:
    """Find a step that comes after none that there is, or after itself in the end.

    >>> print(broken({"answer": ["fnd"], "find": []}).says)
    'answer' comes after 'fnd', which is no step. Near it: find. There are answer, find
    >>> broken({"answer": ["find"], "find": []}) is None
    True
    """
    for name, before in after.items():
        for other in before:
            if other not in after:
                says = (
                    f"'{name}' comes after '{other}', which is no step. Near it: "
                    f"{nearest(other, after)}. There are {', '.join(after)}"
                )
                return BrokenGraph(name, says)
    left = {name: before for name, before in after.items() if name not in in_order(after)}
    if not left:
        return None
    walked = [next(iter(left))]
    while (step := next(other for other in left[walked[-1]] if other in left)) not in walked:
        walked.append(step)
    circle = walked[walked.index(step) :]
    says = (
        f"the steps form a circle: {' after '.join((*circle, circle[0]))}. Requests only go "
        f"forward; take a step out of 'after' of '{circle[0]}'"
    )
    return BrokenGraph(circle[0], says)


def in_order(after: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Return the steps so that each stands behind those it comes after; none of a circle.

    >>> in_order({"answer": ["find"], "find": []})
    ('find', 'answer')
    """
    order: dict[str, None] = {}
    while ready := [n for n in after if n not in order and all(b in order for b in after[n])]:
        order[ready[0]] = None
    return tuple(order)


def _check_shares(steps: Mapping[str, RouteStep]) -> None:
    """Refuse splits whose shares do not sum to one."""
    for after, ways in splits(steps).items():
        total = sum(ways.values())
        if abs(total - 1.0) > ROUNDING:
            listed = " + ".join(f"{name} {share:g}" for name, share in ways.items())
            where = f"after {', '.join(sorted(after))}" if after else "where requests enter"
            says = (
                f"the shares {where} sum to {total:g}, not 1: {listed}. Where some requests go on "
                "and the others are done, write escalate"
            )
            raise wrong_at("steps", next(iter(ways)), "share", says=says)


def splits(steps: Mapping[str, RouteStep]) -> dict[frozenset[str], dict[str, float]]:
    """Return the shares of the ways of each split, by the steps that it comes after."""
    found: dict[frozenset[str], dict[str, float]] = {}
    for name, step in steps.items():
        if step.share is not None:
            found.setdefault(frozenset(step.after), {})[name] = step.share
    return found


def share_reaching(steps: Mapping[str, RouteStep], name: str, sent: Mapping[str, Chance]) -> Any:
    """Return the share of requests that come to a step where every step answers [-].

    Args:
        steps: All steps.
        name: The step.
        sent: Share that is sent to each step of those that get so far; a step that is left out is
            sent all. The ways of a split exclude one another; all else is drawn independently.

    >>> ask, work = RouteStep(option="a"), RouteStep(option="b", after=("ask",))
    >>> share_reaching({"ask": ask, "work": work}, "work", {"work": 0.25})
    0.25
    """
    deciding = _before(steps, name) | {name}
    draws: list[list[tuple[dict[str, bool], Chance]]] = [
        [({other: other == way for other in ways}, sent[way]) for way in ways]
        for ways in splits(steps).values()
        if deciding & set(ways)
    ]
    draws += [
        [({step: True}, chance), ({step: False}, 1.0 - chance)]
        for step, chance in sent.items()
        if step in deciding and steps[step].share is None
    ]

    def share(left: list[list[tuple[dict[str, bool], Chance]]], known: dict[str, bool]) -> Any:
        comes = _comes(steps, name, known)
        if comes is not None:
            return 1.0 if comes else 0.0
        total: Any = None
        for told, chance in left[0]:
            then = share(left[1:], known | told)
            if isinstance(then, float) and then == 0.0:
                continue
            part = chance if isinstance(then, float) and then == 1.0 else chance * then
            total = part if total is None else total + part
        return 0.0 if total is None else total

    return share(draws, {step: True for step in steps if step not in sent})


def _before(steps: Mapping[str, RouteStep], name: str) -> set[str]:
    """Return every step that a step comes after, at once or in the end."""
    found: set[str] = set()
    left = list(steps[name].after)
    while left:
        step = left.pop()
        if step not in found:
            found.add(step)
            left += steps[step].after
    return found


def _comes(steps: Mapping[str, RouteStep], name: str, sent: Mapping[str, bool]) -> bool | None:
    """Tell whether a request comes to a step; None where that hangs on what is not known yet."""
    own = sent.get(name)
    before = [_comes(steps, other, sent) for other in steps[name].after]
    if own is False or (before and all(one is False for one in before)):
        return False
    return True if own and (not before or True in before) else None
