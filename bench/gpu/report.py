# Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
"""Makes the Markdown tables of a GPU run:  python3 report.py RESULTS_FOLDER > results.md

Reads machine.txt, steps.tsv, ceilings.json, tensor_cores.json, calls.jsonl and torch.json of the folder, whole or as far as a run that was stopped has
written them; what is absent, unreadable or not measured is named so, never filled in.
"""
import json
import pathlib
import sys

# Targets: case name begins with -> (peer / ours for eager, for the better compiled form). Floors come from the run's own ceilings.
TARGETS = {
    "gather + linear": (2.5, 1.4),
    "gather + RMSNorm + MLP 4096->4096->1, R=1": (3.5, 1.3),
    "gather + RMSNorm + MLP 4096->4096->1, R=8": (3.5, 1.3),
    "gather + RMSNorm + MLP 4096->4096->1, R=64": (3.0, 1.2),
    "gather + RMSNorm + MLP 4096->4096->1, R=1024": (1.5, 1.05),
    "gather + RMSNorm + MLP 4096->4096->1, R=16384": (1.15, 0.95),
    "Bradley-Terry loss": (5.0, 1.5),
    "cross-entropy loss": (8.0, 1.5),
    "Plackett-Luce loss": (8.0, 1.5),
    "training step, linear head": (10.0, 2.5),
    "training step, MLP": (1.4, 1.1),
    "segment mean": (3.0, 1.2),
}
# Operations a byte above which a case's floor is its products', which are known beside PyTorch only.
COMPUTE_BOUND = 100


class Found:
    """All that a run left in its folder."""

    def __init__(self, folder):
        self.folder = folder
        self.unreadable = []
        self.ceilings = self.json("ceilings.json")
        self.tensor_cores = self.json("tensor_cores.json")
        self.run = self.json("torch.json")
        self.calls = [json.loads(line) for line in self.lines("calls.jsonl")]
        # The last of a name counts: a step may have been run again.
        self.steps = dict(line.split("\t", 1) for line in self.lines("steps.tsv"))
        self.machine = "\n".join(self.lines("machine.txt"))

    def json(self, name):
        path = self.folder / name
        try:
            return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
        except ValueError:
            self.unreadable.append(name)
            return None

    def lines(self, name):
        """Whole lines: the last one of a run that was stopped may be half of one."""
        path = self.folder / name
        return path.read_text(encoding="utf-8").split("\n")[:-1] if path.exists() else []

    def copy_rate(self):
        return self.largest("copy_gb_per_s")

    def read_rate(self):
        return self.largest("read_gb_per_s")

    def largest(self, what):
        """Of the largest working set, of which the caches hold next to nothing."""
        return max(self.ceilings["memory"], key=lambda entry: entry["bytes"])[what] if self.ceilings else None

    def gemm_tflops(self):
        return self.run["machine"].get("gemm_tflops") if self.run else None

    def floor(self, case):
        """Microseconds the bytes and the operations of a case need at the ceilings of this run; None where those were not measured."""
        if not self.ceilings or (not self.gemm_tflops() and case["operations"] > COMPUTE_BOUND * case["bytes"]):
            return None
        times = [case["bytes"] / self.read_rate() * 1e-3]
        if self.gemm_tflops():
            times.append(case["operations"] / self.gemm_tflops() * 1e-6)
        return max(times)

    def beside_torch(self, name):
        return next((case for case in self.run["cases"] if case["case"] == name), None) if self.run else None


def times(numerator, denominator):
    return None if numerator is None or not denominator else numerator / denominator


