"""Writes larger cases of the region primitives, as torchvision computes them.

    PYTHONPATH=shared/oracle python regions.py --out regions.safetensors --seed 0

Each case holds CASE.in.*, CASE.out.* and CASE.grad.*; its parameters stand in the metadata under CASE.
"""
import argparse, json
from collections import OrderedDict
import torch
import torchvision
from torchvision.models.detection._utils import BoxCoder, Matcher
from torchvision.models.detection.roi_heads import RoIHeads, fastrcnn_loss
from torchvision.models.detection.transform import GeneralizedRCNNTransform
from torchvision.ops import MultiScaleRoIAlign, boxes as box_ops
import stio


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", required=True)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    g = torch.Generator().manual_seed(args.seed)
    out, meta = {}, {}

    def rand(*shape):
        return torch.randn(shape, generator=g)

    def uniform(*shape):
        return torch.rand(shape, generator=g)

    def boxes(count, width, height, largest):
        size = torch.exp(uniform(count, 2) * torch.log(torch.tensor(float(largest)))) + 0.5
        a = uniform(count, 2) * torch.tensor([float(width), float(height)])
        return box_ops.clip_boxes_to_image(torch.cat([a, a + size], 1), (height, width))

    def put(case, part, tensors):
        out.update({f"{case}.{part}.{k}": v.detach() for k, v in tensors.items()})

    # a pyramid: every level is used, both images, boxes from less than a pixel to the whole image
    maps = [rand(2, 3, -(-128 // s), -(-160 // s)).requires_grad_() for s in (4, 8, 16, 32)]
    lists = [torch.cat([boxes(20, 160, 128, 150), torch.tensor([[0.0, 0.0, 160.0, 128.0]])]), boxes(12, 160, 128, 60)]
    pooler = MultiScaleRoIAlign(["0", "1", "2", "3"], 7, 2, canonical_scale=32)
    y = pooler(OrderedDict((str(i), m) for i, m in enumerate(maps)), lists, [(128, 160)] * 2)
    seed = rand(*y.shape)
    (y * seed).sum().backward()
    put("pyramid", "in", {f"map{i}": m for i, m in enumerate(maps)} | {"rois": torch.cat([torch.cat([torch.full((len(b), 1), float(i)), b], 1) for i, b in enumerate(lists)])})
    put("pyramid", "out", {"y": y})
    put("pyramid", "grad", {f"map{i}": m.grad for i, m in enumerate(maps)})
    out["pyramid.seed"] = seed
    meta["pyramid"] = {"output": 7, "sampling_ratio": 2, "scales": pooler.scales, "canonical_scale": 32, "canonical_level": 4}

    # clustered boxes in groups, some scores equal, through the path that offsets no box
    centres = boxes(60, 300, 200, 80)
    clustered = (centres[torch.randint(0, 60, (1200,), generator=g)] + rand(1200, 4) * 3)
    clustered = torch.cat([clustered[:, :2], torch.maximum(clustered[:, 2:], clustered[:, :2] + 1)], 1)
    scores = (uniform(1200) * 400).round() / 400
    groups = torch.randint(0, 5, (1200,), generator=g)
    keep = torch.zeros(1200, dtype=torch.bool)
    for group in range(5):
        members = torch.where(groups == group)[0]
        order = torch.sort(scores[members], descending=True, stable=True)[1]
        kept = torchvision.ops.nms(clustered[members][order], torch.arange(len(members), 0, -1).float(), 0.5)
        keep[members[order[kept]]] = True
    keep = torch.where(keep)[0]
    put("nms", "in", {"boxes": clustered, "scores": scores, "groups": groups})
    put("nms", "out", {"y": keep[torch.sort(scores[keep], descending=True, stable=True)[1]]})
    meta["nms"] = {"iou": 0.5}

    # objects that nest and repeat, one of which no anchor overlaps well
    anchors = boxes(1500, 300, 200, 120)
    truth = torch.cat([boxes(9, 300, 200, 150), anchors[7:8], anchors[7:8], torch.tensor([[150.0, 100.0, 150.5, 199.0]])])
    for name, high, low, allow in (("rpn", 0.7, 0.3, True), ("box", 0.5, 0.5, False), ("gap", 0.6, 0.2, False)):
        put(f"match.{name}", "out", {"y": Matcher(high, low, allow)(box_ops.box_iou(truth, anchors))})
        meta[f"match.{name}"] = {"high": high, "low": low, "allow_low_quality": allow}
    put("match", "in", {"anchors": anchors, "truth": truth})

    # deltas that blow a box up, shrink it to nothing, push it out of the image
    anchors = boxes(300, 160, 128, 100)
    deltas, logits = rand(300, 4) * torch.tensor([1.0, 1.0, 2.5, 2.5]), rand(300) * 3
    decoded = box_ops.clip_boxes_to_image(BoxCoder((1.0, 1.0, 1.0, 1.0)).decode_single(deltas, anchors), (120, 150))
    probabilities = torch.sigmoid(logits)
    kept = torch.zeros(300, dtype=torch.bool)
    kept[box_ops.remove_small_boxes(decoded, 4.0)] = True
    kept &= probabilities >= 0.1
    put("proposals", "in", {"anchors": anchors, "deltas": deltas, "logits": logits})
    put("proposals", "out", {"boxes": decoded, "scores": torch.where(kept, probabilities, torch.tensor(-1.0))})
    meta["proposals"] = {"image": [120, 150], "min_size": 4.0, "min_score": 0.1}

    # what a box head says about two images to the detections
    head = RoIHeads(None, None, None, 0.5, 0.5, 512, 0.25, None, 0.05, 0.5, 30)
    lists = [boxes(60, 160, 128, 100), boxes(40, 150, 110, 100)]
    logits, deltas = rand(100, 6) * 2, rand(100, 24)
    found = head.postprocess_detections(logits, deltas, lists, [(128, 160), (110, 150)])
    put("detections", "in", {"logits": logits, "deltas": deltas, "rois0": lists[0], "rois1": lists[1]})
    for image in range(2):
        put("detections", "out", {f"{k}{image}": v[image] for k, v in zip(("boxes", "scores", "labels"), found)})
    meta["detections"] = {"images": [[128, 160], [110, 150]], "score": 0.05, "nms": 0.5, "per_image": 30, "min_size": 1e-2}

    # the box head's losses
    logits, deltas, targets = (rand(90, 6) * 3).requires_grad_(), rand(90, 24).requires_grad_(), rand(90, 4)
    labels = torch.where(uniform(90) < 0.5, 0, torch.randint(1, 6, (90,), generator=g))
    classifier, box = fastrcnn_loss(logits, deltas, [labels], [targets])
    (classifier + box).backward()
    put("box_losses", "in", {"logits": logits, "deltas": deltas, "labels": labels, "targets": targets})
    put("box_losses", "out", {"classifier": classifier[None], "box": box[None]})
    put("box_losses", "grad", {"logits": logits.grad, "deltas": deltas.grad})

    # images: enlarged, reduced, as they are
    mean, std = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    for name, height, width, smallest, largest in (("larger", 19, 26, 30, 60), ("smaller", 70, 53, 24, 31), ("same", 20, 30, 20, 400)):
        picture = torch.randint(0, 256, (height, width, 3), generator=g).to(torch.uint8)
        transform = GeneralizedRCNNTransform(smallest, largest, mean, std).eval()
        images, _ = transform([picture.permute(2, 0, 1).float() / 255])
        put(f"picture.{name}", "in", {"x": picture})
        put(f"picture.{name}", "out", {"y": images.tensors})
        meta[f"picture.{name}"] = {"size": list(images.image_sizes[0]), "mean": mean, "std": std}

    # three clipped steps
    parameter = rand(600).requires_grad_()
    optimizer = torch.optim.SGD([parameter], lr=0.1, momentum=0.9, weight_decay=1e-2)
    put("sgd", "in", {"parameter": parameter.clone()})
    for step in range(3):
        parameter.grad = rand(600)
        put("sgd", "in", {f"gradient{step}": parameter.grad.clone()})
        torch.nn.utils.clip_grad_norm_([parameter], 20.0)
        optimizer.step()
        put("sgd", "out", {f"clipped{step}": parameter.grad.clone(), f"parameter{step}": parameter.clone()})
    meta["sgd"] = {"lr": 0.1, "momentum": 0.9, "weight_decay": 1e-2, "max_norm": 20.0}

    stio.save(args.out, out, {k: json.dumps(v) for k, v in meta.items()} | {"torch": torch.__version__, "torchvision": torchvision.__version__, "seed": args.seed})


if __name__ == "__main__":
    main()
