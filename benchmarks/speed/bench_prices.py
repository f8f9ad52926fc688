"""How fast prices are read, looked up and applied again: targets to look at, not asserted anywhere.

Times are the best of several rounds in this interpreter; the last figure is also given as a ratio
to the same sum done with a plain pandas merge in the same run, which travels between machines.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tco.domain.loading import Library
from tco.measure.library import Measurements
from tco.plan import evaluate
from tco.prices import Catalog

ROUNDS = 9
OPTIONS = 8


def best_ms(work: Callable[[], object]) -> float:
    """Time a piece of work [ms]; the best of several rounds, as the rest is other people's load."""
    taken_s = []
    for _ in range(ROUNDS):
        started_s = time.perf_counter()
        work()
        taken_s.append(time.perf_counter() - started_s)
    return min(taken_s) * 1e3


class Recorder:
    """Stands before a catalogue and remembers every question."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.asked: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Any:
        answer = getattr(self.catalog, name)
        if not callable(answer):
            return answer

        def remembered(*args: Any, **kwargs: Any) -> Any:
            self.asked.append((name, args, kwargs))
            return answer(*args, **kwargs)

        return remembered


def main() -> None:
    """Print one line a figure."""
    load_ms = best_ms(lambda: Catalog.load(Path("pricing")))
    library = Library(Path("scenarios"))
    measurements = Measurements.load(Path("benchmarks"))
    catalog = Catalog.load(Path("pricing"))
    recorder = Recorder(catalog)
    scenario = library.load_scenario(library.find("support-chat/base"))
    model = evaluate(scenario, recorder, measurements).model

    def ask_all_again() -> None:
        fresh = Catalog.load(Path("pricing"))
        started_s = time.perf_counter()
        for name, args, kwargs in recorder.asked:
            getattr(fresh, name)(*args, **kwargs)
        look_ups_s.append(time.perf_counter() - started_s)

    look_ups_s: list[float] = []
    for _ in range(ROUNDS):
        ask_all_again()

    names = list(dict.fromkeys(line.option for line in model.lines))
    model = model.of(names[:OPTIONS])
    reprice_ms = best_ms(model.totals_usd)
    valued = model.valued()
    quantities = pd.DataFrame(
        {
            "line": np.repeat(np.arange(len(valued)), len(model.months)),
            "month": np.tile(np.arange(len(model.months)), len(valued)),
            "option": np.repeat([v.line.option for v in valued], len(model.months)),
            "quantity": np.concatenate([v.quantity[0] for v in valued]),
        }
    )
    prices = quantities[["line", "month"]].assign(
        usd=np.concatenate([v.unit_price_usd[0] for v in valued])
    )

    def merged() -> pd.Series:
        both = quantities.merge(prices, on=["line", "month"])
        return both.assign(usd=both["quantity"] * both["usd"]).groupby("option")["usd"].sum()

    merge_ms = best_ms(merged)
    totals = model.totals_usd()
    for option, usd in merged().items():
        assert abs(totals[option][0] - usd) <= 1e-9 * max(abs(usd), 1.0)
    what = f"{len(set(names[:OPTIONS]))} options, {len(valued)} lines, {len(model.months)} months"
    figures = [
        ("load the whole catalogue", load_ms, 150),
        (f"resolve {len(recorder.asked)} quotes of {scenario.id}", min(look_ups_s) * 1e3, 20),
        (f"re-price {what}", reprice_ms, 50),
        (f"(the sum alone by a pandas merge; ratio {reprice_ms / merge_ms:.2f})", merge_ms, None),
    ]
    for text, taken_ms, target_ms in figures:
        target = "" if target_ms is None else f"   target {target_ms} ms"
        print(f"{text:70} {taken_ms:7.2f} ms{target}")


if __name__ == "__main__":
    main()
