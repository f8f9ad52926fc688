"""Keeps the packages that we use from phoning home: one table of switches, set before any import.

``import tco`` sets them, so they stand before any adapter imports its package, and programs that we
start inherit them. A setting that a person has made stays. Where models are downloaded from is not
telemetry and is left alone.
"""

from __future__ import annotations

import os

SWITCHES = {
    "DO_NOT_TRACK": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",  # transformers
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "ORT_DISABLE_TELEMETRY": "1",  # onnxruntime
    "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false",
}


def switch_telemetry_off() -> None:
    """Set every switch that nobody has set."""
    for name, value in SWITCHES.items():
        os.environ.setdefault(name, value)
