"""Makes the parity fixtures: what the reference code says of tiny random models, and their ONNX backbones."""

import contextlib
import filecmp
import json
import math
import tempfile
from pathlib import Path

import torch
import transformers
from safetensors.torch import save_file
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

import backbone_graph
import fixture_models as models
from fixture_models import END, FORMULA, PAD, REFERENCE, SEPARATOR, START, STEP
from rounding_bound import RunningError, Wide, bounds

PARITY = Path("java/text/src/test/resources/dev/gavel/text/parity")
TORCH = Path("java/core/src/test/resources/dev/gavel/checkpoint/torch-save")
TEMPLATE = "{% for message in messages %}<|start|>{{ message.role }}\n{{ message.content }}<|end|>{% endfor %}"
PROMPT = "Which planet is nearest to the sun? Answer in a word."
RESPONSES = ["Mercury.", "It is Venus, the bright one", "merkur\nin German"]
STEPS = [["Mercury is 58 million km away.", " Venus is 108.", " So Mercury."], ["Venus."]]
SPECIAL = {START: "<|start|>", END: "<|end|>", SEPARATOR: "<|resp_sep|>", STEP: "<extra_0>", PAD: "<|pad|>"}


def tokenizer_json():
    """A byte-level BPE tokenizer: the id of a token is its byte; two line ends join, as does a full stop with them."""
    printable = [b for b in range(256) if 33 <= b <= 126 or 161 <= b <= 172 or 174 <= b]
    others = iter(range(256, 512))
    letters = [chr(b) if b in printable else chr(next(others)) for b in range(256)]
    line = letters[10]
    vocabulary = {letter: b for b, letter in enumerate(letters)}
    vocabulary |= {line + line: 256, "." + line + line: 257}
    plain = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    return json.dumps({
        "version": "1.0",
        "added_tokens": [{"id": i, "content": text, **plain} for i, text in SPECIAL.items()],
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False},
        "model": {"type": "BPE", "vocab": vocabulary, "merges": [[line, line], [".", line + line]]},
    }, ensure_ascii=True)


def write(file, content):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content + "\n")


HEADED = "{% for message in messages %}<start_of_turn>{{ 'model' if message.role == 'assistant' else message.role }}\n{{ message.content }}<end_of_turn>\n{% endfor %}"


def headed_json():
    """Characters as tokens, but for the header of an answer, which has the ids of Gemma 2."""
    vocabulary = {chr(c): 108 if c == 10 else 200 + c for c in range(128)}
    vocabulary |= {"<start_of_turn>": 106, "<end_of_turn>": 107, "mo": 400, "mod": 401, "mode": 402, "model": 2516}
    plain = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    return json.dumps({
        "version": "1.0",
        "added_tokens": [{"id": vocabulary[text], "content": text, **plain} for text in ("<start_of_turn>", "<end_of_turn>")],
        "model": {"type": "BPE", "vocab": vocabulary, "merges": [["m", "o"], ["mo", "d"], ["mod", "e"], ["mode", "l"]]},
    })