# What a case of ours is held against besides its peers: (what, value, limit, whether it is the least). A value is None where the run did not
# measure what it needs.
def limits(case, found):
    name, ours, floor = case["case"], case["warm_us"], found.floor(case)
    torch = found.beside_torch(name) or {}
    mlp = "gather + RMSNorm + MLP 4096->4096->1, R="
    if name.startswith("gather + linear") and int(name.split("R=")[1]) <= 1024:
        yield "end to end us", case["end_to_end_us"], 6.0, False
    if name in (mlp + "1", mlp + "8"):
        yield "us above 1.35 x floor", None if floor is None else ours - 1.35 * floor, 4.0, False
    if name == mlp + "64":
        yield "us above 1.6 x floor", None if floor is None else ours - 1.6 * floor, 4.0, False
    if name == mlp + "1024":
        yield "GEMM rate / cuBLAS's (whole call beside the product alone)", times(torch.get("gemm_us"), ours), 0.85, True
    if name == mlp + "16384":
        fast = torch.get("warm", {}).get("ours FAST", {}).get("median")
        yield "best mode / floor", times(min(ours, fast or ours), floor), 1.25, False
    if "loss + dscore" in name:
        yield "kernels", case["kernels"], 1, False
    if name.startswith("training step, linear"):
        yield "kernels", case["kernels"], 4, False
    if name.startswith("training step, MLP"):
        yield "us", ours, 1.3 * 149, False
    if name.startswith("segment mean"):
        yield "of the copy bandwidth", times(case["bytes"] / ours * 1e-3, found.copy_rate()), 0.85, True


def limits_table(found):
    yield "| case | what | found | limit |"
    yield "|---|---|---|---|"
    for case in found.calls:
        if "failed" in case:
            continue
        for what, value, limit, least in limits(case, found):
            if value is None:
                yield f"| {case['case']} | {what} | | not measured (limit {limit:g}) |"
                continue
            reached = value >= limit if least else value <= limit
            yield f"| {case['case']} | {what} | {value:.2f} | {'at least' if least else 'at most'} {limit:g}: {'reached' if reached else 'missed'} |"
    yield ""


def target_of(case):
    # An exact name first: "R=1" begins "R=16384", too.
    if case in TARGETS:
        return TARGETS[case]
    begun = [key for key in TARGETS if case.startswith(key) and not key[-1].isdigit()]
    return TARGETS[begun[0]] if begun else (None, None)


def number(value):
    return "" if value is None else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def verdict(ratio, target):
    if ratio is None:
        return "" if target is None else f"not measured: {target:g}"
    if target is None:
        return f"{ratio:.2f}"
    return f"{ratio:.2f} ({'reached' if ratio >= target else 'missed'}: {target:g})"


def row(cells):
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def calls_table(found):
    yield row(["case", "warm us", "low to high", "cold us", "graph us", "enqueue us", "end to end us", "kernels", "floor us", "warm / floor"])
    yield row(["---"] * 10)
    for case in found.calls:
        if "failed" in case:
            yield row([case["case"], case["failed"]] + [""] * 8)
            continue
        floor = found.floor(case)
        yield row([case["case"], number(case["warm_us"]), f"{number(case['warm_low_us'])} to {number(case['warm_high_us'])}",
                   number(case["cold_us"]), number(case["graph_us"]), number(case["enqueue_us"]), number(case["end_to_end_us"]),
                   case["kernels"], number(floor), number(times(case["warm_us"], floor))])
    yield ""


def tensor_cores_table(measured):
    """What the values mean stands in tensor_cores.cu."""
    dtypes = list(measured["sums"])
    yield f"Sums whose bits differ, of {measured['trials']}; position and neighbours must be 0."
    yield ""
    yield row(["sum", *dtypes])
    yield row(["---"] * (1 + len(dtypes)))
    for name in measured["sums"][dtypes[0]]:
        yield row([name, *("" if measured["sums"][dtype][name] is None else measured["sums"][dtype][name] for dtype in dtypes)])
    rates = (f"{name} {rate:.0f}" for name, rate in measured["tflops"].items() if rate is not None)
    yield from ["", f"TFLOP/s of bf16 instructions: {', '.join(rates)}."]


