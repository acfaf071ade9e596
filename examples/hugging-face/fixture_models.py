"""
The models of the parity fixtures: tiny, random, and scored as the published models are.

REFERENCE CLASS: the score is what transformers' own class returns.
FORMULA: the published class is code of its model's folder, which is not run; its head is written again here, from
the formulas its authors publish, over a backbone that is transformers' own.
"""

from collections import OrderedDict

import torch
from torch import nn
from transformers import (
    BertConfig, BertForSequenceClassification,
    DebertaV2Config, DebertaV2ForSequenceClassification, Gemma2Config, Gemma2ForSequenceClassification, GPTNeoXConfig,
    GPTNeoXForSequenceClassification, GPTNeoXModel, LlamaConfig, LlamaForCausalLM, LlamaForSequenceClassification, LlamaModel,
    MistralConfig, MistralForSequenceClassification, Qwen2Config, Qwen2ForSequenceClassification, Qwen2Model,
    Qwen3Config, Qwen3ForCausalLM, Qwen3ForSequenceClassification, XLMRobertaConfig, XLMRobertaForSequenceClassification,
)

WIDTH = 32
# With initial weights this large attention is far from uniform: a wrong mask or position changes every score.
SPREAD = 0.25
START, END, SEPARATOR, STEP, PAD = 258, 259, 260, 261, 262
SMALL = {
    "hidden_size": WIDTH, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": 264,
    "max_position_embeddings": 256, "initializer_range": SPREAD, "bos_token_id": START, "eos_token_id": END,
    "pad_token_id": PAD, "num_labels": 1,
}
GROUPED = {**SMALL, "num_key_value_heads": 2, "head_dim": 8}
ENCODER = {**SMALL, "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}

# name: (configuration, model class, type the weights are stored in, block mask)
BACKBONES = {
    "llama": (LlamaConfig(**GROUPED), LlamaForSequenceClassification, "bf16", False),
    "llama-packed": (LlamaConfig(**GROUPED), LlamaForSequenceClassification, "f32", True),
    "qwen2": (Qwen2Config(**{k: v for k, v in GROUPED.items() if k != "head_dim"}), Qwen2ForSequenceClassification, "f32", False),
    "qwen3": (Qwen3Config(**GROUPED), Qwen3ForSequenceClassification, "f16", True),
    # Windows shorter than the texts, in every second layer and in every one.
    "gemma2": (Gemma2Config(**GROUPED, sliding_window=8, query_pre_attn_scalar=8), Gemma2ForSequenceClassification, "bf16", True),
    "mistral": (MistralConfig(**GROUPED, sliding_window=8), MistralForSequenceClassification, "f32", True),
    "gpt-neox": (GPTNeoXConfig(**SMALL), GPTNeoXForSequenceClassification, "f32", False),
    "deberta-v2": (DebertaV2Config(**ENCODER, relative_attention=True, pos_att_type=["p2c", "c2p"], position_buckets=16,
                                   norm_rel_ebd="layer_norm", share_att_key=True, position_biased_input=False,
                                   type_vocab_size=0, pooler_hidden_size=WIDTH, pooler_dropout=0.0),
                   DebertaV2ForSequenceClassification, "f16", False),
    "bert": (BertConfig(**ENCODER), BertForSequenceClassification, "bf16", False),
    # Room for the ids of the header of an answer, which the gates of ArmoRM and QRM look for.
    "gemma2-header": (Gemma2Config(**{**GROUPED, "vocab_size": 2600, "num_hidden_layers": 1}, query_pre_attn_scalar=8), Gemma2ForSequenceClassification, "bf16", False),
    "xlm-roberta": (XLMRobertaConfig(**{**ENCODER, "pad_token_id": 1, "type_vocab_size": 1}), XLMRobertaForSequenceClassification, "f32", True),
}
REFERENCE, FORMULA = "reference class", "formula"


def linear(generator, outputs, inputs, bias=True):
    """A layer with weights of the given spread, of the same numbers on every run."""
    layer = nn.Linear(inputs, outputs, bias=bias)
    for parameter in layer.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator) * SPREAD
    return layer


