# Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
"""The part of gavel.h that the GPU comparison calls, through ctypes: it must run in the peer's own process, on the peer's tensors.

Struct layouts are compared with the library when it is loaded (gavel_struct_size), so a header that has moved on is refused by name.
`python3 gavel_abi.py LIBGAVEL` does only that.
"""
import ctypes as c
import sys

ABI_VERSION = 3
F32, F16, BF16, I64, U8 = 1, 2, 3, 5, 6
CPU, CUDA = 1, 2
LINEAR, MLP = 1, 2
IDENTITY, SILU = 0, 8
NO_NORM, RMS_NORM = 0, 1
OUTPUT_BIAS, HIDDEN_BIAS = 2, 1
INDEX, SPAN_MEAN = 1, 3
BRADLEY_TERRY, CROSS_ENTROPY, PLACKETT_LUCE = 1, 2, 3
FAST = 1
MEAN_VALID = 1
SIZES = {F32: 4, F16: 2, BF16: 2, I64: 8, U8: 1}


class Error(c.Structure):
    _fields_ = [("struct_size", c.c_uint32), ("status", c.c_int32), ("vendor_code", c.c_int32), ("reserved", c.c_uint32),
                ("operation", c.c_char * 48), ("message", c.c_char * 448)]


class Tensor(c.Structure):
    _fields_ = [("struct_size", c.c_uint32), ("dtype", c.c_int32), ("device_type", c.c_int32), ("device_id", c.c_int32),
                ("rank", c.c_int32), ("reserved", c.c_uint32), ("shape", c.c_int64 * 4), ("stride", c.c_int64 * 4),
                ("data", c.c_void_p), ("byte_length", c.c_int64)]


class ContextOptions(c.Structure):
    _fields_ = [("struct_size", c.c_uint32), ("device_type", c.c_int32), ("device_id", c.c_int32), ("threads", c.c_int32),
                ("instruction_set", c.c_int32), ("reserved", c.c_uint32), ("mode", c.c_int32), ("reserved2", c.c_uint32),
                ("cublaslt", c.c_char_p)]


class HeadSpec(c.Structure):
    _fields_ = [("struct_size", c.c_uint32), ("kind", c.c_int32), ("dtype", c.c_int32), ("activation", c.c_int32),
                ("norm", c.c_int32), ("flags", c.c_uint32), ("norm_epsilon", c.c_float), ("output_scale", c.c_float),
                ("negative_slope", c.c_float), ("hidden_layers", c.c_int32), ("input_width", c.c_int64),
                ("output_width", c.c_int64), ("hidden_width", c.c_int64 * 8), ("experts", c.c_int64)]


class LossArgs(c.Structure):
    _fields_ = [("struct_size", c.c_uint32), ("kind", c.c_int32), ("reduction", c.c_int32), ("reserved", c.c_uint32)] + [
        (name, c.c_float) for name in ("weight", "beta", "margin", "label_smoothing", "center", "tie", "temperature")] + [
        ("reserved2", c.c_uint32)] + [(name, Tensor) for name in (
            "scores", "mask", "pairs", "tie_mask", "offsets", "target_index", "target_weights", "weight_values", "beta_values",
            "margin_values", "label_smoothing_values", "center_values", "tie_values", "temperature_values", "item_loss", "loss",
            "dscore", "counts")] + [("stream", c.c_void_p)] + [
        (name, c.c_float) for name in ("zeta", "positive_weight", "quantile")] + [
        ("reserved3", c.c_uint32), ("top_k", c.c_int64), ("classes", c.c_int64)] + [(name, Tensor) for name in (
            "zeta_values", "positive_weight_values", "quantile_values", "ranks", "labels", "targets", "admissible")]


# What readouts are told; the same fields in the arguments of scores and of gradients.
READOUT = [("readout_width", c.c_int64), ("readout_class", c.c_int32), ("readout_statistic", c.c_int32),
           ("readout_objectives", c.c_int32), ("gate_form", c.c_int32), ("gate_temperature", c.c_float),
           ("gate_scale", c.c_float), ("readout_levels", Tensor), ("readout_weights", Tensor), ("gate_transform", Tensor),
           ("gate", c.c_void_p), ("gate_index", Tensor)]


