"""
Exports the backbone of a Hugging Face model to the ONNX form that Gavel reads, or makes the parity fixtures.

    python export_backbone.py export FOLDER --output DIR [--weights f32|f16|bf16] [--block-mask] [--vocabulary-rows]
    python export_backbone.py fixtures CHECKOUT
    python export_backbone.py compare CHECKOUT
    python export_backbone.py measure

docs/export-backbone.md describes all four. Needs requirements.txt. No code of the model's folder is run.
"""

import argparse
import json
import shutil
import sys
from pathlib import Path

import onnxruntime
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModel, AutoTokenizer

import backbone_graph
import shared_prompt

# Relative size of the difference of a row, |ours - theirs| / |theirs|, that a check lets pass. Rounding alone makes
# some 1e-6 in a few layers and 1e-5 in eighty; a wrong mask, position or weight makes 1e-2 and more.
TOLERANCE = 1e-4
# Tensors with these prefixes are the backbone's, as in dev.gavel.checkpoint.Backbone; the exceptions are BERT's head.
ROOTS = ("model.", "transformer.", "gpt_neox.", "bert.", "deberta.", "roberta.", "language_model.", "embeddings.",
         "encoder.", "embed_tokens.", "embed_in.", "embed_out.", "layers.", "norm.", "rotary_emb.", "lm_head.")
HEADS = ("bert.pooler.",)
VOCABULARY = ("lm_head.weight", "lm_head.bias", "model.embed_tokens.weight")
TOKENIZER = ("tokenizer.json", "tokenizer_config.json")
SIDE_FILES = ("value_head.safetensors", "value_head.bin", "value_head.pt", "reward_model_config.json",
              "regression_layer.pt", "gating_layer.pt", "chat_template.jinja")


def check(backbone, graph, file, lengths=(1, 2, 7, 33)):
    """Runs the graph and the model's own forward on the same tokens; the largest relative difference of a row."""
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    worst = 0.0
    most = getattr(backbone.config, "max_position_embeddings", max(lengths))
    for tokens in [n for n in lengths if n <= most]:
        fed = backbone_graph.sample(graph, 2, tokens, tokens)
        ours = torch.from_numpy(session.run(None, {name: value.numpy() for name, value in fed.items()})[0])
        with torch.no_grad():
            theirs = backbone(input_ids=fed["input_ids"], attention_mask=torch.ones_like(fed["input_ids"])).last_hidden_state
        difference = (ours - theirs).norm(dim=-1) / theirs.norm(dim=-1)
        worst = max(worst, difference.max().item())
    if not worst <= TOLERANCE:
        raise SystemExit(f"{file}: a row differs from the model's own forward by {worst:.3g} of its size, more than {TOLERANCE}; the graph is not usable")
    return worst


def head_tensors(folder, vocabulary_rows):
    """Every tensor of a folder that is not the backbone's, as it is stored."""
    files = sorted(folder.glob("*.safetensors"))
    files = [file for file in files if file.name != "value_head.safetensors"]
    head = {}
    for file in files:
        with safe_open(str(file), framework="pt") as tensors:
            for name in tensors.keys():
                rows = vocabulary_rows and name in VOCABULARY
                if rows or name.startswith(HEADS) or not name.startswith(ROOTS):
                    head[name] = tensors.get_tensor(name)
    if not files:
        for file in sorted(folder.glob("pytorch_model*.bin")):
            state = torch.load(file, map_location="cpu", weights_only=True, mmap=True)
            for name, tensor in state.items():
                rows = vocabulary_rows and name in VOCABULARY
                if rows or name.startswith(HEADS) or not name.startswith(ROOTS):
                    head[name] = tensor.clone()
    return head


