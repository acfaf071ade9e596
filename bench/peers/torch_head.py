# Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
"""Gavel beside PyTorch on one GPU: the same tensors, the same stream, one process, turns interleaved.

    python3 torch_head.py LIBGAVEL OUTPUT.json [--rounds 7] [--seconds 240] [--only TEXT]

Every case has up to three peers: eager, torch.compile (default) and torch.compile (reduce-overhead, which replays a CUDA graph). Two times
are taken of every side, microseconds per call, medians over rounds of which the first is not counted:
  warm  back-to-back calls between two events, divided by their number: what a caller who keeps the GPU fed pays, launches included;
  cold  one call between two events behind reads of 512 MiB, which empty the L2 cache, and a wait of the GPU long enough for the host to
        enqueue the call meanwhile: GPU time alone.
Errors are the largest against float64 from the same rounded inputs, relative to the largest value. Nothing is timed that is wrong.
All cases are measured beside eager first and then again with the compiled forms, whose compilation takes most of the time; the output is
written after every case, so that a run that is stopped has what it measured. A peer that cannot run is left out by name. Where PyTorch has
loaded a cuBLASLt, heads of many responses run in mode FAST on it, too, as a side of their own.
Times are of this machine alone; report.py makes the tables. Launches and times without an interpreter are measured by gpu/calls.cu.
"""
import argparse
import ctypes as c
import json
import os
import platform
import statistics
import sys
import time

import torch
import torch.nn.functional as F

import gavel_abi as abi
from gavel_abi import sized

DEVICE = "cuda:0"
FAST_ROWS = 2048  # responses from which on mode FAST differs from INVARIANT
MOST_ERROR = 0.05  # of the largest value; far above what 16-bit storage costs, far below a wrong kernel
TYPES = {torch.float32: abi.F32, torch.float16: abi.F16, torch.bfloat16: abi.BF16, torch.int64: abi.I64, torch.uint8: abi.U8}


def view(tensor):
    """A gavel_tensor over a torch tensor's memory."""
    described = sized(abi.Tensor, dtype=TYPES[tensor.dtype], device_type=abi.CUDA if tensor.is_cuda else abi.CPU,
                      device_id=tensor.device.index or 0 if tensor.is_cuda else 0, rank=tensor.dim(), data=tensor.data_ptr(),
                      byte_length=tensor.untyped_storage().nbytes() - tensor.storage_offset() * tensor.element_size())
    for i, (length, stride) in enumerate(zip(tensor.shape, tensor.stride())):
        described.shape[i] = length
        described.stride[i] = stride
    return described


def array_of(tensors):
    array = (abi.Tensor * len(tensors))()
    for i, tensor in enumerate(tensors):
        array[i] = sized(abi.Tensor) if tensor is None else view(tensor)
    return array


def loaded_cublaslt():
    """Path of the cuBLASLt that PyTorch's own products have loaded, or None."""
    torch.ones(64, 64, device=DEVICE).bfloat16() @ torch.ones(64, 64, device=DEVICE).bfloat16()
    with open("/proc/self/maps", encoding="utf-8") as maps:
        paths = {line.split()[-1] for line in maps if "libcublasLt.so" in line}
    return sorted(paths)[0] if paths else None


class Wrong(Exception):
    """Our results are not what the case is."""