class Texts:
    """Tokens of the cases, as transformers makes them."""

    def __init__(self):
        self.fast = PreTrainedTokenizerFast(
            tokenizer_object=Tokenizer.from_str(tokenizer_json()), bos_token="<|start|>", eos_token="<|end|>",
            chat_template=TEMPLATE)
        self.headed_fast = PreTrainedTokenizerFast(tokenizer_object=Tokenizer.from_str(headed_json()), chat_template=HEADED)

    def headed(self):
        """Of models whose gate looks for the header of the answer."""
        made = []
        for response in RESPONSES:
            messages = [{"role": "user", "content": PROMPT}, {"role": "assistant", "content": response}]
            ids = self.headed_fast.apply_chat_template(messages, tokenize=True, return_dict=True)["input_ids"]
            made.append((ids, [len(ids) - 1], [response]))
        return made

    def plain(self, text):
        return self.fast(text, add_special_tokens=False)["input_ids"]

    def chat(self, answer):
        messages = [{"role": "user", "content": PROMPT}, {"role": "assistant", "content": answer}]
        return self.fast.apply_chat_template(messages, tokenize=True, return_dict=True)["input_ids"]

    def sequences(self, rows, family):
        """Ids, rows that are read, and the responses of each sequence."""
        if rows == "steps":
            made = [(self.chat("".join(step + "<extra_0>" for step in steps)), steps) for steps in STEPS]
            return [(ids, [i for i, token in enumerate(ids) if token == STEP], steps) for ids, steps in made]
        if rows == "separators":
            ids = self.chat("\n\n<|resp_sep|>\n\n".join(RESPONSES))
            ends = [i - 1 for i, token in enumerate(ids) if token == SEPARATOR]
            return [(ids, ends + [len(ids) - 1], RESPONSES)]
        made = []
        for response in RESPONSES:
            if family in ("xlm-roberta", "deberta-v2", "bert"):
                middle = [END] * (2 if family == "xlm-roberta" else 1)
                ids = [START, *self.plain(PROMPT), *middle, *self.plain(response), END]
                made.append((ids, [0], [response]))
                continue
            ids = self.chat(response) + ([STEP] if rows == "appended" else [])
            made.append((ids, [len(ids) - 1], [response]))
        return made


def seeded(config, kind, dtype):
    """A model of random weights, rounded to the type they are stored in."""
    torch.manual_seed(20261129)
    config._attn_implementation = "eager"
    model = kind(config).eval()
    generator = torch.Generator().manual_seed(7)
    for parameter in model.parameters():
        if parameter.dim() == 1:
            parameter.data += 0.1 * torch.randn(parameter.shape, generator=generator)
    backbone_graph.round_weights(model, dtype)
    return model


def numbers(values, digits=9):
    if not all(map(math.isfinite, values)):
        raise SystemExit(f"the reference is {values}: a fixture of no number proves nothing")
    return [float(f"{value:.{digits}g}") for value in values]


@contextlib.contextmanager
def wide():
    """Masks take the lowest number of the default type, which must be finite: rows of padding see nothing else."""
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


def token_types(base, tokens):
    """BERT's, which tell the texts of a pair apart."""
    if base.config.model_type != "bert":
        return {}
    after = (tokens == END).cumsum(-1) - (tokens == END).long()
    return {"token_type_ids": (after > 0).long()}


def measured(base, score, ids, rows):
    """Hidden states of the rows and scores in float64, each with the bound on f32's distance from it."""
    tokens = torch.tensor([ids])
    with wide(), RunningError() as running:
        hidden = base(input_ids=tokens, **token_types(base, tokens)).last_hidden_state[0, rows]
    told = {"ids": ids, "rows": rows, "hidden": [numbers(row) for row in hidden.tolist()]}
    told["hidden_bounds"] = numbers([max(bounds(row, running.errors)) for row in hidden], 3)
    with wide(), RunningError() as running:
        scores = score(tokens).flatten()
    told["scores"] = numbers(scores.tolist())
    told["bounds"] = numbers(bounds(scores, running.errors), 3)
    return told


def padded(model, sequences):
    """What the class says of a padded batch, by side and by whether the padding token is the one that ends texts."""
    made = []
    for side in ("right", "left"):
        for pad in (PAD, END):
            length = max(len(ids) for ids, _, _ in sequences)
            ids = [row + [pad] * (length - len(row)) if side == "right" else [pad] * (length - len(row)) + row for row, _, _ in sequences]
            mask = [[1] * len(row) + [0] * (length - len(row)) for row, _, _ in sequences]
            mask = mask if side == "right" else [row[::-1] for row in mask]
            model.config.pad_token_id = pad
            with torch.no_grad(), wide(), Wide():
                scores = model(input_ids=torch.tensor(ids), attention_mask=torch.tensor(mask)).logits.flatten()
            made.append({"side": side, "pad_id": pad, "ids": ids, "mask": mask, "scores": numbers(scores.tolist())})
    model.config.pad_token_id = PAD
    return made


