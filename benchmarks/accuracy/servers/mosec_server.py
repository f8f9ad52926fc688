"""A real server with dynamic batching, run by ``real_server.py`` in an environment of its own.

all-MiniLM-L6-v2 in onnxruntime behind mosec: one worker with one thread.
"""

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import numpy as np
import onnxruntime
from mosec import Server, Worker


class Embedder(Worker):
    """Texts of one length to vectors."""

    def __init__(self) -> None:
        super().__init__()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(
            os.environ["MODEL"], options, providers=["CPUExecutionProvider"]
        )

    def forward(self, data: list[dict[str, list[int]]]) -> list[dict[str, list[float]]]:
        """Embed a batch."""
        tokens = np.array([text["tokens"] for text in data], dtype=np.int64)
        inputs = {"input_ids": tokens, "attention_mask": np.ones_like(tokens)}
        return [{"embedding": one.tolist()} for one in self.session.run(None, inputs)[0]]


if __name__ == "__main__":
    server = Server()
    server.append_worker(Embedder, num=1, max_batch_size=int(os.environ["MAX_BATCH"]))
    server.run()
