"""Loads sent to a small server of ours on the loopback, whose speed and width we know."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tco.domain.measure_job import EndpointJob
from tco.domain.measured import Effort, Phase
from tco.errors import TcoError
from tco.measure import doubts
from tco.measure.endpoint_client import EndpointClient
from tco.measure.endpoint_runner import EndpointHarness, Load
from tests.measure.calm import on_a_calm_moment

TOKENS = 5
EACH_S = 0.008
"""Between tokens; the first comes after as long."""
WIDTH = 2
"""Requests served at once."""
SERVICE_S = TOKENS * EACH_S
EFFORT = Effort(quick=True, least_inferences=10, least_seconds=0.6, most_seconds=6.0, repeats=2)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "_Server"

    def log_message(self, *_arguments: object) -> None:
        pass

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append((self.path, json.loads(body), dict(self.headers)))
        if len(self.server.asked) in self.server.fails:
            self.send_response(500)
            self.send_header("Content-Length", "4")
            self.end_headers()
            self.wfile.write(b"full")
            return
        self.server.counts(+1)
        with self.server.slots:
            if self.path.startswith("/v1"):
                self._stream()
            else:
                time.sleep(SERVICE_S)
                self.server.counts(-1)
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

    def _stream(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for _ in range(TOKENS):
            time.sleep(EACH_S)
            self._event({"choices": [{"delta": {"content": "two words"}, "text": "two words"}]})
        if self.server.tells_usage:
            usage = {"prompt_tokens": 11, "completion_tokens": TOKENS}
            self._event({"choices": [], "usage": usage})
        self.server.counts(-1)  # before the client knows, who sends the next at once
        self.wfile.write(b"data: [DONE]\n\n")

    def _event(self, event: dict[str, Any]) -> None:
        self.wfile.write(f"data: {json.dumps(event)}\n\n".encode())
        self.wfile.flush()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[tuple[str, dict[str, Any], dict[str, str]]] = []
        self.fails: set[int] = set()
        self.tells_usage = True
        self.slots = threading.Semaphore(WIDTH)
        self.counting = threading.Lock()
        self.present = 0
        self.most_present = 0

    def counts(self, by: int) -> None:
        with self.counting:
            self.present += by
            self.most_present = max(self.most_present, self.present)

    def forget(self) -> None:
        self.asked.clear()
        self.present = self.most_present = 0


@pytest.fixture
def server() -> Iterator[_Server]:
    with _Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def job(server: _Server, **changes: object) -> EndpointJob:
    return EndpointJob.model_validate(
        {
            "runner": "endpoint",
            "snapshot": "small",
            "source": "a server of the test",
            "url": f"http://127.0.0.1:{server.server_port}",
            "api": "chat",
            "model": "small",
            "runtime": "http.server",
            "precision": "none",
            "concurrency": (1,),
            **changes,
        }
    )


def swept(job, effort=EFFORT):
    return EndpointHarness(effort).sweep(job)


@on_a_calm_moment
def test_a_closed_loop_finds_the_width_of_the_server(server: _Server):
    found = swept(job(server, concurrency=(1, 2, 8)))
    one, two, eight = found.points
    assert [p.phase for p in found.points] == [Phase.REQUEST] * 3
    # nothing is faster than the server can be ...
    for point, width in ((one, 1), (two, 2), (eight, 2)):
        assert point.throughput_per_s <= 1.05 * width / SERVICE_S
    # ... and 8 in the system at 2 a service wait for a slot
    assert eight.seconds.mean >= 0.97 * SERVICE_S * 8 / WIDTH
    # two are under way at once
    assert two.throughput_per_s > 1.2 * one.throughput_per_s
    for point, number in ((one, 1), (two, 2), (eight, 8)):
        law = point.throughput_per_s * point.seconds.mean / number
        assert law == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize("number", [1, 2, 8])
def test_a_closed_loop_keeps_as_many_under_way_as_it_was_told(server: _Server, number: int):
    swept(job(server, concurrency=(number,)))
    assert server.most_present == number


def test_every_second_pass_goes_back_so_that_drift_falls_on_all_loads(server: _Server):
    told: list[str] = []
    harness = EndpointHarness(EFFORT, tell=lambda progress: told.append(progress.next_setting))
    points = harness.sweep(job(server, concurrency=(1, 2, 3))).points
    numbers = [int(setting.split()[0]) for setting in told if setting]
    assert numbers == [1, 2, 3, 3, 2, 1]
    assert [point.concurrency for point in points] == [1, 2, 3]


@on_a_calm_moment
def test_a_client_alone_pauses_where_it_is_told_to(server: _Server):
    pause_s = SERVICE_S
    alone, two = swept(job(server, concurrency=(1, 2), pause_alone_s=pause_s)).points
    assert (alone.pause_s, two.pause_s) == (pause_s, None)
    # the pause counts for the answers a second, and not for their time
    assert alone.seconds.median == pytest.approx(SERVICE_S, rel=0.3)
    assert alone.throughput_per_s <= 1.05 / (SERVICE_S + pause_s)
    assert two.throughput_per_s > 1.2 * 2 * alone.throughput_per_s
    assert not [doubt for doubt in alone.doubts if "Little" in doubt]
    assert "pauses" in alone.energy_withheld


def test_a_loop_in_which_no_answer_was_counted_says_so(server: _Server):
    effort = Effort(quick=True, least_inferences=1, least_seconds=0.2, most_seconds=0.4, repeats=1)
    with pytest.raises(TcoError, match=r"1 at a time, 1.5 s after .* no answer came in .* s"):
        swept(job(server, pause_alone_s=1.5), effort)


@on_a_calm_moment
def test_tokens_are_timed_by_the_stream_and_counted_by_the_server(server: _Server):
    [point] = swept(job(server)).points
    assert (point.input_tokens, point.output_tokens) == (11, TOKENS)
    assert EACH_S <= point.ttft_s.median < 3 * EACH_S
    assert point.tpot_s.median == pytest.approx(EACH_S, rel=0.4)
    assert point.seconds.median >= SERVICE_S


def test_tokens_that_the_server_does_not_count_are_not_guessed(server: _Server):
    server.tells_usage = False
    [point] = swept(job(server, api="completions")).points
    assert (point.output_tokens, point.input_tokens, point.tpot_s) == (None, None, None)
    assert point.ttft_s is not None
    path, body, _ = server.asked[0]
    assert (path, "prompt" in body, body["stream"]) == ("/v1/completions", True, True)


def test_prompts_differ_so_that_no_cache_of_prefixes_helps(server: _Server):
    swept(job(server))
    prompts = [body["messages"][0]["content"] for _, body, _ in server.asked[1:8]]
    assert len(set(prompts)) == len(prompts)


@on_a_calm_moment
def test_an_open_loop_counts_from_the_moment_a_request_was_due(server: _Server):
    server.slots = threading.Semaphore(1)
    effort = EFFORT.model_copy(update={"repeats": 1})
    template = {"path": "/predict", "body": {"x": 1}}
    arrivals = {"arrivals_s": (0.1,) * 5}
    found = swept(
        job(
            server, api="http", model=None, template=template, concurrency=None, open_loop=arrivals
        ),
        effort,
    )
    [point] = found.points
    # five at once through one slot: 1 to 5 services
    assert point.completed == 5
    assert point.seconds.median == pytest.approx(3 * SERVICE_S, rel=0.35)
    assert point.seconds.mean == pytest.approx(3 * SERVICE_S, rel=0.35)
    assert server.asked[1][:2] == ("/predict", {"x": 1})
    assert (point.ttft_s, point.concurrency) == (None, None)


def test_an_open_loop_that_is_not_kept_up_with_is_doubted(server: _Server):
    server.slots = threading.Semaphore(1)
    effort = EFFORT.model_copy(update={"least_inferences": 40, "repeats": 1})
    loop = {"rates_per_s": (3 / SERVICE_S,)}
    [point] = swept(job(server, concurrency=None, open_loop=loop), effort).points
    assert any(text.startswith("offered is not completed") for text in point.doubts)
    assert point.throughput_per_s < 1.5 / SERVICE_S


def test_a_request_costs_the_client_no_more_where_hundreds_are_under_way(server: _Server):
    server.slots = threading.Semaphore(400)
    template = {"path": "/predict", "body": {"x": 1}}
    asking = job(server, api="http", model=None, template=template)

    async def each_s(number: int) -> float:
        async with EndpointClient(asking) as client:
            for _ in range(3):  # the first opens connections
                began_s = time.thread_time()
                answers = await asyncio.gather(*(client.ask() for _ in range(number)))
                took_s = time.thread_time() - began_s
                assert [answer.error for answer in answers] == [None] * number
            return took_s / number

    few_s = min(asyncio.run(each_s(10)) for _ in range(5))
    many_s = min(asyncio.run(each_s(300)) for _ in range(2))
    assert many_s < 2 * few_s


def test_requests_that_fail_are_counted_and_not_timed(server: _Server):
    server.fails = {4, 5}
    [point] = swept(job(server)).points
    assert point.failed >= 1
    assert any("requests failed" in text for text in point.doubts)
    assert point.seconds.median >= SERVICE_S


def test_a_server_that_answers_nothing_is_an_error(server: _Server):
    server.fails = set(range(100))
    with pytest.raises(TcoError, match="does not answer: status 500: full"):
        swept(job(server))


def test_nobody_there_is_an_error():
    with _Server() as closed:
        gone = job(closed)
    with pytest.raises(TcoError, match="does not answer: ConnectError"):
        swept(gone)


def test_a_key_is_sent_and_kept_nowhere(server: _Server, monkeypatch):
    monkeypatch.setenv("SMALL_KEY", "very-secret")
    asking = job(server, api_key_variable="SMALL_KEY")
    found = swept(asking)
    assert server.asked[0][2]["Authorization"] == "Bearer very-secret"
    assert "very-secret" not in repr(found) + asking.model_dump_json()
    monkeypatch.delenv("SMALL_KEY")
    with pytest.raises(TcoError, match="the variable SMALL_KEY"):
        swept(asking)


def test_the_same_seed_sends_at_the_same_times():
    harness = EndpointHarness(EFFORT)
    load = Load(rate_per_s=50.0)
    first, again, other = (harness._due_s(load, seed) for seed in (1, 1, 2))
    assert list(first) == list(again) != list(other)
    assert len(first) == 15  # 0.3 s a repeat at 50 a second


@pytest.mark.parametrize(
    ("in_system", "rate", "mean_s", "broken"), [(8, 40, 0.2, 0), (8, 40, 0.1, 1), (8, 80, 0.2, 1)]
)
def test_little_holds_or_is_doubted(in_system, rate, mean_s, broken):
    assert len(doubts.of_little(in_system, rate, mean_s)) == broken