def configuration(config, more):
    told = config.to_diff_dict()
    for key in ("hidden_size", "max_position_embeddings", "vocab_size"):
        told[key] = getattr(config, key)
    # Kept only where the class that reads the folder needs it: nothing of this machine.
    told.pop("_name_or_path", None)
    return json.dumps({**told, **more}, indent=1, sort_keys=True)


def stored(tensors, dtype):
    return {name: (tensor.to(backbone_graph.TYPES[dtype]) if tensor.is_floating_point() else tensor).contiguous() for name, tensor in tensors.items()}


def fixture(root, name, how, kind, backbone, config, more, dtype, head, sequences, score, base, extra=None, objectives=None):
    folder = root / PARITY / "models" / name
    write(folder / "config.json", configuration(config, more))
    if name == "yojo":
        torch.save(stored(head, dtype), folder / "value_head.pt")
        write(folder / "reward_model_config.json", json.dumps({
            "value_head_type": "mlp", "value_head_hidden_dim": 24, "value_head_activation": "selu",
            "value_head_input_dim": models.WIDTH, "resp_repr_mode": "last"}))
    else:
        for file, tensors in (head if isinstance(next(iter(head.values())), dict) else {"model.safetensors": head}).items():
            if file.endswith(".pt"):
                torch.save(stored(tensors, dtype), folder / file)
            else:
                save_file(stored(tensors, dtype), str(folder / file), metadata={"format": "pt"})
    told = {"reference": how, "class": kind, "backbone": backbone, "head_type": dtype, "prompt": PROMPT, "sequences": []}
    for ids, rows, responses in sequences:
        told["sequences"].append({"responses": responses, **measured(base, score(rows), ids, rows)})
        if objectives is not None:
            with torch.no_grad(), wide(), Wide():
                told["sequences"][-1]["objectives"] = numbers(objectives(rows, torch.tensor([ids])).flatten().tolist())
    write(folder / "reference.json", json.dumps({**told, **(extra or {})}))


def make(root):
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    torch.set_num_threads(1)
    texts, built = Texts(), {}
    write(root / PARITY / "tokenizer" / "tokenizer.json", tokenizer_json())
    write(root / PARITY / "tokenizer" / "tokenizer_config.json", json.dumps({
        "bos_token": "<|start|>", "eos_token": "<|end|>", "cls_token": "<|start|>", "sep_token": "<|end|>"}))
    (root / PARITY / "tokenizer" / "chat_template.jinja").write_text(TEMPLATE)
    for name, (config, kind, dtype, block_mask) in models.BACKBONES.items():
        model = seeded(config, kind, dtype)
        (root / PARITY / "backbones").mkdir(parents=True, exist_ok=True)
        file = root / PARITY / "backbones" / f"{name}.onnx"
        graph = backbone_graph.export(model.base_model, file, dtype, block_mask)
        import export_backbone

        worst = export_backbone.check(model.base_model, graph, file)
        roots = ("model.", "gpt_neox.", "deberta.", "roberta.", "bert.")
        head = {key: tensor.detach().clone() for key, tensor in model.state_dict().items()
                if not key.startswith(roots) or key.startswith("bert.pooler.")}
        built[name] = model.double()
        if name == "gemma2-header":
            continue
        more = {"architectures": [kind.__name__], **({"pooler_hidden_act": "gelu"} if name == "deberta-v2" else {})}
        sequences = texts.sequences("last", config.model_type)
        extra = {"padded": padded(model, sequences)} if name in ("llama", "qwen2", "gemma2") else None
        if extra:
            # Where the padding token ends texts, too, the class reads the last token before it.
            sequences = sequences + [(ids[:-1], [len(ids) - 2], []) for ids, _, _ in sequences]
        fixture(root, name, REFERENCE, f"transformers.{kind.__name__}", name, config, more, dtype, head, sequences,
                lambda rows, model=model: lambda tokens: model(input_ids=tokens, **token_types(model.base_model, tokens)).logits, model.base_model, extra)
        print(f"{name}: {REFERENCE} {kind.__name__}, {dtype}, graph within {worst:.2g}")
    reranker(root, texts)
    nemotron(root, texts)
    gated(root, texts, built)
    for name, (backbone, head, tensors, more, dtype, rows) in models.formulas(torch.Generator().manual_seed(11)).items():
        config = models.BACKBONES[backbone][0]
        head.load_state_dict({"layers." + key: value for key, value in zip(head.layers.state_dict(), [
            tensor.to(backbone_graph.TYPES[dtype]) for tensor in tensors.values()])})
        base = built[backbone].base_model
        head = head.double()
        fixture(root, name, FORMULA, more["architectures"][0], backbone, config, more, dtype, tensors,
                texts.sequences(rows, config.model_type),
                lambda rows, head=head, base=base: lambda tokens: head(base(input_ids=tokens).last_hidden_state[0], rows), base)
        print(f"{name}: {FORMULA} for {more['architectures'][0]} over {backbone}, {dtype}")
    torch_files(root / TORCH)