class Head(nn.Module):
    """A reward head by its published formula, from the hidden states of one sequence and the rows it is read at."""

    def __init__(self, layers, scale=1.0, difference=False, mean=False):
        super().__init__()
        self.layers, self.scale, self.difference, self.mean = layers, scale, difference, mean

    def forward(self, hidden, rows):
        vectors = hidden.mean(0, keepdim=True) if self.mean else hidden[rows]
        logits = self.layers(vectors) * self.scale
        # softmax over two classes, the probability of the second
        return torch.softmax(logits, -1)[:, 1] if self.difference else logits[:, 0]


class Gated(nn.Module):
    """
    Objectives mixed by a gate: r = objectives(h), score = sum of g_k (r C)_k. ArmoRM (arXiv 2406.12845), QRM (2409.10164)
    and LDL differ in how h becomes r and in where the gate is read.
    """

    def __init__(self, layers, gate, objectives, temperature=None, scale=None, transform=None, header=None):
        super().__init__()
        self.layers, self.gate, self.objectives = layers, gate, objectives
        self.temperature, self.header = temperature, header
        self.scale, self.transform = scale, transform

    def mixed(self, hidden, rows, ids):
        """Score and objectives of the one response of a sequence."""
        objectives = self.objectives(self.layers(hidden[rows]))
        at = rows if self.header is None else [last_place(ids, self.header)]
        weights = self.gate(hidden[at])
        if self.temperature is not None:
            weights = torch.softmax(weights / self.temperature, -1)
        if self.scale is None:
            return (weights * objectives).sum(-1), objectives
        return (weights * self.scale * (objectives @ self.transform)).sum(-1), objectives


def last_place(ids, pattern):
    """The first token of the last place where the pattern stands."""
    return max(at for at in range(len(ids) - len(pattern) + 1) if ids[at : at + len(pattern)] == pattern)


def two_layers(generator, outputs, inner=WIDTH, activation=nn.ReLU):
    return nn.Sequential(linear(generator, inner, WIDTH), activation(), linear(generator, outputs, inner))


def named(prefix, module):
    return {prefix + name: tensor.detach() for name, tensor in module.state_dict().items()}


def formulas(generator):
    """name: (backbone, head, tensors by published name, more configuration, stored type, rows)."""
    made = {}

    def add(name, backbone, head, prefix, architecture, dtype, rows="last", **more):
        tensors = named(prefix, head.layers)
        made[name] = (backbone, head, tensors, {"architectures": [architecture], **more}, dtype, rows)

    add("inf-orm", "llama", Head(two_layers(generator, 1)), "score.", "INFORMForSequenceClassification", "bf16")
    add("qwen2.5-math-rm", "qwen2", Head(two_layers(generator, 1)), "score.", "Qwen2ForRewardModel", "f32")
    add("qwen2.5-math-prm", "qwen2", Head(two_layers(generator, 2), difference=True), "score.", "Qwen2ForProcessRewardModel", "f32", "steps")
    add("grm", "llama", Head(two_layers(generator, 1, 24)), "v_head.summary.", "LlamaForCausalLM", "f16",
        vhead_layer_type="mlp", vhead_num_neurons=24, vhead_num_layers=1)
    add("internlm2-reward", "llama", Head(linear(generator, 1, WIDTH, bias=False)), "v_head.", "InternLM2ForRewardModel", "f16", "appended", reward_token_id=STEP)
    add("oasst-pythia-mean", "gpt-neox", Head(linear(generator, 1, WIDTH), mean=True), "out_proj.", "GPTNeoXRewardModel", "f32", "all", pooling="mean")
    add("oasst-pythia-last", "gpt-neox", Head(linear(generator, 1, WIDTH)), "out_proj.", "GPTNeoXRewardModel", "f32", pooling="last")
    add("yojo", "llama-packed", Head(two_layers(generator, 1, 24, nn.SELU), scale=WIDTH**-0.5), "", "Molmo2ForConditionalGeneration", "f32", "separators")
    return made


