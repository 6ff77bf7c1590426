"""Writes small weights files as torch makes them, for the readers' tests.

    python make.py files && gzip -9n files/*

Every file has the same module's state: a pyramid and an RPN head of torchvision's and a batch norm. F32.safetensors and
so on have it as plain arrays, by the independent writer below.
"""
import argparse
import collections
import json
import os
import struct
import sys
import warnings

import numpy as np
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel
from torchvision.models.detection.rpn import RPNHead
from torchvision.ops import FeaturePyramidNetwork

NAMES = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.float64: "F64", torch.int64: "I64"}


def module():
    result = nn.Module()
    result.fpn = FeaturePyramidNetwork([2, 3], 2)
    result.head = RPNHead(2, 3)
    result.norm = nn.BatchNorm2d(2)
    generator = torch.Generator().manual_seed(11)
    with torch.no_grad():
        for tensor in list(result.parameters()) + list(result.buffers()):
            if tensor.is_floating_point():
                tensor.copy_(torch.randn(tensor.shape, generator=generator))
        result.norm.num_batches_tracked.fill_(5)
    return result


def safetensors(path, state):
    header, blobs, at = {}, [], 0
    for name, tensor in state.items():
        blob = tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
        header[name] = {"dtype": NAMES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [at, at + len(blob)]}
        blobs.append(blob)
        at += len(blob)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def old(name):
    for new, before in ((".0.weight", ".weight"), (".0.bias", ".bias")):
        if name.startswith("fpn."):
            name = name.replace(new, before)
    return name.replace("head.conv.0.0.", "head.conv.")


class Wrapped(nn.Module):
    """As Lightning's modules have the network under a name of their own."""

    def __init__(self, model):
        super().__init__()
        self.model = model


def forms(model):
    state = model.state_dict()
    other = {name: tensor + 1 for name, tensor in state.items()}
    yield "plain", state
    for type_ in (torch.float16, torch.bfloat16, torch.float64):
        yield NAMES[type_].lower(), {n: t.to(type_) if t.is_floating_point() else t for n, t in state.items()}
    for place in ("model", "state_dict", "model_state_dict", "model_ema", "teacher"):
        yield "in_" + place, {"epoch": 3, place: state, "loss": torch.tensor(0.5), "best": 0.25, "names": ["a", "b"], "none": None}
    yield "ema_and_model", {"model": other, "model_ema": state}
    yield "nested", {"state_dict": {"model": state}}
    yield "wrapped_module", nn.DataParallel(model).state_dict()
    yield "wrapped_model", Wrapped(model).state_dict()
    yield "wrapped_compiled", {"_orig_mod." + n: t for n, t in state.items()}
    yield "wrapped_twice", {"module._orig_mod." + n: t for n, t in state.items()}
    yield "wrapped_part", {n.replace("fpn.", "fpn._orig_mod."): t for n, t in state.items()}
    yield "averaged", {"model_ema": AveragedModel(model).state_dict()}
    yield "old_names", {old(n): t for n, t in state.items()}
    yield "old_names_wrapped", {"module." + old(n): t for n, t in state.items()}
    yield "parameters", dict(state, **dict(model.named_parameters()))
    flat = torch.cat([t.reshape(-1) for t in state.values() if t.is_floating_point()])
    views, at = collections.OrderedDict(), 0
    for name, tensor in state.items():
        if tensor.is_floating_point():
            views[name] = flat[at:at + tensor.numel()].view(tensor.shape)
            at += tensor.numel()
        else:
            views[name] = tensor
    yield "one_storage", views
    turned = {}
    for name, tensor in state.items():
        axes = tuple(reversed(range(tensor.dim())))
        turned[name] = tensor.permute(axes).contiguous().permute(axes) if axes else tensor
    yield "permuted", turned
    yield "channels_last", {n: t.to(memory_format=torch.channels_last) if t.dim() == 4 else t for n, t in state.items()}
    sliced = {n: torch.stack([t, t + 1], -1)[..., 0] if t.dim() else t for n, t in state.items()}
    yield "sliced", sliced
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    before = {n: t.clone() for n, t in state.items()}
    optimizer.step()
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, [8, 11])
    yield "reference_script", {"model": before, "optimizer": optimizer.state_dict(), "lr_scheduler": scheduler.state_dict(),
                               "args": argparse.Namespace(lr=0.02, data_path="coco", amp=False), "epoch": 3}
    model.load_state_dict(before)


class Evil:
    def __reduce__(self):
        return os.system, ("touch pwned",)


def main():
    warnings.simplefilter("ignore")
    folder = sys.argv[1]
    os.makedirs(folder, exist_ok=True)
    model = module()
    state = {n: t.clone() for n, t in model.state_dict().items()}
    for type_ in (torch.float32, torch.float16, torch.bfloat16, torch.float64):
        safetensors(f"{folder}/{NAMES[type_]}.safetensors", {n: t.to(type_) if t.is_floating_point() else t for n, t in state.items()})

    def save(value, name, stream=True):
        torch.save(value, f"{folder}/{name}.zip.pth")
        if stream:
            torch.save(value, f"{folder}/{name}.stream.pth", _use_new_zipfile_serialization=False)

    for name, value in forms(model):
        save(value, "read_" + name)
    torch.serialization.set_crc32_options(False)
    save(state, "read_without_sums", stream=False)
    torch.serialization.set_crc32_options(True)

    # tensors that no model has
    odd = {"empty": torch.zeros(0, 3), "scalar": torch.tensor(2.5), "one": torch.ones(1, 1, 1), "bool": torch.tensor([True, False]),
           "i32": torch.arange(3, dtype=torch.int32), "i16": torch.arange(3, dtype=torch.int16), "i8": torch.arange(-1, 2, dtype=torch.int8),
           "u8": torch.arange(3, dtype=torch.uint8), "expanded": torch.tensor([1.5]).expand(2, 3), "step": torch.arange(10.0)[1:9:3]}
    save(odd, "odd")
    save(dict(odd, u16=torch.tensor([1, 65535], dtype=torch.uint16), f8=torch.ones(2).to(torch.float8_e4m3fn)), "odd_young", stream=False)

    # what is refused
    save({"weights": state, "note": Evil()}, "refused_call")
    save(model, "refused_model", stream=False)  # the stream has the source of torch in it
    save({"a": torch.eye(2).to_sparse(), "b": torch.ones(1)}, "refused_sparse", stream=False)
    save({"a": torch.ones(2, dtype=torch.complex64), "b": torch.ones(1)}, "refused_complex", stream=False)
    save({"net": state, "epoch": 1}, "refused_place")
    save([torch.ones(1)], "refused_list")
    torch.jit.save(torch.jit.trace(nn.Linear(2, 2), torch.ones(1, 2)), f"{folder}/refused_script.zip.pth")
    torch.export.save(torch.export.export(nn.Linear(2, 2), (torch.ones(1, 2),)), f"{folder}/refused_export.pt2")
    np.savez(f"{folder}/refused_arrays.npz", a=np.ones(2, np.float32))
    np.save(f"{folder}/refused_array.npy", np.ones(2, np.float32))
    import onnx
    value = onnx.helper.make_tensor_value_info("x", 1, [1])
    node = onnx.helper.make_node("Identity", ["x"], ["y"])
    graph = onnx.helper.make_graph([node], "g", [value], [onnx.helper.make_tensor_value_info("y", 1, [1])])
    onnx.save(onnx.helper.make_model(graph), f"{folder}/refused_model.onnx")


if __name__ == "__main__":
    main()