class Ours:
    """A context, a stream that is PyTorch's current one, and everything that must outlive the calls. cublaslt: for mode FAST."""

    def __init__(self, path, cublaslt=None, torch_stream=None):
        self.gavel = abi.Gavel(path)
        options = sized(abi.ContextOptions, device_type=abi.CUDA, threads=1)
        if cublaslt is not None:
            options.mode = abi.FAST
            options.cublaslt = cublaslt.encode()
        self.context = self.gavel.create("gavel_context_create", c.byref(options))
        self.torch_stream = torch_stream or torch.cuda.Stream()
        self.fast = None  # the same in mode FAST
        self.stream = self.gavel.create("gavel_stream_wrap", self.context, c.c_void_p(self.torch_stream.cuda_stream))
        self.kept = []

    def keep(self, *things):
        self.kept.extend(things)
        return things[0]

    def head(self, spec, parameters):
        host = [p.cpu().contiguous() for p in parameters]
        array = self.keep(array_of(host), host)
        handle = c.c_void_p()
        self.gavel.call("gavel_head_create", self.context, c.byref(spec), array, len(host), c.byref(handle))
        return handle

    def score(self, head, hidden, last, scores, first=None, loss=None, preactivations=None):
        args = sized(abi.ScoreArgs, pooling=abi.INDEX if first is None else abi.SPAN_MEAN, hidden=view(hidden), last=view(last),
                     scores=view(scores), stream=self.stream)
        if first is not None:
            args.first = view(first)
        if preactivations is not None:
            args.preactivations = view(preactivations)
        self.keep(args)
        return self.gavel.bound("gavel_score", self.context, head, c.byref(args), c.byref(loss) if loss is not None else None)

    def loss(self, kind, loss, dscore, scores=None, pairs=None, offsets=None, target_index=None, ranks=None):
        args = sized(abi.LossArgs, kind=kind, reduction=abi.MEAN_VALID, weight=1.0)
        if kind == abi.BRADLEY_TERRY:
            args.beta = 1.0
            args.pairs = view(pairs)
        else:
            args.temperature = 1.0
            args.offsets = view(offsets)
            if target_index is not None:
                args.target_index = view(target_index)
            if ranks is not None:
                args.ranks = view(ranks)
        args.loss, args.dscore = view(loss), view(dscore)
        if scores is not None:
            args.scores = view(scores)
            args.stream = self.stream
        return self.keep(args)

    def backward(self, head, hidden, last, dscore, gradients, preactivations=None):
        args = sized(abi.BackwardArgs, pooling=abi.INDEX, hidden=view(hidden), last=view(last), dscore=view(dscore),
                     stream=self.stream)
        if preactivations is not None:
            args.preactivations = view(preactivations)
        array = array_of(gradients)
        self.keep(args, array)
        return self.gavel.bound("gavel_backward", self.context, head, c.byref(args), array, len(gradients))

    def step(self, head, gradients):
        options = sized(abi.OptimizerOptions, learning_rate=1e-5, beta1=0.9, beta2=0.999, epsilon=1e-8, matrix_weight_decay=0.01)
        optimizer = self.gavel.create("gavel_optimizer_create", head, c.byref(options))
        array = self.keep(array_of(gradients), options)
        return self.gavel.bound("gavel_optimizer_step", optimizer, array, len(gradients), c.c_float(1e-5), self.stream)

    def synchronize(self):
        self.gavel.call("gavel_stream_synchronize", self.stream)


def linear_spec(width):
    return sized(abi.HeadSpec, kind=abi.LINEAR, dtype=abi.BF16, flags=abi.OUTPUT_BIAS, output_scale=1.0, input_width=width,
                 output_width=1)


def mlp_spec(width, hidden):
    spec = sized(abi.HeadSpec, kind=abi.MLP, dtype=abi.BF16, activation=abi.SILU, norm=abi.RMS_NORM, norm_epsilon=1e-6,
                 flags=abi.HIDDEN_BIAS | abi.OUTPUT_BIAS, output_scale=1.0, hidden_layers=1, input_width=width, output_width=1)
    spec.hidden_width[0] = hidden
    return spec


class LinearHead(torch.nn.Module):
    def __init__(self, width):
        super().__init__()
        self.output = torch.nn.Linear(width, 1, dtype=torch.bfloat16, device=DEVICE)

    def forward(self, hidden, last):
        return self.output(hidden[last])[:, 0]

    def parameters_in_order(self):
        return [self.output.weight.data, self.output.bias.data]