def reranker(root, texts):
    """Qwen3-Reranker: the probability of one token against another at the last row of a language model."""
    config, _, dtype, _ = models.BACKBONES["qwen3"]
    yes, no = ord("y"), ord("n")
    kind = models.Qwen3ForCausalLM
    config.tie_word_embeddings = True
    model = seeded(config, kind, dtype)
    file = root / PARITY / "backbones" / "qwen3-reranker.onnx"
    backbone_graph.export(model.base_model, file, dtype, False)
    head = {"model.embed_tokens.weight": model.model.embed_tokens.weight.detach().clone()}
    model.double()

    def score(rows):
        return lambda tokens: torch.softmax(model(input_ids=tokens).logits[0, rows][:, [no, yes]], -1)[:, 1]

    fixture(root, "qwen3-reranker", REFERENCE, "transformers.Qwen3ForCausalLM", "qwen3-reranker", config,
            {"architectures": [kind.__name__], "tie_word_embeddings": True}, dtype, head,
            texts.sequences("last", config.model_type), score, model.base_model, {"positive": yes, "negative": no})
    config.tie_word_embeddings = False
    print(f"qwen3-reranker: {REFERENCE} {kind.__name__}, {dtype}")


def nemotron(root, texts):
    """Llama-3.1-Nemotron-70B-Reward: logit 0 of a language model at the last row."""
    config, _, dtype, _ = models.BACKBONES["llama"]
    model = seeded(config, models.LlamaForCausalLM, dtype)
    file = root / PARITY / "backbones" / "nemotron.onnx"
    backbone_graph.export(model.base_model, file, dtype, False)
    head = {"lm_head.weight": model.lm_head.weight.detach().clone()}
    model.double()
    fixture(root, "nemotron", REFERENCE, "transformers.LlamaForCausalLM", "nemotron", config,
            {"architectures": ["LlamaForCausalLM"]}, dtype, head, texts.sequences("last", config.model_type),
            lambda rows: lambda tokens: model(input_ids=tokens).logits[0, rows, 0], model.base_model)
    print(f"nemotron: {REFERENCE} LlamaForCausalLM, {dtype}")


