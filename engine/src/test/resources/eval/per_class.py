"""Writes AP and AP50 of each class beside a case of coco_eval.py, as pycocotools computes them.

    python per_class.py DIR...
"""
import contextlib, io, json, sys
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

for folder in sys.argv[1:]:
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(f"{folder}/ground_truth.json")
        run = COCOeval(coco, coco.loadRes(f"{folder}/detections.json"), "bbox")
        run.evaluate(), run.accumulate()
    precision = run.eval["precision"][:, :, :, 0, 2]
    result = {coco.cats[category]["name"]: [float(precision[:, :, k].mean()), float(precision[0, :, k].mean())]
              for k, category in enumerate(run.params.catIds)}
    with open(f"{folder}/per_class.json", "w") as file:
        json.dump(result, file, indent=1)
