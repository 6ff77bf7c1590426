"""Runs torchvision's Faster R-CNN in the first paper's form over a narrow VGG-16 (one map of stride 16, RoIPool, fc6 and fc7, anchors of
several sizes), and its box head on given regions, which is Fast R-CNN. Same names of arrays as frcnn.py.

    PYTHONPATH=shared/oracle python vgg.py --out frcnn-tinyvgg-0

Weights are a hash of their key and index, which the test computes too, so that none are committed. Every eighth element of a gradient is
kept."""
import argparse, json, os, zlib
import numpy as np
import torch
from torch import nn
import torchvision
from torchvision.models.detection import FasterRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.ops import roi_pool
import stio

WIDTHS = (4, 8, 16, 32, 32)
SETTINGS = dict(model="fasterrcnn_tinyvgg", norm="frozen", classes=4, min_size=96, max_size=128, score=0.05, rpn_post_nms_top_n_test=12)
EACH = 8


def vgg_cfg(widths):
    return [v for width, count in zip(widths, (2, 2, 3, 3, 3)) for v in [width] * count + ["M"]]


class OneMap(nn.Module):
    """torchvision's own layers, under torchvision's own keys: features.N."""
    def __init__(self, features, channels):
        super().__init__()
        self.features = features[:-1]
        self.out_channels = channels

    def forward(self, x):
        return self.features(x)


class RoiPool(nn.Module):
    """RoIPool where torchvision has MultiScaleRoIAlign."""
    def forward(self, maps, boxes, image_shapes):
        return roi_pool(maps["0"], boxes, (7, 7), 1 / 16)


def hashed(name, count):
    """Uniform numbers of variance 1: SplitMix64's finaliser over the key's CRC and the index."""
    z = (np.uint64(zlib.crc32(name.encode())) << np.uint64(32)) + np.arange(count, dtype=np.uint64)
    z = (z + np.uint64(0x9E3779B97F4A7C15))
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return ((z >> np.uint64(40)).astype(np.float64) / 2 ** 24 * 2 - 1) * np.sqrt(3.0)


