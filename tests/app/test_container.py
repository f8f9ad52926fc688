"""The container's own commands, run without a container: it starts, and asks nobody anything."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from contextlib import suppress

import pytest

from tests.conftest import ROOT, personal, sealed

STARTS_WITHIN_S = 60.0
ASKS_WITHIN_S = 1.0
"""Streamlit asks for its address as soon as it listens, and gives up after a second."""


def command_after(word: str) -> list[str]:
    """Return a command of the Containerfile, with this Python for the image's."""
    text = (ROOT / "Containerfile").read_text()
    [found] = re.findall(rf"^\s*{word} (\[.*\])$", text, flags=re.MULTILINE)
    first, *rest = json.loads(found)
    assert first == "python"
    return [sys.executable, *rest]


def listening(address: str) -> socket.socket:
    taken = socket.socket()
    taken.bind((address, 0))
    return taken


def test_the_entry_point_answers_the_health_check_and_asks_nothing_of_the_world(tmp_path):
    with listening("0.0.0.0") as probe:
        port = str(probe.getsockname()[1])
    with listening("127.0.0.1") as world:
        world.listen()
        proxy = f"http://127.0.0.1:{world.getsockname()[1]}"
        proxies = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY"), proxy)
        kept = {name: value for name, value in os.environ.items() if not personal(name)}
        environment = kept | sealed(tmp_path) | proxies
        server = subprocess.Popen(
            [port if word == "8501" else word for word in command_after("ENTRYPOINT")],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        check = [word.replace("8501", port) for word in command_after("CMD")]
        try:
            deadline = time.monotonic() + STARTS_WITHIN_S
            while subprocess.run(check, env=environment, capture_output=True).returncode:
                assert server.poll() is None, "the server ended"
                assert time.monotonic() < deadline, "the server never answered"
            world.settimeout(ASKS_WITHIN_S)
            with suppress(TimeoutError):
                world.accept()[0].close()
                pytest.fail("it asked somebody in the world")
        finally:
            server.terminate()
            server.wait(timeout=30)
