"""One request to a model server, timed from its due moment to its last byte.

Tokens are counted by the server alone: what it does not tell is not guessed from text.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import numpy as np

from tco.domain.measure_job import EndpointJob
from tco.errors import TcoError

PATHS = {"chat": "/v1/chat/completions", "completions": "/v1/completions"}
WORDS = (
    "amber",
    "basil",
    "cedar",
    "delta",
    "ember",
    "frost",
    "grain",
    "harbour",
    "island",
    "kettle",
)
OK = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one request; times are of one clock [s]."""

    due_s: float
    sent_s: float
    finished_s: float
    first_s: float | None = None
    last_s: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    error: str | None = None

    @property
    def seconds(self) -> float:
        """From the moment it was due: a late client does not flatter the server [s]."""
        return self.finished_s - self.due_s

    @property
    def ttft_s(self) -> float | None:
        """Time to the first token [s]."""
        return None if self.first_s is None else self.first_s - self.due_s

    @property
    def tpot_s(self) -> float | None:
        """Time a token after the first [s]."""
        if self.first_s is None or self.last_s is None or (self.output_tokens or 0) <= 1:
            return None
        assert self.output_tokens is not None
        return (self.last_s - self.first_s) / (self.output_tokens - 1)


class EndpointClient:
    """Sends requests of one job; open it with ``async with``."""

    def __init__(self, job: EndpointJob) -> None:
        self._job = job
        self._generator = np.random.default_rng(job.seed)
        self._url = job.url.rstrip("/")
        headers = dict(job.template.headers) if job.template else {}
        if job.api_key_variable is not None:
            key = os.environ.get(job.api_key_variable)
            if not key:
                raise TcoError(
                    f"the variable {job.api_key_variable}, which holds the key, is empty"
                )
            headers["Authorization"] = f"Bearer {key}"
        self._headers = headers
        self._trusted = httpx.create_ssl_context()
        self._lines: list[httpx.AsyncClient] = []
        self._free: list[httpx.AsyncClient] = []

    async def __aenter__(self) -> EndpointClient:
        return self

    async def __aexit__(self, *details: object) -> None:
        for line in self._lines:
            await line.aclose()

    @asynccontextmanager
    async def _line(self) -> AsyncIterator[httpx.AsyncClient]:
        """Lend a connection that nobody uses, a new one if there is none.

        A pool of connections looks through all of them for every request: with hundreds waiting for
        a slow server, the client would be the slower of the two.
        """
        if not self._free:
            line = httpx.AsyncClient(
                headers=self._headers,
                timeout=self._job.timeout_s,
                limits=httpx.Limits(max_connections=1),
                verify=self._trusted,
            )
            self._lines.append(line)
            self._free.append(line)
        line = self._free.pop()
        try:
            yield line
        finally:
            self._free.append(line)

    async def ask(self, due_s: float | None = None) -> Answer:
        """Send one request and take its answer; an error is an answer too."""
        sent_s = time.perf_counter()
        due_s = sent_s if due_s is None else due_s
        try:
            if self._job.template is not None:
                return await self._plain(due_s, sent_s)
            return await self._streamed(due_s, sent_s)
        except (httpx.HTTPError, ValueError) as error:
            words = f"{type(error).__name__}: {error}".strip(": ")
            return Answer(due_s, sent_s, time.perf_counter(), error=words[:200])

    async def _plain(self, due_s: float, sent_s: float) -> Answer:
        template = self._job.template
        assert template is not None
        url = self._url + template.path
        content = None if template.body is None else json.dumps(template.body)
        headers = {} if content is None else {"Content-Type": "application/json"}
        async with self._line() as line:
            reply = await line.request(template.method, url, content=content, headers=headers)
            finished_s = time.perf_counter()
        error = None if reply.status_code == OK else f"status {reply.status_code}"
        return Answer(due_s, sent_s, finished_s, error=error)

    async def _streamed(self, due_s: float, sent_s: float) -> Answer:
        first_s = last_s = None
        usage: dict[str, Any] = {}
        url = self._url + PATHS[self._job.api]
        async with self._line() as line, line.stream("POST", url, json=self._body()) as reply:
            if reply.status_code != OK:
                text = (await reply.aread()).decode(errors="replace")[:120]
                error = f"status {reply.status_code}: {text}"
                return Answer(due_s, sent_s, time.perf_counter(), error=error)
            async for event in _events(reply):
                usage = event.get("usage") or usage
                if _has_text(event):
                    last_s = time.perf_counter()
                    first_s = first_s or last_s
        finished_s = time.perf_counter()
        if first_s is None:
            return Answer(due_s, sent_s, finished_s, error="the stream held no text")
        counts = {
            "input_tokens": usage.get("prompt_tokens"),
            "output_tokens": usage.get("completion_tokens"),
        }
        return Answer(due_s, sent_s, finished_s, first_s, last_s, **counts)

    def _body(self) -> dict[str, Any]:
        """Make a prompt that no cache of prefixes has seen."""
        words = " ".join(self._generator.choice(WORDS, self._job.prompt_words))
        body: dict[str, Any] = {
            "model": self._job.model,
            "max_tokens": self._job.most_output_tokens,
            "temperature": 0,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if self._job.api == "chat":
            return {**body, "messages": [{"role": "user", "content": words}]}
        return {**body, "prompt": words}


async def _events(reply: httpx.Response) -> AsyncIterator[dict[str, Any]]:
    async for line in reply.aiter_lines():
        data = line.removeprefix("data:").strip()
        if line.startswith("data:") and data != "[DONE]":
            event = json.loads(data)
            if isinstance(event, dict):
                yield event


def _has_text(event: dict[str, Any]) -> bool:
    for choice in event.get("choices") or ():
        delta = choice.get("delta") or {}
        if choice.get("text") or delta.get("content") or delta.get("reasoning_content"):
            return True
    return False
