"""``tco views`` and what runs today beside a ranking."""

import json
from typing import Any

from tests.cli.conftest import Tco

BASE = "case/base"


def test_views_are_told_and_written(tco: Tco):
    told = tco("views", BASE)
    assert told.status == 0
    for text in ("by fiscal year, USD", "payee", "levelised cost per 1,000", "per 1,000 requests"):
        assert text in told.out
    document: dict[str, Any] = json.loads(tco("views", BASE, "--option", "own", "--json").out)
    assert document["schema"] == "tco/views/1"
    assert document["option"] == "own"
    whole = document["basis_usd"]
    for basis in ("cash", "accrual", "present value"):
        assert abs(sum(whole["by_month"][basis]) - whole["total"][basis]) < 0.005
    for words in document["split_usd"].values():
        assert abs(sum(words.values()) - whole["total"]["cash"]) < 0.005
    assert len(whole["by_month"]["cash"]) == len(document["months"])


def test_an_option_that_is_none_is_told_what_is_near(tco: Tco):
    done = tco("views", BASE, "--option", "owm")
    assert done.status == 2
    assert "own" in done.err


def test_a_ranking_holds_its_options_against_what_runs_today(tco: Tco):
    done = tco("rank", BASE)
    assert "against keeping as is" in done.out
    [found] = json.loads(tco("rank", BASE, "--json").out)["scenarios"]
    saved = {one["option"]: one for one in found["against_incumbent"]}
    totals = {one["option"]: one["tco_usd"] for one in found["options"]}
    kept = totals.pop("keep-as-is")
    for option, usd in totals.items():
        assert abs(saved[option]["saving_usd"] - (kept - usd)) < 0.005