def gated(root, texts, built):
    """ArmoRM, QRM and LDL: objectives and the gate that mixes them, by their published formulas."""
    write(root / PARITY / "tokenizer-header" / "tokenizer.json", headed_json())
    write(root / PARITY / "tokenizer-header" / "tokenizer_config.json", json.dumps({"bos_token": "<start_of_turn>", "eos_token": "<end_of_turn>"}))
    (root / PARITY / "tokenizer-header" / "chat_template.jinja").write_text(HEADED)
    for name, (backbone, head, files, more, dtype) in models.gated(torch.Generator().manual_seed(13)).items():
        config = models.BACKBONES[backbone][0]
        base = built[backbone].base_model
        head = head.double().eval()
        for constant in ("scale", "transform"):
            value = getattr(head, constant)
            setattr(head, constant, None if value is None else value.double())

        def mixed(rows, tokens, head=head, base=base):
            return head.mixed(base(input_ids=tokens).last_hidden_state[0], rows, tokens[0].tolist())

        sequences = texts.sequences("last", config.model_type) if head.header is None else texts.headed()
        fixture(root, name, FORMULA, more["architectures"][0], backbone, config, more, dtype, files, sequences,
                lambda rows, mixed=mixed: lambda tokens: mixed(rows, tokens)[0], base,
                {"tokenizer": "tokenizer" if head.header is None else "tokenizer-header"},
                lambda rows, tokens, mixed=mixed: mixed(rows, tokens)[1])
        print(f"{name}: {FORMULA} for {more['architectures'][0]} over {backbone}, {dtype}")


def torch_files(folder):
    """Files of torch.save itself: the archive form, the form before PyTorch 1.6, and tied storages."""
    folder.mkdir(parents=True, exist_ok=True)
    grid = torch.arange(24, dtype=torch.float32).reshape(4, 6) - 7.5
    half = torch.tensor([[1.5, -2.25, 3.0]], dtype=torch.bfloat16)
    state = {"score.weight": half, "bias": torch.tensor([0.5], dtype=torch.float16)}
    torch.save(state, folder / "archive.pt")
    torch.save(state, folder / "legacy.pt", _use_new_zipfile_serialization=False)
    torch.save({"tied": grid, "again": grid, "transposed": grid.t(), "row": grid[2], "column": grid[:, 1]}, folder / "tied.pt")
    module = torch.nn.Linear(3, 1).to(torch.bfloat16)
    module.weight.data, module.bias.data = half.clone(), torch.tensor([4.0], dtype=torch.bfloat16)
    # The ordered dict of a module, with its version attribute, as published .bin files have it.
    torch.save(module.state_dict(), folder / "module.bin")


def compare(root):
    """0 if the fixtures come out again with the same bytes; else says which differ."""
    with tempfile.TemporaryDirectory() as made:
        make(Path(made))
        different = 0
        for part in (PARITY, TORCH):
            new = {file.relative_to(made) for file in (Path(made) / part).rglob("*") if file.is_file()}
            old = {file.relative_to(root) for file in (root / part).rglob("*") if file.is_file()}
            for file in sorted(new | old):
                if file not in old or file not in new:
                    print(f"{file}: only {'made again' if file in new else 'in the folder'}")
                elif file.name == "legacy.pt":
                    continue  # the old form names storages by their addresses in memory
                elif not filecmp.cmp(root / file, Path(made) / file, shallow=False):
                    print(f"{file}: other bytes{difference(root / file, Path(made) / file)}")
                else:
                    continue
                different += 1
    print(f"{different} files differ" if different else "all files have the same bytes (legacy.pt, which never has, is not compared)")
    return 1 if different else 0


def difference(old, new):
    """Of two references, how far their numbers lie apart."""
    if old.name != "reference.json":
        return ""
    pairs = list(zip(flat(json.loads(old.read_text())), flat(json.loads(new.read_text()))))
    return f"; numbers differ by {max(abs(a - b) for a, b in pairs):.3g} at most"


def flat(value):
    if isinstance(value, dict):
        return [number for part in value.values() for number in flat(part)]
    if isinstance(value, list):
        return [number for part in value for number in flat(part)]
    return [value] if isinstance(value, (int, float)) else []