def torch_table(found, temperature):
    yield "### cold L2 cache: GPU time alone" if temperature == "cold" else "### warm: back-to-back calls"
    yield ""
    yield row(["case", "ours us", "FAST us", "floor us", "eager us", "eager / ours", "best compiled us", "compiled / ours", "our error",
               "FAST error", "eager's error"])
    yield row(["---"] * 11)
    for case in found.run["cases"]:
        medians = {name: value["median"] for name, value in case[temperature].items()}
        ours, eager = medians["ours"], medians.get("eager")
        compiled = min((value for name, value in medians.items() if name.startswith("compile")), default=None)
        first, second = target_of(case["case"])
        errors = [f"{case['errors'][side]:.1e}" if side in case["errors"] else "" for side in ("ours", "ours FAST", "eager")]
        yield row([case["case"], number(ours), number(medians.get("ours FAST")), number(found.floor(case)), number(eager),
                   verdict(times(eager, ours), first), number(compiled), verdict(times(compiled, ours), second), *errors])
    yield ""


def report(folder):
    found = Found(folder)
    yield "# GPU results"
    yield ""
    if found.machine:
        yield from ["```", found.machine, "```", ""]
    for name in found.unreadable:
        yield from [f"{name} is not whole and was left out.", ""]
    yield from ["## Steps", ""]
    if found.steps:
        yield from [row(["what", "result"]), row(["---"] * 2), *(row(step) for step in found.steps.items())]
    else:
        yield "None has ended."
    yield from ["", "## Ceilings", ""]
    if found.ceilings:
        ceilings = found.ceilings
        yield f"{ceilings['gpu']}, {ceilings['multiprocessors']} multiprocessors, L2 {ceilings['l2_bytes'] >> 20} MiB, driver {ceilings['driver']}."
        yield (f"An empty kernel: {ceilings['empty_launch_us']:.2f} us a launch, back to back; "
               f"{ceilings['empty_launch_and_wait_us']:.2f} us with the wait for it.")
        yield from ["", row(["working set MiB", "copy GB/s", "read GB/s"]), row(["---"] * 3)]
        for entry in ceilings["memory"]:
            yield row([entry["bytes"] >> 20, f"{entry['copy_gb_per_s']:.0f}", f"{entry['read_gb_per_s']:.0f}"])
    else:
        yield "Not measured."
    yield from ["", "## Tensor cores", ""]
    if found.tensor_cores:
        yield from tensor_cores_table(found.tensor_cores)
    else:
        yield "Not measured."
    yield from ["", "## Our calls, from C", ""]
    if found.calls:
        yield "Medians over rounds, microseconds a call, mode INVARIANT. Floors: bytes and operations at this run's ceilings."
        yield ""
        yield from calls_table(found)
        yield from ["### Beside floors and counts", ""]
        yield from limits_table(found)
    else:
        yield from ["Not measured.", ""]
    yield from ["## Beside PyTorch", ""]
    if not found.run:
        yield "Not measured."
        return
    machine = found.run["machine"]
    rate = machine.get("gemm_tflops")
    yield f"PyTorch {machine['torch']}, CUDA {machine['cuda']}; 8192 x 8192 x 8192 bf16: {f'{rate:.0f} TFLOP/s' if rate else 'not measured'}."
    yield f"Mode FAST on {machine.get('cublaslt') or 'nothing: PyTorch has loaded no cuBLASLt'}."
    yield "Medians over rounds, microseconds a call from Python; ratio = peer / ours, in mode INVARIANT."
    yield ""
    yield from torch_table(found, "warm")
    yield from torch_table(found, "cold")
    for reason in found.run["failed"]:
        yield from [f"FAILED: {reason}", ""]
    for reason in found.run["not_run"]:
        yield from [f"Not run: {reason}", ""]


if __name__ == "__main__":
    if len(sys.argv) != 2 or not pathlib.Path(sys.argv[1]).is_dir():
        sys.exit("usage: python3 report.py RESULTS_FOLDER")
    print("\n".join(report(pathlib.Path(sys.argv[1]))))