def fill(model):
    with torch.no_grad():
        for name, tensor in list(model.named_parameters()) + list(model.named_buffers()):
            values = hashed(name, tensor.numel())
            if name.endswith("running_var"):
                values = 2 + 0.1 * values
            elif name.endswith("weight") and (".bn" in name or "downsample.1" in name):
                values = 1 + 0.1 * values
            elif tensor.dim() == 1:
                values = 0.1 * values
            else:
                values = values * {"rpn.head.bbox_pred.weight": 0.3, "roi_heads.box_predictor.bbox_pred.weight": 0.3}.get(name, 1.4) / np.sqrt(tensor[0].numel())
            tensor.copy_(torch.from_numpy(values.astype(np.float32)).reshape(tensor.shape))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", required=True)
    args = parser.parse_args()
    torch.manual_seed(0)
    g = torch.Generator().manual_seed(0)
    backbone = OneMap(torchvision.models.vgg.make_layers(vgg_cfg(WIDTHS)), WIDTHS[-1])
    model = FasterRCNN(backbone, None, rpn_anchor_generator=AnchorGenerator(((16, 32, 64),), ((0.5, 1.0, 2.0),)),
                       box_head=TwoMLPHead(WIDTHS[-1] * 49, 32), box_predictor=FastRCNNPredictor(32, SETTINGS["classes"]),
                       rpn_batch_size_per_image=10**7, box_batch_size_per_image=10**7, min_size=SETTINGS["min_size"],
                       max_size=SETTINGS["max_size"], box_score_thresh=SETTINGS["score"],
                       # RoIPool sees neighbours alike; with few proposals no two scores are equal, whose order torch leaves open
                       rpn_post_nms_top_n_test=SETTINGS["rpn_post_nms_top_n_test"])
    model.roi_heads.box_roi_pool = RoiPool()  # the constructor insists on RoIAlign
    fill(model)
    out, images, targets, given = {}, [], [], []
    for index, (height, width) in enumerate(((30, 40), (36, 30))):
        count = 1 + index
        corner = torch.rand(count, 2, generator=g) * torch.tensor([width * 0.5, height * 0.5])
        extent = (0.2 + 0.3 * torch.rand(count, 2, generator=g)) * torch.tensor([width, height])
        images.append(torch.rand(3, height, width, generator=g))
        targets.append({"boxes": torch.cat([corner, corner + extent], 1), "labels": torch.randint(1, 4, (count,), generator=g)})
        start = torch.rand(20 - 3 * index, 2, generator=g) * torch.tensor([width * 0.6, height * 0.6])
        near = targets[-1]["boxes"].repeat(4, 1) + torch.rand(4 * count, 4, generator=g) * 2 - 1
        size = 2 + torch.rand(len(start), 2, generator=g) * torch.tensor([width * 0.4 - 3, height * 0.4 - 3])
        boxes = torch.cat([torch.cat([start, start + size], 1), near])
        given.append(torchvision.ops.clip_boxes_to_image(boxes, (height, width)))
        out |= {f"image.{index}": images[-1], f"boxes.{index}": targets[-1]["boxes"], f"labels.{index}": targets[-1]["labels"],
                f"given.{index}": given[-1]}

    model.eval()
    with torch.no_grad():
        resized, _ = model.transform([i.clone() for i in images])
        feature = model.backbone(resized.tensors)
        out["eval.feature.0"] = feature
        features = {"0": feature}
        out["eval.anchors.0"] = model.rpn.anchor_generator(resized, [feature])[0]
        out |= {f"eval.proposals.{i}": p for i, p in enumerate(model.rpn(resized, features)[0])}
        for index, found in enumerate(model([i.clone() for i in images])):
            out |= {f"eval.detections.{index}.{k}": v for k, v in found.items()}

    def scaled(boxes, index):
        height, width = images[index].shape[1:]
        new_height, new_width = resized.image_sizes[index]
        return boxes * torch.tensor([new_width / width, new_height / height] * 2)

    regions = [scaled(b, i) for i, b in enumerate(given)]
    with torch.no_grad():
        found, _ = model.roi_heads(features, regions, resized.image_sizes)
        found = model.transform.postprocess(found, resized.image_sizes, [tuple(i.shape[1:]) for i in images])
        for index, one in enumerate(found):
            out |= {f"fast.detections.{index}.{k}": v for k, v in one.items()}
    model.train()
    _, losses = model.roi_heads({"0": model.backbone(resized.tensors)}, regions, resized.image_sizes,
                                [{"boxes": scaled(t["boxes"], i), "labels": t["labels"]} for i, t in enumerate(targets)])
    model.zero_grad()
    sum(losses.values()).backward()
    out |= {f"fast.{k}": v.detach() for k, v in losses.items()}
    out |= {f"fast.grad.{n}": p.grad.reshape(-1)[::64] for n, p in model.named_parameters() if p.grad is not None}

    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-4)
    for step in range(3):
        losses = model([i.clone() for i in images], [{k: v.clone() for k, v in t.items()} for t in targets])
        optimizer.zero_grad()
        sum(losses.values()).backward()
        out |= {f"step{step}.{k}": v.detach() for k, v in losses.items()}
        if step == 0:
            out |= {f"step0.grad.{n}": p.grad.reshape(-1)[::EACH].clone() for n, p in model.named_parameters()}
        optimizer.step()
    os.makedirs(args.out, exist_ok=True)
    stio.save(f"{args.out}/expected.safetensors", out, {k: str(v) for k, v in SETTINGS.items()} | {"torchvision": torchvision.__version__})
    print({k: round(float(v), 4) for k, v in out.items() if "loss" in k}, [len(out[f"eval.detections.{i}.boxes"]) for i in (0, 1)], [len(out[f"fast.detections.{i}.boxes"]) for i in (0, 1)])


if __name__ == "__main__":
    main()