class ScoreArgs(c.Structure):
    _fields_ = [("struct_size", c.c_uint32), ("pooling", c.c_int32), ("combine", c.c_int32), ("readout", c.c_int32),
                ("readout_mean", c.c_float), ("readout_deviation", c.c_float), ("reserved", c.c_uint32),
                ("reserved2", c.c_uint32)] + [(name, Tensor) for name in (
                    "hidden", "first", "last", "scores", "logits", "vectors", "preactivations", "counts")] + [
                    ("stream", c.c_void_p)] + READOUT + [(name, Tensor) for name in (
                        "objectives", "gate_weights", "gate_logits", "gate_preactivations")]


class BackwardArgs(c.Structure):
    _fields_ = [("struct_size", c.c_uint32), ("pooling", c.c_int32), ("combine", c.c_int32), ("readout", c.c_int32),
                ("readout_mean", c.c_float), ("readout_deviation", c.c_float), ("accumulate", c.c_int32),
                ("reserved", c.c_uint32)] + [(name, Tensor) for name in (
                    "hidden", "first", "last", "scores", "preactivations", "dscore", "dvectors")] + [
                    ("stream", c.c_void_p)] + READOUT + [(name, Tensor) for name in (
                        "logits", "gate_logits", "gate_preactivations", "dgate_vectors", "dgate_scale")] + [
                    ("gate_gradients", c.c_void_p), ("gate_gradient_count", c.c_int32), ("reserved2", c.c_uint32)]


class OptimizerOptions(c.Structure):
    _fields_ = [("struct_size", c.c_uint32)] + [(name, c.c_float) for name in (
        "learning_rate", "beta1", "beta2", "epsilon", "matrix_weight_decay", "vector_weight_decay")] + [("reserved", c.c_uint32)]


# GAVEL_STRUCT_* of gavel.h.
STRUCTS = {1: Error, 2: Tensor, 3: ContextOptions, 5: HeadSpec, 7: ScoreArgs, 8: LossArgs, 9: BackwardArgs, 11: OptimizerOptions}


def sized(kind, **fields):
    """A struct with its struct_size set, and that of the tensors in it: those that are not given are absent."""
    made = kind()
    made.struct_size = c.sizeof(kind)
    for name, field in kind._fields_:
        if field is Tensor:
            getattr(made, name).struct_size = c.sizeof(Tensor)
    for name, value in fields.items():
        setattr(made, name, value)
    return made


class GavelError(RuntimeError):
    pass


class Gavel:
    """libgavel.so. Every call raises GavelError with the library's own message."""

    def __init__(self, path):
        self.library = c.CDLL(path)
        found = self.library.gavel_abi_version()
        if found != ABI_VERSION:
            raise GavelError(f"{path} has ABI version {found}; this file was written for {ABI_VERSION}")
        self.library.gavel_struct_size.restype = c.c_int64
        for identifier, kind in STRUCTS.items():
            size = self.library.gavel_struct_size(identifier)
            if size != c.sizeof(kind):
                raise GavelError(f"{kind.__name__} has {c.sizeof(kind)} bytes here, {size} in {path}")
        for name in ("context", "head", "stream", "optimizer"):
            getattr(self.library, f"gavel_{name}_destroy").argtypes = [c.c_void_p]
            getattr(self.library, f"gavel_{name}_destroy").restype = None

    def call(self, name, *arguments):
        error = sized(Error)
        status = getattr(self.library, name)(*arguments, c.byref(error))
        if status != 0:
            raise GavelError(f"{name}: {error.message.decode()} (status {status}, vendor code {error.vendor_code})")

    def bound(self, name, *arguments):
        """The same call again and again, its arguments prepared once: what a caller in C or Java pays, not what Python does."""
        error = sized(Error)
        function = getattr(self.library, name)
        arguments = (*arguments, c.byref(error))

        def run():
            if function(*arguments) != 0:
                raise GavelError(f"{name}: {error.message.decode()}")

        return run

    def create(self, name, *arguments):
        handle = c.c_void_p()
        self.call(name, *arguments, c.byref(handle))
        return handle


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python3 gavel_abi.py LIBGAVEL")
    Gavel(sys.argv[1])
    print(f"{len(STRUCTS)} structs agree with {sys.argv[1]}")
