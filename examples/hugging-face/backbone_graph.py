"""A Hugging Face backbone as the ONNX graph that Gavel reads (docs/export-backbone.md)."""

import warnings
from pathlib import Path

import numpy
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

# Families whose forward takes a ready 4-D mask, as read in transformers 5.18.
DECODERS = ("llama", "mistral", "qwen2", "qwen3", "gemma", "gemma2", "gpt_neox")
ENCODERS = ("bert", "roberta", "xlm-roberta", "deberta-v2")
TYPES = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}
STORED = {"f16": TensorProto.FLOAT16, "bf16": TensorProto.BFLOAT16}


def is_decoder(config):
    """Whether a row sees only rows before it. Refuses families this script does not know."""
    if config.model_type in DECODERS:
        return True
    if config.model_type in ENCODERS:
        return False
    raise SystemExit(
        f"model_type is {config.model_type}; this script exports {', '.join(DECODERS + ENCODERS)}. "
        "Masks and positions of another family must be read in its modelling code first."
    )


def refuse_two_rotations(config):
    """
    Refuses LongRoPE where it has two sets of rotary frequencies: the model turns to the second in sequences longer than
    those it was first trained on, and a traced graph would keep the first. Dynamic scaling begins above
    max_position_embeddings, where Gavel's context ends.
    """
    rope = getattr(config, "rope_parameters", None) or {}
    first = rope.get("original_max_position_embeddings", config.max_position_embeddings)
    if rope.get("rope_type") == "longrope" and first < config.max_position_embeddings:
        raise SystemExit(
            f"the rotary frequencies (longrope) are others above {first} tokens, and a graph has one set; "
            f"to score sequences of up to {first} tokens, set max_position_embeddings in config.json to {first}"
        )


class Graph(torch.nn.Module):
    """A backbone under the inputs of the ONNX graph. Masks are built here, so that one mask serves every family."""

    def __init__(self, backbone, block_mask):
        super().__init__()
        self.backbone = backbone
        self.block_mask = block_mask
        self.decoder = is_decoder(backbone.config)
        refuse_two_rotations(backbone.config)
        if block_mask and backbone.config.model_type == "deberta-v2":
            raise SystemExit("DeBERTa counts distances between rows inside its layers: positions cannot be restarted")

    def inputs(self):
        names = ["input_ids"]
        names += ["block_mask", "position_ids"] if self.block_mask else ["attention_mask"]
        return names + (["token_type_ids"] if self.backbone.config.model_type == "bert" else [])

    def forward(self, *given):
        fed = dict(zip(self.inputs(), given))
        ids = fed["input_ids"]
        config = self.backbone.config
        if config.model_type == "deberta-v2":
            return self.backbone(input_ids=ids, attention_mask=fed["attention_mask"]).last_hidden_state
        rows = torch.arange(ids.shape[1], device=ids.device).unsqueeze(0)
        positions = fed.get("position_ids", rows.expand(ids.shape[0], -1))
        if self.block_mask:
            sees = fed["block_mask"]
        else:
            sees = fed["attention_mask"].bool()[:, None, None, :].expand(-1, 1, ids.shape[1], -1)
            if self.decoder:
                sees = sees & (rows[:, None, None, :] <= rows[:, None, :, None])
        mask = additive(sees)
        window = getattr(config, "sliding_window", None)
        if self.decoder and window is not None:
            # By positions, not rows: behind a shared prompt rows of one response lie far apart in the sequence.
            near = positions[:, None, :, None] - positions[:, None, None, :] < window
            mask = {"full_attention": mask, "sliding_attention": additive(sees & near)}
            if config.model_type == "mistral":
                mask = mask["sliding_attention"]
        elif config.model_type in ("qwen2", "qwen3"):
            mask = {"full_attention": mask}
        more = {"use_cache": False} if self.decoder else {}
        if config.model_type in ("roberta", "xlm-roberta"):
            positions = positions + config.pad_token_id + 1
        if "token_type_ids" in fed:
            more["token_type_ids"] = fed["token_type_ids"]
        return self.backbone(input_ids=ids, attention_mask=mask, position_ids=positions, **more).last_hidden_state


def additive(sees):
    """0 where a row sees another and the lowest f32 elsewhere, as eager attention adds it."""
    lowest = torch.full((), torch.finfo(torch.float32).min)
    return torch.where(sees, torch.zeros(()), lowest).to(torch.get_default_dtype())


