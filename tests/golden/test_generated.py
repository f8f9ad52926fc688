"""Pages and schemas that are written from the code."""

from collections.abc import Callable

import pytest

from tco.domain import schemas


@pytest.mark.parametrize("name", schemas.FILE_TYPES)
def test_editors_complete_by_the_types_of_today(name: str, golden: Callable[[str, str], None]):
    golden(f"docs/schemas/{name}.json", schemas.texts()[f"{name}.json"])