# <end_of_turn> \n <start_of_turn> model \n of Gemma 2
HEADER = [107, 108, 106, 2516, 108]


def numbers(generator, *shape):
    return torch.randn(shape, generator=generator) * SPREAD


def deep(generator, outputs, inner, activation, places):
    """Layers at these places of a network, activations (and dropout, which does nothing here) between."""
    network, inputs = {}, WIDTH
    for place in places:
        last = place == places[-1]
        network[str(place)] = linear(generator, outputs if last else inner, inputs)
        if not last:
            network[str(place) + "a"] = activation()
        inputs = inner
    return nn.Sequential(OrderedDict(network))


def gated(generator):
    """name: (backbone, head, files of tensors by published name, more configuration, stored type)."""
    made = {}
    labels = {"id2label": {"0": "helpful", "1": "correct", "2": "verbose"}}

    def mixing(count):
        return torch.tensor([1.75]), torch.eye(count) + numbers(generator, count, count)

    gate, inputs = [], WIDTH
    for outputs in (12, 12, 12, 3):
        gate += [linear(generator, outputs, inputs), nn.ReLU()]
        inputs = outputs
    layers = linear(generator, 3, WIDTH, bias=False)
    scale, transform = mixing(3)
    network = nn.Sequential(*gate[:-1])
    tensors = {"regression_layer.weight": layers.weight.detach(), "reward_transform_matrix": transform, "gating.logit_scale": scale}
    for i in range(4):
        tensors |= named(f"gating.layers.{i}.", network[2 * i])
    made["armorm"] = ("gemma2-header", Gated(layers, network, lambda r: r, 10.0, scale, transform, HEADER), {"model.safetensors": tensors},
                      {"architectures": ["Gemma2ForRewardModelWithGating"], "num_objectives": 3, "gating_temperature": 10, **labels}, "f32")

    quantiles, gate, inputs = 5, [], WIDTH
    for _ in range(3):
        norm = nn.BatchNorm1d(12).eval()
        norm.weight.data, norm.bias.data = numbers(generator, 12) + 1, numbers(generator, 12)
        norm.running_mean, norm.running_var = numbers(generator, 12), numbers(generator, 12).abs() + 0.5
        gate += [linear(generator, 12, inputs, bias=False), nn.ReLU(), norm]
        inputs = 12
    network = nn.Sequential(*gate, linear(generator, 3, 12)).eval()
    layers = linear(generator, 3 * quantiles, WIDTH, bias=False)
    scale, transform = mixing(3)
    tensors = {"regression_layer.weight": layers.weight.detach(), "reward_transform_matrix": transform, "gating.logit_scale": scale,
               **named("gating.layers.", network)}
    made["qrm"] = ("gemma2-header", Gated(layers, network, lambda z: z.reshape(-1, 3, quantiles).mean(-1), 5.0, scale, transform, HEADER),
                   {"model.safetensors": tensors},
                   {"architectures": ["Gemma2ForRewardModelWithGating"], "num_objectives": 3, "num_quantiles": quantiles, "gating_temperature": 5.0}, "f32")

    layers = deep(generator, 20, 12, nn.LeakyReLU, (0, 2, 4))
    network = deep(generator, 2, 12, nn.LeakyReLU, (0, 3, 6))
    levels = torch.linspace(0, 1, 10)
    made["ldl"] = ("gemma2", Gated(layers, network, lambda z: torch.softmax(z.reshape(-1, 2, 10), -1) @ levels.to(z.dtype), 2.0),
                   {"regression_layer.pt": named("network.", layers), "gating_layer.pt": named("network.", network)},
                   {"architectures": ["LDLRewardModel27B"], "softmax": True, "temperature": 2.0}, "f32")
    return made