def sample(graph, batch, tokens, seed):
    """Inputs of the graph for sequences without padding."""
    generator = torch.Generator().manual_seed(seed)
    made = {
        "input_ids": torch.randint(3, graph.backbone.config.vocab_size, (batch, tokens), generator=generator),
        "attention_mask": torch.ones(batch, tokens, dtype=torch.long),
        "token_type_ids": torch.zeros(batch, tokens, dtype=torch.long),
        "position_ids": torch.arange(tokens).repeat(batch, 1),
        "block_mask": torch.ones(batch, 1, tokens, tokens, dtype=torch.bool),
    }
    if graph.decoder:
        made["block_mask"] = made["block_mask"].tril()
    return {name: made[name] for name in graph.inputs()}


def round_weights(backbone, dtype):
    """Rounds every parameter to a type and widens it again: what a model stored in that type computes with."""
    for parameter in backbone.parameters():
        parameter.data = parameter.data.to(TYPES[dtype]).to(torch.float32)


def export(backbone, file, dtype="f32", block_mask=False):
    """
    Writes the graph. Weights are stored in `dtype`, to which they must be rounded already; arithmetic is f32
    whatever the type, since ONNX Runtime has no bf16 kernels and few f16 ones on the CPU.
    """
    # All of it: tracing puts back the mode it finds outside, and would switch the backbone's dropout on.
    graph = Graph(backbone, block_mask).eval()
    example = sample(graph, 2, 5, 1)
    axes = {name: {0: "batch", 1: "tokens"} for name in graph.inputs()}
    if block_mask:
        axes["block_mask"] = {0: "batch", 2: "tokens", 3: "tokens"}
    axes["last_hidden_state"] = {0: "batch", 1: "tokens"}
    with torch.no_grad(), warnings.catch_warnings():
        # The tracing exporter needs no package beside torch; what it may get wrong, check() finds.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            graph, tuple(example.values()), str(file), dynamo=False, opset_version=17,
            input_names=graph.inputs(), output_names=["last_hidden_state"], dynamic_axes=axes,
        )
    model = onnx.load(str(file))
    remove_side_files(model, Path(file))
    shorten_names(model.graph)
    narrow(model.graph, dtype)
    for key, value in {
        "gavel.attention": "causal" if graph.decoder else "bidirectional",
        "gavel.weights": dtype,
        "gavel.model_type": backbone.config.model_type,
    }.items():
        model.metadata_props.add(key=key, value=value)
    # A protobuf message ends at 2^31 bytes.
    large = sum(len(tensor.raw_data) for tensor in model.graph.initializer) > 1 << 30
    data = Path(file).name + ".data"
    onnx.save(model, str(file), save_as_external_data=large, location=data if large else None)
    return graph


def remove_side_files(model, file):
    """Deletes the files that tracing wrote weights to, one each, now that they are loaded."""
    for tensor in model.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                (file.parent / entry.value).unlink(missing_ok=True)


def shorten_names(graph):
    """Numbers in the place of traced names, which are a third of a small graph."""
    kept = {value.name for value in list(graph.input) + list(graph.output)}
    short = {}

    def name(old):
        if old in kept or old == "":
            return old
        return short.setdefault(old, f"t{len(short)}")

    def rename(part):
        for value in list(part.input) + list(part.output) + list(part.initializer):
            value.name = name(value.name)
        for node in part.node:
            node.name = ""
            node.doc_string = ""
            node.input[:] = [name(old) for old in node.input]
            node.output[:] = [name(old) for old in node.output]
            for attribute in node.attribute:
                if attribute.HasField("g"):
                    rename(attribute.g)
        del part.value_info[:]

    rename(graph)


def narrow(graph, dtype):
    """Stores in `dtype` every f32 initialiser that loses nothing by it, widened again by a Cast."""
    if dtype == "f32":
        return
    casts = []
    for tensor in graph.initializer:
        if tensor.data_type != TensorProto.FLOAT:
            continue
        wide = torch.from_numpy(numpy_helper.to_array(tensor).copy())
        stored = wide.to(TYPES[dtype])
        if wide.numel() < 8 or not torch.equal(stored.to(torch.float32), wide):
            continue
        used = tensor.name
        tensor.name = used + "n"
        tensor.data_type = STORED[dtype]
        tensor.raw_data = stored.view(torch.int16).numpy().astype(numpy.int16).tobytes()
        casts.append(helper.make_node("Cast", [tensor.name], [used], to=TensorProto.FLOAT))
    for node in reversed(casts):
        graph.node.insert(0, node)
