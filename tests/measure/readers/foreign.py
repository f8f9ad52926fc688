"""Result files of other tools, made by hand from their documented fields."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tco.domain.measured import Measured
from tco.errors import InputError
from tco.measure.readers.importing import import_results
from tco.measure.readers.reading import About

ABOUT = About(
    snapshot="net", accelerator="H100-SXM", accelerator_count=1, runtime="vLLM", precision="bf16"
)

# One run of 256 requests at 32 clients: 500 tokens in, 200 out.
VLLM: dict[str, Any] = {
    "date": "20261120-101502", "backend": "vllm", "model_id": "meta-llama/Llama-3.1-8B-Instruct",
    "tokenizer_id": "meta-llama/Llama-3.1-8B-Instruct", "num_prompts": 512, "request_rate": "inf",
    "burstiness": 1.0, "max_concurrency": 32, "duration": 32.0, "completed": 512, "failed": 0,
    "total_input_tokens": 256000, "total_output_tokens": 102400, "request_throughput": 16.0,
    "request_goodput": None, "output_throughput": 3200.0, "total_token_throughput": 11200.0,
    "mean_ttft_ms": 60.0, "median_ttft_ms": 55.0, "std_ttft_ms": 9.0, "p99_ttft_ms": 90.0,
    "mean_tpot_ms": 9.7, "median_tpot_ms": 9.6, "std_tpot_ms": 0.3, "p99_tpot_ms": 11.0,
    "mean_itl_ms": 9.7, "median_itl_ms": 9.2, "std_itl_ms": 2.0, "p99_itl_ms": 30.0,
    "mean_e2el_ms": 1990.0, "median_e2el_ms": 1980.0, "std_e2el_ms": 30.0, "p99_e2el_ms": 2200.0,
}  # fmt: skip


def block(mean: float, **more: float) -> dict[str, Any]:
    quantiles = {"p50": mean, "p90": mean * 1.1, "p95": mean * 1.2, "p99": mean * 1.3}
    successful = {"mean": mean, "median": mean, "std_dev": 0.1, "count": 512, **more}
    return {"successful": {**successful, "percentiles": quantiles}}


GUIDELLM: dict[str, Any] = {
    "metadata": {"version": 2, "guidellm_version": "0.6.0", "python_version": "3.12"},
    "config": {"model": "meta-llama/Llama-3.1-8B-Instruct", "backend": "openai_http"},
    "benchmarks": [
        {
            "config": {"strategy": {"type_": "concurrent", "streams": 32}},
            "start_time": 1763630000.0, "end_time": 1763630032.0, "duration": 32.0,
            "warmup_duration": 3.0, "cooldown_duration": 1.0,
            "scheduler_metrics": {
                "requests_made": {"successful": 512, "errored": 0, "incomplete": 3, "total": 515}
            },
            "metrics": {
                "requests_per_second": block(16.0), "request_concurrency": block(31.8),
                "request_latency": block(1.99), "prompt_token_count": block(500.0),
                "output_token_count": block(200.0), "time_to_first_token_ms": block(60.0),
                "time_per_output_token_ms": block(9.95), "inter_token_latency_ms": block(9.7),
                "output_tokens_per_second": block(3200.0), "tokens_per_second": block(11200.0),
            },
        }
    ],
}  # fmt: skip


def unit(unit: str, avg: float, **more: float) -> dict[str, Any]:
    return {"unit": unit, "avg": avg, **more}


def timed(unit_: str, avg: float) -> dict[str, Any]:
    return unit(unit_, avg, min=avg * 0.5, max=avg * 2, p50=avg, p90=avg * 1.1, p95=avg * 1.2,
                p99=avg * 1.3, std=avg * 0.1, count=512)  # fmt: skip


AIPERF: dict[str, Any] = {
    "request_throughput": unit("requests/sec", 16.0),
    "request_count": unit("requests", 512.0),
    "request_latency": timed("ms", 1990.0),
    "time_to_first_token": timed("ms", 60.0),
    "inter_token_latency": timed("ms", 9.7),
    "output_token_throughput": unit("tokens/sec", 3200.0),
    "output_sequence_length": timed("tokens", 200.0),
    "input_sequence_length": timed("tokens", 500.0),
    "benchmark_duration": unit("sec", 32.0),
    "input_config": {
        "endpoint": {"model_names": ["meta-llama/Llama-3.1-8B-Instruct"], "streaming": True},
        "loadgen": {"concurrency": 32, "request_count": 512},
    },
    "telemetry_data": {
        "endpoints": {
            "localhost:9400": {
                "gpus": {
                    "gpu_0": {
                        "gpu_name": "NVIDIA H100 80GB HBM3",
                        "metrics": {
                            "gpu_power_usage": unit("W", 500.0, min=90.0, max=690.0),
                            "energy_consumption": unit("MJ", 712.008, min=712.0, max=712.016),
                        },
                    }
                }
            }
        }
    },
}

OPTIMUM: dict[str, Any] = {
    "config": {
        "backend": {"name": "pytorch", "version": "2.8.0", "task": "text-classification",
                    "model": "bert-base-uncased", "device": "cuda", "torch_dtype": "float16"},
        "scenario": {"input_shapes": {"batch_size": 8, "sequence_length": 128}, "iterations": 10,
                     "duration": 10, "warmup_runs": 10, "generate_kwargs": {}},
        "environment": {"cpu": " AMD EPYC 7742", "gpu": ["A100-80GB"], "gpu_vram_mb": 85899},
    },
    "report": {
        "load": {"latency": {"unit": "s", "values": [4.2]}},
        "forward": {
            "latency": {"unit": "s", "count": 2000, "total": 10.0, "mean": 0.005, "p50": 0.005,
                        "p90": 0.0052, "p95": 0.0053, "p99": 0.006, "stdev": 0.0001},
            "throughput": {"unit": "samples/s", "value": 1600.0},
            "energy": {"unit": "kWh", "cpu": 1e-7, "ram": 1e-8, "gpu": 5e-7, "total": 6.1e-7},
            "memory": {"unit": "MB", "max_ram": 2000.0, "max_global_vram": 3000.0},
        },
    },
}  # fmt: skip

PERF_ANALYZER = "".join(
    line + "\n"
    for line in (
        "Concurrency,Inferences/Second,Client Send,Network+Server Send/Recv,Server Queue,"
        "Server Compute Input,Server Compute Infer,Server Compute Output,Client Recv,"
        "p50 latency,p90 latency,p95 latency,p99 latency",
        "1,163.6,69,1230,33,43,4719,5,9,6133,6191,6224,6415",
        "2,208.6,180,1306,3299,43,4720,5,28,9482,9617,10746,10832",
        "4,209.8,173,1268,12835,40,4705,4,27,19046,19133,19164,19290",
        "3,210.2,175,1267,8052,40,4697,4,27,14259,14325,14350,14426",
    )
)

CODECARBON = "".join(
    line + "\n"
    for line in (
        "timestamp,project_name,run_id,duration,emissions,emissions_rate,cpu_power,gpu_power,"
        "ram_power,cpu_energy,gpu_energy,ram_energy,energy_consumed,country_name,"
        "country_iso_code,region,os,python_version,codecarbon_version,cpu_count,cpu_model,"
        "gpu_count,gpu_model,tracking_mode,on_cloud,pue",
        "2026-11-20T10:15:02,codecarbon,5f2c,60.0,0.0021,0.000035,42.5,300.0,10.0,0.00071,"
        "0.005,0.00017,0.00588,Germany,DEU,hesse,Linux,3.12.3,3.2.1,16,AMD EPYC 7742,1,"
        "1 x NVIDIA A100,process,N,1.0",
    )
)

Change = Callable[[dict[str, Any]], Any]


def changed(document: dict[str, Any], change: Change) -> dict[str, Any]:
    copied = copy.deepcopy(document)
    change(copied)
    return copied


def written(folder: Path, content: Any, name: str = "result") -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def imported(folder: Path, *contents: Any, about: About = ABOUT) -> Measured:
    paths = [written(folder, content, f"result-{n}") for n, content in enumerate(contents)]
    return import_results(paths, about)


def refused(folder: Path, content: Any, about: About = ABOUT) -> str:
    with pytest.raises(InputError) as refusal:
        imported(folder, content, about=about)
    return str(refusal.value).partition("result-0")[2]
