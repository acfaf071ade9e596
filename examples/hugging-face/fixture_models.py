"""
The models of the parity fixtures: tiny, random, and scored as the published models are.

REFERENCE CLASS: the score is what transformers' own class returns.
FORMULA: the published class is code of its model's folder, which is not run; its head is written again here, from
the formulas its authors publish, over a backbone that is transformers' own.
"""

import torch
from torch import nn
from transformers import (
    DebertaV2Config, DebertaV2ForSequenceClassification, Gemma2Config, Gemma2ForSequenceClassification, GPTNeoXConfig,
    GPTNeoXForSequenceClassification, GPTNeoXModel, LlamaConfig, LlamaForSequenceClassification, LlamaModel,
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
