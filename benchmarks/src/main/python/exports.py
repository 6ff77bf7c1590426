#!/usr/bin/env python3
"""Times Cocoli's ONNX model beside torchvision's own export of the same detector, in turn, in ONNX Runtime.

    exports.py prepare --folder DIR [--model NAME] [--threads N]        weights, an image of 800 x 1088, torchvision's export
    cocoli export --weights DIR/weights.safetensors --model NAME --classes 90 --out DIR/cocoli.onnx
    exports.py time --folder DIR [--runs N]

Needs torch, torchvision, onnx and onnxruntime.
"""
import argparse
import json
import os
import statistics
import time

import peers

FILES = {"cocoli": "cocoli.onnx", "torchvision": "model.onnx"}


def prepare(args):
    os.makedirs(args.folder, exist_ok=True)
    work = dict(model=args.model, classes=91, height=800, width=1088, batch=1, seed=1, threads=args.threads, device="cpu")
    with open(os.path.join(args.folder, "work.json"), "w") as file:
        json.dump(work, file)
    peers.prepare(args)
    peers.export(args)


def iou(a, b):
    low, high = peers.np.maximum(a[:2], b[:, :2]), peers.np.minimum(a[2:], b[:, 2:])
    common = peers.np.clip(high - low, 0, None).prod(1)
    return common / ((a[2:] - a[:2]).prod() + (b[:, 2:] - b[:, :2]).prod(1) - common)


def agreement(one, other):
    """The number of boxes that are in both: the same label, IoU 0.98, scores within 1e-3."""
    same = 0
    for box, label, score in zip(*one):
        same += ((iou(box, other[0]) >= 0.98) & (other[1] == label) & (abs(other[2] - score) <= 1e-3)).any()
    return same


def run(session, image):
    outputs = session.run(None, {session.get_inputs()[0].name: image})
    names = {1: "scores", 2: "boxes"}
    found = {"labels" if array.dtype == peers.np.int64 else names[array.ndim]: array for array in outputs}
    return found["boxes"], found["labels"], found["scores"]


def measure(args):
    import onnx
    import onnxruntime
    work = peers.read_work(args.folder)
    pixels = peers.read_safetensors(os.path.join(args.folder, "inputs.safetensors"))["image.0"]
    image = peers.np.ascontiguousarray(pixels.transpose(2, 0, 1).astype(peers.np.float32) / 255)
    sessions, seconds, found = {}, {}, {}
    for name, file in FILES.items():
        path = os.path.join(args.folder, file)
        onnx.checker.check_model(path, full_check=name == "cocoli")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = work["threads"]
        sessions[name] = onnxruntime.InferenceSession(path, options)
        seconds[name] = []
        found[name] = run(sessions[name], image)
    for _ in range(args.runs):
        for name, session in sessions.items():
            began = time.perf_counter()
            run(session, image)
            seconds[name].append(time.perf_counter() - began)
    for name in FILES:
        print(f"{name:12} median {statistics.median(seconds[name]):.3f} s, least {min(seconds[name]):.3f} s, {len(found[name][2])} boxes")
    ratios = [ours / theirs for ours, theirs in zip(seconds["cocoli"], seconds["torchvision"])]
    print(f"ratio of medians {statistics.median(seconds['cocoli']) / statistics.median(seconds['torchvision']):.3f}, "
          f"median of ratios {statistics.median(ratios):.3f}")
    print(f"{agreement(found['cocoli'], found['torchvision'])} of {len(found['torchvision'][2])} boxes agree")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("prepare")
    command.add_argument("--folder", required=True)
    command.add_argument("--model", default="fasterrcnn_resnet50_fpn")
    command.add_argument("--threads", type=int, default=2)
    command.set_defaults(do=prepare)
    command = commands.add_parser("time")
    command.add_argument("--folder", required=True)
    command.add_argument("--runs", type=int, default=15)
    command.set_defaults(do=measure)
    args = parser.parse_args()
    args.do(args)


if __name__ == "__main__":
    main()