class MlpHead(torch.nn.Module):
    """Norm as Hugging Face writes it (LlamaRMSNorm), then Linear, SiLU, Linear."""

    def __init__(self, width, inner):
        super().__init__()
        self.weight = torch.nn.Parameter((1 + 0.1 * torch.randn(width, device=DEVICE)).bfloat16())
        self.hidden = torch.nn.Linear(width, inner, dtype=torch.bfloat16, device=DEVICE)
        self.output = torch.nn.Linear(inner, 1, dtype=torch.bfloat16, device=DEVICE)

    def forward(self, hidden, last):
        x = hidden[last]
        wide = x.float()
        wide = wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + 1e-6)
        return self.output(F.silu(self.hidden(self.weight * wide.to(x.dtype))))[:, 0]

    def parameters_in_order(self):
        return [self.weight.data, self.hidden.weight.data, self.hidden.bias.data, self.output.weight.data, self.output.bias.data]


def exact_linear(head, hidden, last):
    return hidden[last].double() @ head.output.weight.double()[0] + head.output.bias.double()[0]


def exact_mlp(head, hidden, last):
    x = hidden[last].double()
    x = x / torch.sqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6) * head.weight.double()
    u = x @ head.hidden.weight.double().T + head.hidden.bias.double()
    return F.silu(u) @ head.output.weight.double()[0] + head.output.bias.double()[0]


# What a case is: sides {name: callable}, checks {name: relative error}, bytes it must move, floating-point operations.
class Case:
    def __init__(self, name, ours, peers, errors, moved_bytes, operations, gemm=None):
        self.name, self.ours, self.peers, self.errors = name, ours, peers, errors
        self.moved_bytes, self.operations = moved_bytes, operations
        self.gemm = gemm  # (m, n, k) of the product it is made of, where cuBLAS's rate for it is of interest


def stay_in_place(*tensors):
    """A graph that torch.compile replays need not copy these to a place of its own first, which would cost the peer a pass over them."""
    mark = getattr(torch._dynamo, "mark_static_address", None)
    for tensor in tensors if mark is not None else ():
        mark(tensor)


def compiled(function, mode):
    return torch.compile(function, mode=mode, dynamic=False, fullgraph=True)


def relative_error(found, exact):
    return ((found.double() - exact).abs().max() / exact.abs().max()).item()


def score_case(ours, name, head, spec, exact, width, rows, moved_bytes, operations):
    tokens = max(2 * rows, 64)
    hidden = torch.randn(tokens, width, device=DEVICE).bfloat16()
    last = torch.randperm(tokens, device=DEVICE)[:rows].contiguous()
    scores = torch.empty(rows, 1, device=DEVICE)
    run = ours.score(ours.head(spec, head.parameters_in_order()), hidden, last, scores)
    ours.keep(hidden, last, scores)
    truth = exact(head, hidden, last)
    stay_in_place(hidden, last)
    eager = torch.inference_mode()(lambda: head(hidden, last))
    sides = {"eager": eager}
    for label, mode in (("compile", "default"), ("compile graph", "reduce-overhead")):
        module = compiled(head.forward, mode)
        sides[label] = torch.inference_mode()(lambda module=module: module(hidden, last))
    run()
    ours.synchronize()
    errors = {"ours": relative_error(scores[:, 0], truth), "eager": relative_error(eager(), truth)}
    gemm = None
    if isinstance(head, MlpHead):
        gemm = (rows, head.hidden.out_features, width)
    if gemm and ours.fast and rows >= FAST_ROWS:
        found = torch.empty(rows, 1, device=DEVICE)
        sides["ours FAST"] = ours.fast.score(ours.fast.head(spec, head.parameters_in_order()), hidden, last, found)
        ours.keep(found)
        sides["ours FAST"]()
        ours.fast.synchronize()
        errors["ours FAST"] = relative_error(found[:, 0], truth)
    return Case(name, run, sides, errors, moved_bytes, operations, gemm)


