# Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
"""Makes the Markdown tables of a GPU run:  python3 report.py RESULTS_FOLDER > results.md

Reads ceilings.json, torch.json and tests.json of the folder; one that is absent is named as not run, never filled in.
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


# What a case is held against besides its peers: (case name begins with, what, value of the case, most or least, limit). A value is None where
# the run did not measure what it needs.
def limits(case, machine, ceilings):
    name, ours = case["case"], case["warm"]["ours"]["median"]
    floor = floor_of(case, machine, ceilings)
    above = None if floor is None else ours / floor
    mlp = "gather + RMSNorm + MLP 4096->4096->1, R="
    if name.startswith("gather + linear") and int(name.split("R=")[1]) <= 1024:
        yield "end to end us", case.get("end_to_end_us"), 6.0, False
    if name in (mlp + "1", mlp + "8"):
        yield "us above 1.35 x floor", None if floor is None else ours - 1.35 * floor, 4.0, False
    if name == mlp + "64":
        yield "us above 1.6 x floor", None if floor is None else ours - 1.6 * floor, 4.0, False
    if name == mlp + "1024":
        gemm = case.get("gemm_us")
        yield "GEMM rate / cuBLAS's (whole call beside the product alone)", None if not gemm else gemm / ours, 0.85, True
    if name == mlp + "16384":
        best = min(ours, case["warm"].get("ours FAST", {"median": ours})["median"])
        yield "best mode / floor", None if floor is None else best / floor, 1.25, False
    if "loss + dscore" in name:
        yield "kernels", case.get("kernels"), 1, False
    if name.startswith("training step, linear"):
        yield "kernels", case.get("kernels"), 4, False
    if name.startswith("training step, MLP"):
        yield "us", ours, 1.3 * 149, False
    if name.startswith("segment mean") and ceilings:
        copy = max(entry["copy_gb_per_s"] for entry in ceilings["memory"] if entry["bytes"] >= 1 << 28)
        yield "of the copy bandwidth", case["bytes"] / ours * 1e-3 / copy, 0.85, True
    if above is not None and not name.startswith("training"):
        yield "warm / floor", above, None, False


def limits_table(run, ceilings):
    yield "| case | what | found | limit |"
    yield "|---|---|---|---|"
    for case in run["cases"]:
        for what, found, limit, least in limits(case, run["machine"], ceilings):
            if found is None:
                said = "not measured" if limit is None else f"not measured (limit {limit:g})"
                yield f"| {case['case']} | {what} | | {said} |"
                continue
            said = ""
            if limit is not None:
                reached = found >= limit if least else found <= limit
                said = f"{'at least' if least else 'at most'} {limit:g}: {'reached' if reached else 'missed'}"
            yield f"| {case['case']} | {what} | {found:.2f} | {said} |"
    yield ""


def target_of(case):
    # An exact name first: "R=1" begins "R=16384", too.
    if case in TARGETS:
        return TARGETS[case]
    found = [key for key in TARGETS if case.startswith(key) and not key[-1].isdigit()]
    return TARGETS[found[0]] if found else (None, None)


def number(value):
    return "" if value is None else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def verdict(ratio, target):
    if ratio is None:
        return ""
    if target is None:
        return f"{ratio:.2f}"
    return f"{ratio:.2f} ({'reached' if ratio >= target else 'missed'}: {target:g})"


def floor_of(case, machine, ceilings):
    """Microseconds the bytes and the operations of a case need at the ceilings of this run; None where those were not measured."""
    if not ceilings:
        return None
    rate = max(entry["read_gb_per_s"] for entry in ceilings["memory"] if entry["bytes"] >= 1 << 28)
    times = [case["bytes"] / rate * 1e-3]
    if machine.get("gemm_tflops"):
        times.append(case["operations"] / machine["gemm_tflops"] * 1e-6)
    return max(times)


def torch_table(run, ceilings, temperature):
    yield f"### {temperature} L2 cache" if temperature == "cold" else "### warm: back-to-back calls"
    yield ""
    yield ("| case | ours us | FAST us | floor us | eager us | eager / ours | best compiled us | compiled / ours | our error | FAST error "
           "| eager's error |")
    yield "|---|---|---|---|---|---|---|---|---|---|---|"
    for case in run["cases"]:
        times = {name: value["median"] for name, value in case[temperature].items()}
        ours, eager = times["ours"], times.get("eager")
        compiled = min((value for name, value in times.items() if name.startswith("compile")), default=None)
        first, second = target_of(case["case"])
        errors = case["errors"]
        yield "| " + " | ".join([
            case["case"], number(ours), number(times.get("ours FAST")), number(floor_of(case, run["machine"], ceilings)), number(eager),
            verdict(eager / ours if eager else None, first), number(compiled),
            verdict(compiled / ours if compiled else None, second),
            f"{errors['ours']:.1e}" if "ours" in errors else "",
            f"{errors['ours FAST']:.1e}" if "ours FAST" in errors else "", f"{errors['eager']:.1e}" if "eager" in errors else ""]) + " |"
    yield ""


def report(folder):
    def load(name):
        path = folder / name
        return json.loads(path.read_text()) if path.exists() else None

    ceilings, run, tests = load("ceilings.json"), load("torch.json"), load("tests.json")
    yield "# GPU results"
    yield ""
    machine = folder / "machine.txt"
    if machine.exists():
        yield "```"
        yield machine.read_text().strip()
        yield "```"
        yield ""
    yield "## Ceilings"
    yield ""
    if ceilings:
        yield f"{ceilings['gpu']}, {ceilings['multiprocessors']} multiprocessors, L2 {ceilings['l2_bytes'] >> 20} MiB, driver {ceilings['driver']}."
        yield f"An empty kernel: {ceilings['empty_launch_us']:.2f} us a launch, back to back."
        yield ""
        yield "| working set MiB | copy GB/s | read GB/s |"
        yield "|---|---|---|"
        for entry in ceilings["memory"]:
            yield f"| {entry['bytes'] >> 20} | {entry['copy_gb_per_s']:.0f} | {entry['read_gb_per_s']:.0f} |"
    else:
        yield "Not run."
    yield ""
    yield "## Tests"
    yield ""
    if tests:
        yield "| what | result |"
        yield "|---|---|"
        for name, result in tests.items():
            yield f"| {name} | {result} |"
    else:
        yield "Not run."
    yield ""
    yield "## Beside PyTorch"
    yield ""
    if run:
        machine = run["machine"]
        yield f"PyTorch {machine['torch']}, CUDA {machine['cuda']}; 8192 x 8192 x 8192 bf16: {machine['gemm_tflops']:.0f} TFLOP/s."
        yield f"Mode FAST on {machine.get('cublaslt') or 'nothing: PyTorch has loaded no cuBLASLt'}."
        yield "Medians over rounds, microseconds a call; ratio = peer / ours, in mode INVARIANT."
        yield ""
        yield from torch_table(run, ceilings, "warm")
        yield from torch_table(run, ceilings, "cold")
        yield "### Beside floors and counts"
        yield ""
        yield from limits_table(run, ceilings)
        for reason in run["not_run"]:
            yield f"Not run: {reason}"
    else:
        yield "Not run."


if __name__ == "__main__":
    if len(sys.argv) != 2 or not pathlib.Path(sys.argv[1]).is_dir():
        sys.exit("usage: python3 report.py RESULTS_FOLDER")
    print("\n".join(report(pathlib.Path(sys.argv[1]))))
