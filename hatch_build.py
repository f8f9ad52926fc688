"""What the wheel carries besides code, so that the `tco` command works from any folder.

Not a plain `force-include` table: that would also copy the files into an editable install, which
reads them in place.
"""

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

CARRIED = (
    "pricing",
    "scenarios",
    "benchmarks",
    "docs/method.md",
    "streamlit_app.py",
    ".streamlit/config.toml",
)


class CarryData(BuildHookInterface):  # type: ignore[type-arg]
    """Lay the shipped data below the package when a wheel is built."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the files, unless the build is for an editable install."""
        if version == "standard":
            build_data["force_include"] |= {name: f"tco/_data/{name}" for name in CARRIED}
