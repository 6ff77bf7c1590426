"""Runs a model of the reference script frcnn.py once more under torch's autocast to bfloat16, channels-last: features, losses and every
eighth element of each gradient, to compare a mixed-precision implementation with.

    PYTHONPATH=shared/oracle python autocast.py FOLDER...      (each as slim.py left it, with or without weights)
"""
import argparse
import json
import os
import sys

import torch

import frcnn
import stio
import vgg

EACH = 8


def tensors(file):
    return {name: torch.from_numpy(array.copy()) for name, array in stio.load(file).items()}


for folder in sys.argv[1:]:
    with open(f"{folder}/expected.safetensors", "rb") as file:
        settings = json.loads(file.read(int.from_bytes(file.read(8), "little")))["__metadata__"]
    expected = tensors(f"{folder}/expected.safetensors")
    model = frcnn.build(argparse.Namespace(backbone=settings["backbone"], norm=settings["norm"], classes=int(settings["classes"]),
                                           min_size=int(settings["min_size"]), max_size=int(settings["max_size"]), score=float(settings["score"])))
    if os.path.exists(f"{folder}/weights.safetensors"):
        model.load_state_dict(tensors(f"{folder}/weights.safetensors"))
    else:
        vgg.fill(model)
    model.to(memory_format=torch.channels_last)
    count = sum(name.startswith("image.") for name in expected)
    images = [expected[f"image.{i}"] for i in range(count)]
    targets = [{"boxes": expected[f"boxes.{i}"], "labels": expected[f"labels.{i}"]} for i in range(count)]
    out = {}
    with torch.autocast("cpu", dtype=torch.bfloat16):
        model.eval()
        with torch.no_grad():
            batch, _ = model.transform(images)
            out |= {f"eval.feature.{k}": v.float().contiguous() for k, v in model.backbone(batch.tensors).items()}
        model.train()
        losses = model([image.clone() for image in images], targets)
    sum(losses.values()).backward()
    out |= {f"step0.{k}": v.detach().float() for k, v in losses.items()}
    out |= {f"step0.grad.{n}": p.grad.contiguous().reshape(-1)[::EACH] for n, p in model.named_parameters() if p.grad is not None}
    stio.save(f"{folder}/autocast.safetensors", out, {"torch": torch.__version__})
    far = {k: float((v - expected[k]).norm() / expected[k].norm()) for k, v in out.items()}
    print(folder, {k: round(v, 4) for k, v in far.items() if "grad" not in k}, "worst gradient", max((v, k) for k, v in far.items() if "grad" in k))
