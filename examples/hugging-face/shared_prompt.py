"""What a shared prompt saves: responses in one sequence with a block mask, against one sequence each, on one graph."""

import statistics
import tempfile
import time
from pathlib import Path

import numpy
import onnxruntime
import torch
from transformers import LlamaConfig, LlamaModel

import backbone_graph


def packed(prompt, responses):
    """Inputs of one sequence in which every response follows the prompt alone."""
    ids = numpy.concatenate([prompt, *responses])
    rows, begin = len(ids), len(prompt)
    sees = numpy.zeros((rows, rows), bool)
    sees[:begin, :begin] = numpy.tri(begin, dtype=bool)
    positions = list(range(begin))
    for response in responses:
        end = begin + len(response)
        sees[begin:end, : len(prompt)] = True
        sees[begin:end, begin:end] = numpy.tri(len(response), dtype=bool)
        positions += range(len(prompt), len(prompt) + len(response))
        begin = end
    return {"input_ids": ids[None], "block_mask": sees[None, None], "position_ids": numpy.array([positions])}


def measure(responses, prompt_tokens, response_tokens, repeats=9):
    """Prints tokens and time of both, medians of interleaved runs on one thread, and how far they differ."""
    torch.manual_seed(1)
    config = LlamaConfig(hidden_size=512, intermediate_size=1376, num_hidden_layers=4, num_attention_heads=8,
                         num_key_value_heads=4, vocab_size=1000)
    model = LlamaModel(config).eval()
    model.config._attn_implementation = "eager"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.onnx"
        backbone_graph.export(model, file, "f32", True)
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(str(file), settings, providers=["CPUExecutionProvider"])
    drawn = numpy.random.default_rng(1)
    prompt = drawn.integers(0, 1000, prompt_tokens)
    answers = [drawn.integers(0, 1000, response_tokens) for _ in range(responses)]
    together = packed(prompt, answers)
    alone = [packed(prompt, [answer]) for answer in answers]
    seconds = {"alone": [], "together": []}
    for _ in range(repeats):
        start = time.perf_counter()
        separate = [session.run(None, fed)[0][0, prompt_tokens:] for fed in alone]
        middle = time.perf_counter()
        shared = session.run(None, together)[0][0, prompt_tokens:]
        seconds["alone"].append(middle - start)
        seconds["together"].append(time.perf_counter() - middle)
    separate = numpy.concatenate(separate)
    difference = (numpy.linalg.norm(shared - separate, axis=1) / numpy.linalg.norm(separate, axis=1)).max()
    tokens = responses * (prompt_tokens + response_tokens) / (prompt_tokens + responses * response_tokens)
    times = statistics.median(seconds["alone"]) / statistics.median(seconds["together"])
    print(f"{responses} responses of {response_tokens} tokens to a prompt of {prompt_tokens}: {tokens:.2f} times fewer tokens, "
          f"{times:.2f} times less time; rows differ by {difference:.2g} of their size at most")
