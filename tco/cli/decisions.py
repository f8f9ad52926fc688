"""``tco decide``: a choice written down with its evidence, verified, and looked at when due."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tco.cli.answers import AsJson
from tco.cli.context import Options, deliver, options_of, prepare_to_simulate, print_json, say
from tco.domain.cost import Basis
from tco.errors import TcoError
from tco.tasks import user_cache

if TYPE_CHECKING:
    from tco.domain.decision import Decision
    from tco.plan import Evaluation


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("decide")(decide)


def decide(  # noqa: PLR0913, PLR0917 - one argument for each option
    context: typer.Context,
    scenario: Annotated[
        str | None, typer.Argument(help="use-case/scenario, or a file", show_default=False)
    ] = None,
    choose: Annotated[
        str | None, typer.Option(help="the option", show_default="the cheapest that is ranked")
    ] = None,
    by: Annotated[str | None, typer.Option(help="who decides", show_default=False)] = None,
    why: Annotated[str | None, typer.Option(help="the reason", show_default=False)] = None,
    review: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"], help="day to look again", show_default="three months later"
        ),
    ] = None,
    on: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="day of the decision", show_default="today"),
    ] = None,
    basis: Annotated[Basis, typer.Option(help="view of time")] = Basis.ACCRUAL,
    out: Annotated[Path, typer.Option(help="folder of the decisions")] = Path("decisions"),
    verify: Annotated[
        Path | None,
        typer.Option(help="run this decision again and compare", show_default=False),
    ] = None,
    due: Annotated[
        bool, typer.Option("--due", help="list the decisions of the folder to look at again")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Record a decision with its evidence; verify one; list those that are due."""
    asked = [name for name, given in (("SCENARIO", scenario), ("--verify", verify), ("--due", due))
             if given]  # fmt: skip
    if len(asked) != 1:
        raise TcoError("name a scenario to decide on, or --verify FILE, or --due: one of the three")
    options = options_of(context)
    day = (on or datetime.now(UTC)).date()
    if verify is not None:
        _verify(options, verify, as_json=as_json)
    elif due:
        _list_due(options, out, day, as_json=as_json)
    else:
        assert scenario is not None
        if not by or not why:
            raise TcoError(
                "a decision needs --by NAME and --why TEXT: who takes it, and the reason"
            )
        from tco.decide import decide as decided
        from tco.decide import write_decision

        found = _evaluated(options, str(options.library.find(scenario)), basis)
        on_review = review.date() if review is not None else None
        made = decided(found, by=by, why=why, on=day, choice=choose, review_on=on_review)
        paths = write_decision(made, out)
        if as_json:
            print_json(made.model_dump(mode="json", exclude_none=True))
        else:
            say(f"{made.standing(made.choice).title}, to be looked at again on {made.review_on}")
            for path in paths:
                say(f"wrote {path}")


def _evaluated(options: Options, name: str, basis: Basis) -> Evaluation:
    [loaded] = options.scenarios([name])
    from tco.plan import Settings, evaluate

    prepare_to_simulate()
    settings = Settings(basis=basis, cache=user_cache())
    return evaluate(loaded, options.catalog, options.measurements, settings=settings)


def _verify(options: Options, path: Path, *, as_json: bool) -> None:
    from tco.decide import read_decision
    from tco.decide import verify as verified

    decision = read_decision(path)
    prepare_to_simulate()
    checked = verified(decision, options.catalog, options.measurements, user_cache())
    if as_json:
        print_json(
            {
                "schema": "tco/decide-verify/1",
                "same_bytes": checked.is_same,
                "within_1e-9": checked.is_close,
                "differences": list(checked.differences),
            }
        )
    else:
        verdict = "does not come out the same:"
        if checked.is_close:
            verdict = "the same bytes" if checked.is_same else "the same within 1e-9"
        lines = [f"{path}: {verdict}", *(f"   {one}" for one in checked.differences)]
        deliver("\n".join(lines), None)
    if not checked.is_close:
        raise typer.Exit(1)


def _list_due(options: Options, folder: Path, day: date, *, as_json: bool) -> None:
    from tco.decide import read_decision, reasons_to_review

    paths = sorted(folder.glob("*.json"))
    if not paths:
        raise TcoError(f"{folder} holds no decision; --out names the folder")
    rows = []
    for path in paths:
        decision = read_decision(path)
        reasons = reasons_to_review(decision, day, _as_of_now(options, decision))
        if reasons:
            rows.append({"file": str(path), "choice": decision.choice, "reasons": list(reasons)})
    if as_json:
        print_json({"schema": "tco/decide-due/1", "decisions": len(paths), "due": rows})
        return
    lines = []
    for row in rows:
        lines += [f"{row['file']}: {row['choice']}", *(f"   {one}" for one in row["reasons"])]
    lines.append(f"{len(rows)} of {len(paths)} decisions are to be looked at again")
    deliver("\n".join(lines), None)


def _as_of_now(options: Options, decision: Decision) -> Evaluation | None:
    """Evaluate the scenario as it stands today; None where it is gone or no longer fits."""
    try:
        name = str(options.library.find(decision.scenario))
        return _evaluated(options, name, decision.inputs.basis)
    except TcoError:
        return None