def export(arguments):
    folder, output = Path(arguments.folder), Path(arguments.output)
    if not (folder / "config.json").is_file():
        raise SystemExit(f"{folder} has no config.json; it must be the folder of a Hugging Face model")
    if output.exists() and any(output.iterdir()):
        raise SystemExit(f"{output} is not empty; name a new folder")
    # AutoModel takes the base model out of a classifier or language model, whatever head it has.
    config = AutoConfig.from_pretrained(folder)
    backbone_graph.is_decoder(config)
    backbone_graph.refuse_two_rotations(config)
    backbone, found = AutoModel.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager", output_loading_info=True)
    missing = [name for name in found["missing_keys"] if not name.startswith("pooler.")]
    if missing:
        raise SystemExit(f"{folder} has no weights for {', '.join(sorted(missing)[:5])}, ...; they would be random")
    output.mkdir(parents=True, exist_ok=True)
    backbone_graph.round_weights(backbone, arguments.weights)
    file = output / "model.onnx"
    graph = backbone_graph.export(backbone, file, arguments.weights, arguments.block_mask)
    worst = check(backbone, graph, file)
    print(f"{file}: {config.model_type}, H = {config.hidden_size}, weights stored in {arguments.weights}, "
          f"arithmetic f32, inputs {', '.join(graph.inputs())}")
    print(f"{file}: checked against the forward of {type(backbone).__name__} on 1 to 33 tokens: "
          f"rows differ by {worst:.2g} of their size at most")
    shutil.copy(folder / "config.json", output)
    copied = ["config.json"]
    for name in SIDE_FILES + (TOKENIZER if (folder / TOKENIZER[0]).is_file() else ()):
        if (folder / name).is_file():
            shutil.copy(folder / name, output)
            copied.append(name)
    if TOKENIZER[0] not in copied:
        AutoTokenizer.from_pretrained(folder).save_pretrained(output)
        print(f"{output}: tokenizer converted by transformers, since the folder has no tokenizer.json")
    head = head_tensors(folder, arguments.vocabulary_rows)
    if head:
        save_file(head, str(output / "model.safetensors"), metadata={"format": "pt"})
        described = ", ".join(f"{name} {str(t.dtype).removeprefix('torch.')}{list(t.shape)}" for name, t in sorted(head.items()))
        print(f"{output / 'model.safetensors'}: head tensors as they are: {described}")
    print(f"{output}: copied {', '.join(copied)}")
    if not head and not any(name.startswith(("value_head", "regression")) for name in copied):
        print(f"{output}: the folder has no tensors beside the backbone's; for a model scored by rows of its vocabulary add --vocabulary-rows")
    if "chat_template.jinja" not in copied and graph.decoder:
        template = (output / "tokenizer_config.json").is_file() and "chat_template" in json.loads((output / "tokenizer_config.json").read_text())
        print(f"{output}: chat template {'in tokenizer_config.json' if template else 'missing: Gavel needs one for this model'}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    exporting = commands.add_parser("export", help="a model's folder to a folder that Gavel scores with")
    exporting.add_argument("folder")
    exporting.add_argument("--output", required=True)
    exporting.add_argument("--weights", choices=list(backbone_graph.TYPES), default="f32", help="stored type; arithmetic is f32")
    exporting.add_argument("--block-mask", action="store_true", help="inputs block_mask and position_ids, with which responses share their prompt")
    exporting.add_argument("--vocabulary-rows", action="store_true", help="keep lm_head or tied embeddings, whose rows are the head")
    exporting.set_defaults(run=export)
    making = commands.add_parser("fixtures", help="the parity fixtures of the tests, into a checkout")
    making.add_argument("folder", help="root of a checkout")
    making.set_defaults(run=lambda given: fixtures().make(Path(given.folder)))
    comparing = commands.add_parser("compare", help="makes the fixtures again and says what differs from a folder")
    comparing.add_argument("folder")
    comparing.set_defaults(run=lambda given: sys.exit(fixtures().compare(Path(given.folder))))
    measuring = commands.add_parser("measure", help="what a shared prompt saves, on a random Llama of H = 512")
    measuring.add_argument("--responses", type=int, default=8)
    measuring.add_argument("--prompt-tokens", type=int, default=200)
    measuring.add_argument("--response-tokens", type=int, default=32)
    measuring.set_defaults(run=lambda given: shared_prompt.measure(given.responses, given.prompt_tokens, given.response_tokens))
    given = parser.parse_args()
    given.run(given)


def fixtures():
    import fixtures as made

    return made


if __name__ == "__main__":
    main()
