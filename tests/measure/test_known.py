"""What the measurements carry, as a table of snapshots and hardware."""

from tco.measure.known import best_known, table
from tco.measure.library import Measurements
from tests.measure.sweeps import architecture, batch, card, decode, llm, measured

CARDS = {
    "Fast": card("Fast", gb_per_s=4000, tflops=400),
    "Slow": card("Slow"),
    "Tiny": card("Tiny"),
}


def sweep(name, snapshot="net", *, batches=(1, 4, 16), **changes):
    fields = {
        "id": f"{snapshot}-{name.lower()}",
        "subject": {"snapshot": snapshot, "source": "x", "weights": "trained"},
        "hardware": {"name": name, "accelerator_count": 1},
    }
    return measured([batch(n, 0.001 * n) for n in batches], **(fields | changes))


def steps(name):
    return llm(
        [decode(n, 0.01 + 1e-4 * n, output_tokens=200) for n in (1, 4, 16)],
        id=f"steps-{name.lower()}",
        subject={"snapshot": "llm-net", "source": "x", "weights": "trained"},
        hardware={"name": name, "accelerator_count": 1},
    )


def cells(*sweeps, hardware=("Fast", "Slow", "Tiny", "CPU")):
    pairs = (*sweeps, steps("Fast"), steps("Slow"))
    known = Measurements((), "", pairs, {"llm-net": architecture()}, CARDS)
    _, *rows = table(known, hardware)
    return {name: dict(zip(hardware, row, strict=True)) for name, *row in rows}


def test_what_was_seen_goes_before_an_estimate_and_what_nobody_can_tell_is_empty():
    found = cells(sweep("Fast"), sweep("Slow"), sweep("Fast", "lone", batches=(1,)))
    assert found["net"] == {
        "Fast": "imported curve",
        "Slow": "imported curve",
        "Tiny": "estimated curve",
        "CPU": "",
    }
    assert found["lone"] == {"Fast": "imported point", "Slow": "", "Tiny": "", "CPU": ""}


def test_random_weights_and_several_cards_are_said():
    random = sweep(
        "EPYC",
        subject={"snapshot": "net", "source": "x", "weights": "random"},
        hardware={"name": "EPYC", "accelerator_count": 0},
    )
    four = sweep("Fast", "big", hardware={"name": "Fast", "accelerator_count": 4})
    found = cells(random, four, sweep("Fast", "pair"), sweep("Slow", "pair"))
    assert found["net"]["CPU"] == "imported curve, random weights"
    assert found["big"]["Fast"] == "imported curve, 4 cards"


def test_an_estimate_from_random_weights_says_so_too():
    random = {"snapshot": "net", "source": "x", "weights": "random"}
    found = cells(*(sweep(name, subject=random) for name in ("Fast", "Slow")))
    assert found["net"]["Tiny"] == "estimated curve, random weights"


def test_of_several_ways_the_best_grade_is_shown_then_a_curve():
    own = sweep("Fast", evidence="published", batches=(1,), runtime={"name": "other"}, id="point")
    known = Measurements((), "", (own, sweep("Fast", evidence="published")), {}, {})
    assert best_known(known, ["Fast"])["net"]["Fast"].is_curve