def cases(ours):
    for width in (1024, 4096):
        for rows in (1, 4, 64, 1024, 16384):
            head = LinearHead(width)
            yield lambda head=head, width=width, rows=rows: score_case(
                ours, f"gather + linear {width}->1, R={rows}", head, linear_spec(width), exact_linear, width, rows,
                2 * width * (rows + 1) + 4 * rows, 2 * width * rows)
    for rows in (1, 8, 64, 1024, 16384):
        yield lambda rows=rows: score_case(
            ours, f"gather + RMSNorm + MLP 4096->4096->1, R={rows}", MlpHead(4096, 4096), mlp_spec(4096, 4096), exact_mlp, 4096,
            rows, 2 * 4096 * (4096 + 3) + 2 * 4096 * rows + 4 * rows, 2 * 4096 * 4096 * rows)
    yield lambda: bradley_terry_case(ours, 100_000)
    yield lambda: cross_entropy_case(ours, 100_000, 8)
    yield lambda: plackett_luce_case(ours, 100_000, 8)
    for rows in (64,):
        yield lambda rows=rows: training_case(ours, f"training step, linear head 4096, R={rows}", LinearHead(4096),
                                              linear_spec(4096), 4096, 0, rows)
        yield lambda rows=rows: training_case(ours, f"training step, MLP 4096->4096->1, R={rows}", MlpHead(4096, 4096),
                                              mlp_spec(4096, 4096), 4096, 4096, rows)
    yield lambda: segment_mean_case(ours, 65536, 4096, 512)


def bradley_terry_case(ours, count):
    scores = torch.randn(count, device=DEVICE)
    pairs = torch.arange(count, device=DEVICE).view(-1, 2).contiguous()
    loss, dscore = torch.empty(1, device=DEVICE), torch.empty(count, device=DEVICE)
    stay_in_place(scores, pairs)
    args = ours.loss(abi.BRADLEY_TERRY, loss, dscore, scores=scores, pairs=pairs)
    ours.keep(scores, pairs, loss, dscore)
    run = ours.gavel.bound("gavel_loss", ours.context, c.byref(args))

    def peer(values):
        return F.softplus(values[pairs[:, 1]] - values[pairs[:, 0]]).mean()

    return loss_case(ours, f"Bradley-Terry loss + dscore, N={count}", run, peer, scores, loss, dscore)


