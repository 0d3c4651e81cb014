"""Makes results as caisson-bench would write them, with times that a test chooses."""

import json
import math
import random

MACHINE = {"cpu": "Example CPU 9000 <B>", "cpu_features": ["sse4.2", "avx2"], "cores": 8,
           "memory_bytes": 32 << 30, "architecture": "x86_64", "kernel": "Linux 6.1.0",
           "file_system": "ext4", "disk": "Example NVMe", "governor": "performance"}
BUILD = {"version": "0.1.0", "commit": "0123456789abcdef0123456789abcdef01234567", "dirty": False,
         "compiler": "g++ 12.2.0", "flags": "-O2", "build_type": "Release"}
RUN_ID = "00c0ffee00c0ffee"


def bucket_high(value):
    """The largest value in the bucket of base/histogram.h that holds this one."""
    if value < 128:
        return int(value)
    shift = int(value).bit_length() - 7
    return (((int(value) >> shift) + 1) << shift) - 1


def latencies(median_ns, samples, spread, draw):
    """A histogram with a tail: log-normal, and one sample in 200 takes much longer."""
    values = []
    for _ in range(samples):
        value = median_ns * math.exp(draw.gauss(0, spread))
        if draw.random() < 0.005:
            value *= draw.uniform(3, 12)
        values.append(bucket_high(max(value, 1)))
    values.sort()
    counts = {}
    for value in values:
        counts[value] = counts.get(value, 0) + 1

    def at(part):
        return values[min(len(values) - 1, int(part * len(values)))]

    return {"samples": samples, "operations_per_sample": 1, "min": values[0],
            "mean": sum(values) / samples, "p50": median_ns, "p90": at(0.90), "p95": at(0.95),
            "p99": at(0.99), "p99_9": at(0.999), "max": values[-1],
            "buckets": [[value, count] for value, count in counts.items()]}


def result(name, time_ns, repeat=1, repeats=3, suite="micro", headline="median", against=(),
           parameters=None, gate="advisory", latency_ns=None, samples=200, spread=0.2,
           **per_operation):
    """One repeat, whose headline is `time_ns`, whichever time that is.

    `latency_ns` is the median of single operations where they overlap.
    """
    draw = random.Random(f"{name} {repeat}")
    operations = 100_000
    zeros = dict.fromkeys(["reads", "bytes_read", "writes", "bytes_written", "bytes_of_zeros",
                           "syncs", "system_calls", "allocations", "allocated_bytes",
                           "minor_faults", "major_faults"], 0)
    return {
        "format": "caisson-bench-result", "version": 1,
        "benchmark": {"name": name, "suite": suite, "about": f"What {name} does.",
                      "operation": "a get", "bound": "processor", "headline": headline,
                      "gate": gate, "against": list(against), "parameters": parameters or {}},
        "run": {"id": RUN_ID, "repeat": repeat, "repeats": repeats, "seed": 1,
                "profile": "dev_nvme", "warmup_operations": 1000, "warmup_ns": 1_000_000,
                "started": f"2025-03-04T05:{repeat:02}:00Z"},
        "result": {"operations": operations, "wall_seconds": time_ns * operations / 1e9,
                   "processor_seconds": time_ns * operations / 1e9,
                   "operations_per_second": 1e9 / time_ns,
                   "latency_ns": latencies(latency_ns or time_ns, samples, spread, draw),
                   "per_operation": {**zeros, **per_operation}, "peak_rss_bytes": 64 << 20,
                   "errors": 0, "counters": {}},
        "machine": MACHINE, "build": BUILD,
    }


def results(name, times_ns, **fields):
    """All repeats of a benchmark, whose headlines are `times_ns`."""
    return [result(name, time, repeat, len(times_ns), **fields)
            for repeat, time in enumerate(times_ns, 1)]


def of_engine(engine, scenario, times_ns, against=(), **parameters):
    """The same, as one of several engines that do a scenario."""
    return results(f"{engine}/{scenario}", times_ns, suite="peers", against=against,
                   gate="critical" if engine == "caisson" else "none",
                   parameters={"engine": engine, "scenario": scenario, **parameters})


def write(folder, documents):
    folder.mkdir(parents=True, exist_ok=True)
    for document in documents:
        name = document["benchmark"]["name"].replace("/", "-")
        path = folder / f"{name}_r{document['run']['repeat']:03}.json"
        path.write_text(json.dumps(document), encoding="utf-8")
