"""Keeps of an output of the reference script frcnn.py what it takes to notice a fault, so that it is small enough to commit.

    PYTHONPATH=shared/oracle python slim.py IN_DIR OUT_DIR

Its settings go along, so that they stand where no weights are committed. Of every gradient each eighth element is kept. Dropped are the padded batch, the second image's anchors (the first's again) and the
trained weights after the step (the test computes them by SGD's formula); the running statistics after the step stay.
"""
import json
import os
import shutil
import sys

import stio

EACH = 8
source, target = sys.argv[1:]
os.makedirs(target, exist_ok=True)
shutil.copy(f"{source}/weights.safetensors", f"{target}/weights.safetensors")
arrays = stio.load(f"{source}/expected.safetensors")
trained = {name.removeprefix("step0.grad.") for name in arrays if name.startswith("step0.grad.")}
kept = {}
for name, value in arrays.items():
    if name.startswith("step0.grad."):
        kept[name] = value.reshape(-1)[::EACH]
    elif name not in ("eval.batch", "eval.anchors.1") and name.removeprefix("step0.after.") not in trained:
        kept[name] = value
with open(f"{source}/weights.safetensors", "rb") as file:
    settings = json.loads(file.read(int.from_bytes(file.read(8), "little")))["__metadata__"]
del settings["out"]  # a path of the machine it ran on
stio.save(f"{target}/expected.safetensors", kept, settings)
