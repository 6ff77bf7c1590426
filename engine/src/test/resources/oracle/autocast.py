"""Runs a model of the reference script frcnn.py once more under torch's autocast to bfloat16, channels-last: features, losses and every
eighth element of each gradient, to compare a mixed-precision implementation with.

    python autocast.py FOLDER...      (each as slim.py left it; needs frcnn.py and stio.py of the reference scripts on PYTHONPATH)
"""
import argparse
import sys

import torch

import frcnn
import stio

EACH = 8
for folder in sys.argv[1:]:
    weights, expected = ({name: torch.from_numpy(array.copy()) for name, array in stio.load(f"{folder}/{file}.safetensors").items()}
                         for file in ("weights", "expected"))
    norm = "batch" if any("num_batches_tracked" in name for name in weights) else "frozen"
    model = frcnn.build(argparse.Namespace(backbone="tiny", norm=norm, classes=4, min_size=64, max_size=96, score=0.05))
    model.load_state_dict(weights)
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
