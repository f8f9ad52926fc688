"""Pages and schemas that are written from the code."""

from collections.abc import Callable

import pytest

from tco.domain import dictionary, schemas
from tco.export import schema as evaluation_schema
from tco.measure import known
from tests.measure.sweeps import shipped


@pytest.mark.parametrize("name", schemas.FILE_TYPES)
def test_editors_complete_by_the_types_of_today(name: str, golden: Callable[[str, str], None]):
    golden(f"docs/schemas/{name}.json", schemas.texts()[f"{name}.json"])


def test_the_page_on_units_and_signs_is_that_of_the_code(golden: Callable[[str, str], None]):
    golden("docs/units-and-signs.md", dictionary.text())


def test_the_schema_of_an_evaluation_is_that_of_the_code(golden: Callable[[str, str], None]):
    golden("docs/schemas/evaluation.json", evaluation_schema.text())


def test_the_page_on_what_is_known_is_that_of_the_measurements(golden: Callable[[str, str], None]):
    golden("docs/known-speeds.md", known.page(shipped()))
