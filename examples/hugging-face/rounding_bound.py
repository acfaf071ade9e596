"""
How far f32 arithmetic may take a result from the exact one: a first-order running error analysis.

Every operation of a float64 forward gets a bound on the rounding error that an f32 machine may make in it, whatever
its order of summation: gamma(n) * sum |a||b| for sums of n terms, two units per elementary operation (one is for a constant in it). Its effect on a
result is |d result / d output of the operation|, by autograd. The bound is the sum over all operations. Functions
that libraries approximate (exp, tanh, erf, sin, ...) are granted 8 units of the larger of 1 and their value.
An operation that is not in the lists below is an error, so that none is forgotten.
"""

import torch
from torch.overrides import TorchFunctionMode

UNIT = 2.0**-24

# Copies, indices and integers: nothing is rounded.
EXACT = set("""
__getitem__ view reshape transpose permute contiguous expand unsqueeze squeeze cat chunk split size dim to float type_as
type embedding masked_fill where gather repeat_interleave repeat clone detach dropout neg __neg__ ones zeros full arange
abs max min argmax bool long int finfo expand_as stack flatten is_floating_point numel __len__ item __bool__ lt le gt ge
eq ne __and__ __or__ __invert__ __lt__ __le__ __gt__ __ge__ __eq__ __ne__ bitwise_and bitwise_or sign ceil floor log
__get__ __set__ __index__ __contains__ masked_fill_ zeros_like ones_like full_like new_ones new_zeros result_type t relu
__format__ __repr__ tolist is_complex requires_grad_ narrow select tensor size_hint unbind __rsub__ __int__ double half
broadcast_tensors expand_dims leaky_relu unflatten
""".split())
ONE = set("""
add sub mul div __add__ __radd__ __iadd__ __sub__ __mul__ __rmul__ __imul__ __truediv__ __rtruediv__ true_divide add_
mul_ sub_ div_ sqrt rsqrt reciprocal rdiv __rdiv__
""".split())
APPROXIMATED = set("cos sin exp tanh sigmoid silu gelu selu pow __pow__ erf".split())
PRODUCTS = set("linear matmul bmm __matmul__ addmm baddbmm".split())


def gamma(n):
    return n * UNIT / (1 - n * UNIT)


class Wide(TorchFunctionMode):
    """Keeps in float64 what modelling code asks for in f32: norms, softmax, rotary angles."""

    def __torch_function__(self, function, types, arguments=(), named=None):
        if function.__name__ == "float":
            return arguments[0].double()
        return function(*map(widened, arguments), **{key: widened(value) for key, value in (named or {}).items()})


def widened(value):
    return torch.float64 if value is torch.float32 else value


class RunningError(Wide):
    """Collects, for every operation that rounds, a zero added to its output and the bound on what it may be."""

    def __init__(self):
        super().__init__()
        self.errors = []

    def __torch_function__(self, function, types, arguments=(), named=None):
        named = named or {}
        # Rotary embeddings are made without gradients; their roundings count, too.
        with torch.enable_grad():
            out = super().__torch_function__(function, types, arguments, named)
        if not isinstance(out, torch.Tensor) or not out.dtype.is_floating_point:
            return out
        name = function.__name__
        if name in EXACT:
            return out
        with torch.no_grad(), torch._C.DisableTorchFunction():
            bound = self.bound(name, out, arguments, named)
        zero = torch.zeros_like(out, requires_grad=True)
        self.errors.append((zero, bound))
        with torch.enable_grad(), torch._C.DisableTorchFunction():
            return out + zero

    @staticmethod
    def bound(name, out, arguments, named):
        if name in ONE:
            return out.abs() * (2 * UNIT)
        if name in APPROXIMATED:
            return 8 * UNIT * out.abs().clamp(min=1)
        if name in PRODUCTS:
            a, b = arguments[0], arguments[1]
            terms = a.shape[-1]
            if name == "linear":
                bias = arguments[2] if len(arguments) > 2 else named.get("bias")
                sizes = a.abs() @ b.abs().T
                return gamma(terms + 1) * (sizes if bias is None else sizes + bias.abs())
            return gamma(terms) * (a.abs() @ b.abs())
        if name == "mean":
            axis = arguments[1] if len(arguments) > 1 else named["dim"]
            return gamma(arguments[0].shape[-1] + 1) * arguments[0].abs().mean(axis, keepdim=out.dim() == arguments[0].dim())
        if name == "sum":
            axis = arguments[1] if len(arguments) > 1 else named.get("dim", -1)
            return gamma(arguments[0].shape[axis] + 1) * arguments[0].abs().sum(axis, keepdim=out.dim() == arguments[0].dim())
        if name == "softmax":
            x = arguments[0]
            # exp of a difference, a sum, a quotient; the difference is rounded at its own size.
            reach = (x - x.amax(-1, keepdim=True)).clamp(min=-104).abs()
            return out * UNIT * (reach + 2 * x.shape[-1] + 12 + (out * reach).sum(-1, keepdim=True))
        if name == "layer_norm":
            x, n = arguments[0], arguments[0].shape[-1]
            weight = arguments[2] if len(arguments) > 2 else named.get("weight")
            deviation = x.var(-1, unbiased=False, keepdim=True).sqrt()
            sizes = (x.abs() + x.abs().mean(-1, keepdim=True)) / deviation
            return gamma(2 * n + 8) * (sizes * weight.abs()) + 2 * UNIT * out.abs()
        if name == "batch_norm":
            x, mean, variance = arguments[:3]
            weight, bias, eps = named["weight"], named["bias"], named["eps"]
            # Readers may fold it into the next layer, which then sums its parts and not their difference.
            scale = (weight / (variance + eps).sqrt()).abs()
            return gamma(x.shape[-1] + 8) * ((x.abs() + mean.abs()) * scale + bias.abs())
        raise SystemExit(f"no bound is known for the operation {name}; add it to rounding_bound.py")


def bounds(results, errors):
    """For every number of a flat tensor of results, how far f32 arithmetic may take it."""
    zeros = [zero for zero, _ in errors]
    total = []
    for result in results:
        slopes = torch.autograd.grad(result, zeros, retain_graph=True, allow_unused=True)
        total.append(sum((slope.abs() * bound).sum().item() for slope, (_, bound) in zip(slopes, errors) if slope is not None))
    return total