def cross_entropy_case(ours, count, group):
    scores = torch.randn(count, device=DEVICE)
    offsets = torch.arange(0, count + 1, group, device=DEVICE)
    target = torch.randint(0, group, (count // group,), device=DEVICE)
    loss, dscore = torch.empty(1, device=DEVICE), torch.empty(count, device=DEVICE)
    stay_in_place(scores, target)
    args = ours.loss(abi.CROSS_ENTROPY, loss, dscore, scores=scores, offsets=offsets, target_index=target)
    ours.keep(scores, offsets, target, loss, dscore)
    run = ours.gavel.bound("gavel_loss", ours.context, c.byref(args))

    # The peer knows that all groups have one length; ragged groups would cost it a padded copy.
    def peer(values):
        return F.cross_entropy(values.view(-1, group), target)

    return loss_case(ours, f"cross-entropy loss + dscore, N={count} in groups of {group}", run, peer, scores, loss, dscore)


def plackett_luce_case(ours, count, group):
    scores = torch.randn(count, device=DEVICE)
    offsets = torch.arange(0, count + 1, group, device=DEVICE)
    order = torch.argsort(torch.rand(count // group, group, device=DEVICE), dim=1)  # place -> entry
    ranks = (torch.argsort(order, dim=1) + 1).reshape(-1).contiguous()
    loss, dscore = torch.empty(1, device=DEVICE), torch.empty(count, device=DEVICE)
    stay_in_place(scores, order)
    args = ours.loss(abi.PLACKETT_LUCE, loss, dscore, scores=scores, offsets=offsets, ranks=ranks)
    ours.keep(scores, offsets, ranks, loss, dscore)
    run = ours.gavel.bound("gavel_loss", ours.context, c.byref(args))

    # ListMLE as it is usually written; groups of one length, as above.
    def peer(values):
        ranked = values.view(-1, group).gather(1, order)
        return (torch.logcumsumexp(ranked.flip(1), 1).flip(1) - ranked).sum(1).mean()

    return loss_case(ours, f"Plackett-Luce loss + dscore, N={count} in groups of {group}", run, peer, scores, loss, dscore)


def loss_case(ours, name, run, peer, scores, loss, dscore):
    def both(values):
        return torch.func.grad_and_value(peer)(values)

    sides = {"eager": lambda: both(scores)}
    for label, mode in (("compile", "default"), ("compile graph", "reduce-overhead")):
        module = compiled(both, mode)
        sides[label] = lambda module=module: module(scores)
    run()
    ours.synchronize()
    gradient, value = both(scores.double())
    peer_gradient, _ = both(scores)
    errors = {"ours": relative_error(dscore, gradient), "eager": relative_error(peer_gradient, gradient),
              "ours loss": abs(loss.item() - value.item()) / abs(value.item())}
    return Case(name, run, sides, errors, 12 * scores.numel(), 0)


def training_case(ours, name, head, spec, width, inner, rows):
    hidden = torch.randn(2 * rows, width, device=DEVICE).bfloat16()
    last = torch.randperm(2 * rows, device=DEVICE)[:rows].contiguous()
    pairs = torch.arange(rows, device=DEVICE).view(-1, 2).contiguous()
    parameters = head.parameters_in_order()
    gradients = [torch.empty(p.shape, device=DEVICE) for p in parameters]
    scores, loss, dscore = torch.empty(rows, 1, device=DEVICE), torch.empty(1, device=DEVICE), torch.empty(rows, device=DEVICE)
    preactivations = torch.empty(rows, inner, device=DEVICE) if inner else None
    handle = ours.head(spec, parameters)
    args = ours.loss(abi.BRADLEY_TERRY, loss, dscore, pairs=pairs)
    forward = ours.score(handle, hidden, last, scores, loss=args, preactivations=preactivations)
    backward = ours.backward(handle, hidden, last, dscore.view(rows, 1), gradients, preactivations)
    step = ours.step(handle, gradients)
    ours.keep(hidden, last, pairs, gradients, scores, loss, dscore, preactivations)

    def run():
        forward()
        backward()
        step()

    # The same as ours keeps: f32 masters and moments beside bf16 parameters.
    masters = [p.float() for p in parameters]
    optimizer = torch.optim.AdamW(masters, lr=1e-5, fused=True)
    trained = list(head.parameters())
    order = [p.data_ptr() for p in parameters]
    trained.sort(key=lambda p: order.index(p.data_ptr()))

    def loss_of():
        found = head(hidden, last).float()
        return F.softplus(found[pairs[:, 1]] - found[pairs[:, 0]]).mean()

    def update():
        for master, parameter in zip(masters, trained):
            master.grad = parameter.grad.float()
            parameter.grad = None
        optimizer.step()
        torch._foreach_copy_([p.data for p in trained], masters)

    def eager():
        loss_of().backward()
        update()

    faster_loss = torch.compile(loss_of, dynamic=False)

    def fast():
        faster_loss().backward()
        update()

    weights = sum(p.numel() for p in parameters)
    forward()
    ours.synchronize()
    with torch.no_grad():
        errors = {"ours loss beside eager": abs(loss.item() - loss_of().item()) / abs(loss.item())}
    return Case(name, run, {"eager": eager, "compile": fast}, errors, 38 * weights, 6 * weights * rows)


def segment_mean_case(ours, tokens, width, span):
    hidden = torch.randn(tokens, width, device=DEVICE).bfloat16()
    items = tokens // span
    first = torch.arange(0, tokens, span, device=DEVICE)
    last = first + span - 1
    head = LinearHead(width)
    scores = torch.empty(items, 1, device=DEVICE)
    run = ours.score(ours.head(linear_spec(width), head.parameters_in_order()), hidden, last, scores, first=first)
    ours.keep(hidden, first, last, scores)
    segments = torch.arange(items, device=DEVICE).repeat_interleave(span)
    lengths = torch.full((items,), span, device=DEVICE)

    def index_add():
        sums = torch.zeros(items, width, device=DEVICE).index_add_(0, segments, hidden.float())
        return head.output((sums / span).bfloat16())[:, 0]

    def reduce():
        return head.output(torch.segment_reduce(hidden.float(), "mean", lengths=lengths).bfloat16())[:, 0]

    truth = hidden.double().view(items, span, width).mean(1).bfloat16().double() @ head.output.weight.double()[0] + (
        head.output.bias.double()[0])
    run()
    ours.synchronize()
    peers = {"eager": torch.inference_mode()(index_add), "segment_reduce": torch.inference_mode()(reduce),
             "compile": torch.inference_mode()(compiled(index_add, "default"))}
    errors = {"ours": relative_error(scores[:, 0], truth), "eager": relative_error(peers["eager"](), truth)}
    return Case(f"segment mean T={tokens}, H={width}, spans of {span}, + linear", run, peers, errors, 2 * tokens * width, tokens * width)


class Timer:
    def __init__(self):
        self.flushed = torch.ones(64 << 20, device=DEVICE)
        self.sum = torch.empty((), device=DEVICE)

    def warm(self, side, calls):
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        for _ in range(3):
            side()
        torch.cuda.synchronize()
        begin.record()
        for _ in range(calls):
            side()
        end.record()
        end.synchronize()
        return begin.elapsed_time(end) * 1000 / calls

    def cold(self, side, ahead):
        """ahead: clock cycles the GPU waits while the host enqueues."""
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        # Lines that were read need not be written back when others take their place, as those of a fill would.
        for _ in range(2):
            torch.sum(self.flushed, dim=0, out=self.sum)
        torch.cuda._sleep(ahead)
        begin.record()
        side()
        end.record()
        end.synchronize()
        return begin.elapsed_time(end) * 1000


def gemm_rate():
    """What cuBLAS makes of a large square product: the ceiling the products of a head are held against, in TFLOP/s."""
    size = 8192
    a, b = (torch.randn(size, size, device=DEVICE).bfloat16() for _ in range(2))
    timer = Timer()
    return 2 * size**3 / statistics.median(timer.warm(lambda: a @ b, 10) for _ in range(5)) / 1e6


def summary(values):
    ordered = sorted(values)
    return {"median": statistics.median(ordered), "low": ordered[len(ordered) // 4], "high": ordered[(3 * len(ordered)) // 4]}


def able(case, with_compiled, not_run):
    """The sides that run: compilation, autotuning and graph capture happen here. A failure of ours is not a peer's."""
    sides = {"ours": case.ours}
    for name, side in case.peers.items():
        if name.startswith("compile") and not with_compiled:
            continue
        try:
            for _ in range(5):
                side()
            torch.cuda.synchronize()
        except abi.GavelError:
            raise
        except Exception as failure:  # noqa: BLE001
            not_run.append(f"{case.name}, {name}: {type(failure).__name__}: {str(failure).strip()[:300]}")
            continue
        sides[name] = side
    return sides


def enqueuing(side):
    """Seconds the host takes to enqueue a call."""
    torch.cuda.synchronize()
    begin = time.perf_counter()
    side()
    return time.perf_counter() - begin


def measure(case, sides, timer, rounds):
    wrong = {name: error for name, error in case.errors.items() if name.startswith("ours") and not error <= MOST_ERROR}
    if wrong:
        raise Wrong(f"{case.name}: errors {wrong} are above {MOST_ERROR}")
    warm = {name: [] for name in sides}
    cold = {name: [] for name in sides}
    for side in sides.values():
        side()
    slowest = max(timer.warm(side, 5) for side in sides.values())
    calls = max(10, min(200, int(20_000 / slowest)))
    # At most 2 GHz; twice what the slowest host needs.
    ahead = int(2 * 2e9 * max(enqueuing(side) for side in sides.values() for _ in range(3))) + 200_000
    for turn in range(rounds + 1):
        for name, side in sides.items():
            times = timer.warm(side, calls), statistics.median(timer.cold(side, ahead) for _ in range(5))
            if turn > 0:
                warm[name].append(times[0])
                cold[name].append(times[1])
    gemm_us = None
    if case.gemm:
        m, n, k = case.gemm
        a, b = torch.randn(m, k, device=DEVICE).bfloat16(), torch.randn(n, k, device=DEVICE).bfloat16().T
        gemm_us = statistics.median(timer.warm(lambda: a @ b, calls) for _ in range(rounds))
    return {"case": case.name, "bytes": case.moved_bytes, "operations": case.operations, "errors": case.errors, "gemm_us": gemm_us,
            "warm": {name: summary(values) for name, values in warm.items()},
            "cold": {name: summary(values) for name, values in cold.items()}}


class Results:
    """What was measured, in a file that is whole at all times."""

    def __init__(self, path, machine):
        self.path = path
        self.cases = {}
        self.contents = {"machine": machine, "cases": [], "failed": [], "not_run": []}
        self.write()

    def write(self):
        self.contents["cases"] = list(self.cases.values())
        with open(self.path + ".part", "w", encoding="utf-8") as file:
            json.dump(self.contents, file, indent=1)
        os.replace(self.path + ".part", self.path)

    def add(self, found):
        self.cases[found["case"]] = found
        self.write()
        print(found["case"], {name: round(value["median"], 1) for name, value in found["warm"].items()}, flush=True)

    def note(self, what, text):
        if text not in self.contents[what]:
            self.contents[what].append(text)
            print(what, text, flush=True)
            self.write()


def compare(ours, results, rounds, until, only):
    timer = Timer()
    for with_compiled in (False, True):
        for make in cases(ours):
            if time.monotonic() > until:
                results.note("not_run", "further cases" + (" with compiled peers" if with_compiled else "") + ": out of time")
                return
            # Every case compiles functions of its own; what earlier ones compiled would count against a limit.
            torch.compiler.reset()
            try:
                case = make()
                if only not in case.name:
                    continue
                not_run = []
                sides = able(case, with_compiled, not_run)
                for reason in not_run:
                    results.note("not_run", reason)
                results.add(measure(case, sides, timer, rounds))
            except Exception as failure:  # noqa: BLE001
                results.note("failed", f"{type(failure).__name__}: {str(failure).strip()[:500]}")
            # Where the device is lost this raises, and nothing more can be measured.
            torch.cuda.synchronize()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library")
    parser.add_argument("output")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=240, help="no further case is begun after this time")
    parser.add_argument("--only", default="", help="cases whose name contains this")
    options = parser.parse_args()
    until = time.monotonic() + options.seconds
    if not torch.cuda.is_available():
        sys.exit("torch_head.py: PyTorch sees no CUDA device; nothing was measured")
    torch.manual_seed(1)
    ours = Ours(options.library)
    cublaslt = loaded_cublaslt()
    properties = torch.cuda.get_device_properties(0)
    results = Results(options.output,
                      {"gpu": properties.name, "memory_bytes": properties.total_memory,
                       "multiprocessors": properties.multi_processor_count, "torch": torch.__version__, "cuda": torch.version.cuda,
                       "python": platform.python_version(), "gemm_tflops": gemm_rate(), "cublaslt": cublaslt,
                       "rounds": options.rounds})
    if cublaslt is not None:
        try:
            ours.fast = Ours(options.library, cublaslt, ours.torch_stream)
        except abi.GavelError as refused:
            results.note("not_run", f"mode FAST: {refused}")
    with torch.cuda.stream(ours.torch_stream):
        compare(ours, results, options.rounds, until, options.only)
    if results.contents["failed"] or not results.cases:
        sys.exit("torch_head.py: " + ("; ".join(results.contents["failed"]) or "no case was measured"))


if __name__ == "__main__":
    main()
