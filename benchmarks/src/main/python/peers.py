"""The other side of benchmarks/compare: torchvision and ONNX Runtime on the work that Cocoli does.

    python peers.py probe                                      what is installed, as a line of JSON
    python peers.py prepare --folder DIR                       weights and images for DIR/work.json
    python peers.py export --folder DIR                        the same detector for ONNX Runtime
    python peers.py worker --folder DIR --task T --peer P      answers requests, one per line (below)
    python peers.py detect --weights FILE --image FILE ...   one image, as a small script would do it: the cold start
    python peers.py first --onnx FILE --json FILE IMAGE...   a few images, as a small script with ONNX Runtime would do it

A worker reads words from standard input and answers each with a line of JSON on standard output: "run" does the task
once and returns the seconds; "result" returns the result of the last run; "memory" returns the peak of the process's
resident bytes; the end of the input ends the worker. Images are floats in memory before the clock starts.

The ONNX Runtime worker must never import torch, so that the measured memory is ONNX Runtime's alone.
"""
import argparse
import json
import mmap
import os
import sys
import time

try:
    import numpy as np
except ImportError:  # probe reports it
    np = None

MOMENTUM, WEIGHT_DECAY = 0.9, 1e-4  # torchvision's reference for detection
TYPES = {"F32": "<f4", "I64": "<i8", "U8": "|u1"}
EVERYTHING = 10**7  # a sampler of this size takes all candidates, so that nothing is random


def read_safetensors(path):
    """The arrays of a file, mapped, not copied."""
    with open(path, "rb") as file:
        data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))
    length = int.from_bytes(data[:8], "little")
    header = json.loads(bytes(data[8:8 + length]))
    header.pop("__metadata__", None)
    body = data[8 + length:]
    return {name: np.frombuffer(body[slice(*entry["data_offsets"])], TYPES[entry["dtype"]]).reshape(entry["shape"])
            for name, entry in header.items()}


def write_safetensors(path, arrays):
    names = {np.dtype(text): name for name, text in TYPES.items()}
    header, offset = {}, 0
    for name, array in arrays.items():
        header[name] = {"dtype": names[array.dtype], "shape": list(array.shape), "data_offsets": [offset, offset + array.nbytes]}
        offset += array.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for array in arrays.values():
            file.write(np.ascontiguousarray(array).tobytes())


def peak_bytes():
    """The peak of this program; ru_maxrss would include the program that the process ran before exec."""
    try:
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        return 0


def read_work(folder):
    with open(os.path.join(folder, "work.json")) as file:
        work = json.load(file)
    work["folder"] = folder
    return work


def build(model, classes, min_size, max_size, **options):
    """torchvision's detector; trainable batch norm, nothing frozen. The names beyond torchvision's are Cocoli's."""
    import torch
    import torchvision
    from torchvision.models.detection.backbone_utils import resnet_fpn_backbone
    detection = torchvision.models.detection
    options |= dict(num_classes=classes, min_size=min_size, max_size=max_size)
    if hasattr(detection, model):
        return getattr(detection, model)(weights=None, weights_backbone=None, **options)
    name = model.removeprefix("fasterrcnn_").removesuffix("_fpn")
    backbone = resnet_fpn_backbone(backbone_name=name, weights=None, norm_layer=torch.nn.BatchNorm2d, trainable_layers=5)
    return detection.FasterRCNN(backbone, **options)


def load(model, path):
    import torch
    model.load_state_dict({name: torch.from_numpy(array) for name, array in read_safetensors(path).items()})


def build_for(work, samplers):
    options = {}
    if samplers == "exhaustive":
        options = dict(rpn_batch_size_per_image=EVERYTHING, box_batch_size_per_image=EVERYTHING)
    model = build(work["model"], work["classes"], min(work["height"], work["width"]), max(work["height"], work["width"]), **options)
    load(model, os.path.join(work["folder"], "weights.safetensors"))
    return model


# ---- the work


def scene(height, width, generator):
    """An image with structure at every scale: sums of smoothed noise."""
    import torch
    total = torch.zeros(3, height, width)
    for cells in (2, 4, 8, 16):
        noise = torch.randn(1, 3, cells, max(1, cells * width // height), generator=generator)
        total += torch.nn.functional.interpolate(noise, (height, width), mode="bilinear", align_corners=False)[0]
    total = total / total.std() * 50 + 120
    return total.clamp(0, 255).to(torch.uint8).permute(1, 2, 0).contiguous()


def prepare(args):
    """Random weights that give usable results: every channel has a mean of zero and a variance of about one (in the spirit of Mishkin and
    Matas 2016), scores are far from saturation and from ties, and objects of many classes are found."""
    import torch
    work = read_work(args.folder)
    torch.set_num_threads(work["threads"])
    torch.manual_seed(work["seed"])
    generator = torch.Generator().manual_seed(work["seed"])
    height, width = work["height"], work["width"]
    arrays = {}
    for index in range(work["batch"]):
        arrays[f"image.{index}"] = scene(height, width, generator).numpy()
        count = 2 + index % 3
        corner = torch.rand(count, 2, generator=generator) * torch.tensor([width * 0.5, height * 0.5])
        extent = (0.15 + 0.35 * torch.rand(count, 2, generator=generator)) * torch.tensor([width, height])
        arrays[f"boxes.{index}"] = torch.cat([corner, corner + extent], 1).numpy()
        arrays[f"labels.{index}"] = torch.randint(1, work["classes"], (count,), generator=generator).numpy()
    write_safetensors(os.path.join(args.folder, "inputs.safetensors"), arrays)

    model = build(work["model"], work["classes"], min(height, width), max(height, width))
    last_norm = "bn3" if hasattr(model.backbone.body.layer1[0], "bn3") else "bn2"
    norms = [module for module in model.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    targets = {"rpn.head.cls_logits": 1.5, "rpn.head.bbox_pred": 0.3, "roi_heads.box_predictor.cls_score": 1.5,
               "roi_heads.box_predictor.bbox_pred": 1.0}
    done = set()

    def scale(name):
        def hook(module, _, output):
            if name in done:
                return None
            done.add(name)
            channels = output.dim() - 3 if output.dim() == 4 else 1
            others = [axis for axis in range(output.dim()) if axis != channels]
            mean, std = output.mean(others), output.std(others)
            factor = targets.get(name, 1.0) / std
            module.weight.mul_(factor.view(-1, *[1] * (module.weight.dim() - 1)))
            module.bias.copy_(-mean * factor)
            shape = [-1 if axis == channels else 1 for axis in range(output.dim())]
            return (output - mean.view(shape)) * factor.view(shape)
        return hook

    with torch.no_grad():
        for name, norm in [(name, norm) for name, norm in model.named_modules() if norm in norms]:
            # branches add little to the shortcuts, so that rounding errors do not grow from block to block
            scale_of_branch = 0.25 if name.endswith(last_norm) else 1.0
            norm.weight.copy_(scale_of_branch * (1 + 0.1 * torch.randn(norm.weight.shape, generator=generator)))
            norm.bias.copy_(0.1 * torch.randn(norm.bias.shape, generator=generator))
        hooks = []
        for name, module in model.named_modules():
            if isinstance(module, (torch.nn.Conv2d, torch.nn.Linear)) and not name.startswith("backbone.body"):
                module.weight.copy_(torch.randn(module.weight.shape, generator=generator))
                module.bias.zero_()
                hooks.append(module.register_forward_hook(scale(name)))
        model.eval()
        for norm in norms:  # the running statistics become those of this image
            norm.train()
            norm.momentum = 1.0
        model([floats(arrays["image.0"])])
        for hook in hooks:
            hook.remove()
        state = {name: tensor.detach().numpy() for name, tensor in model.state_dict().items()}
    write_safetensors(os.path.join(args.folder, "weights.safetensors"), state)


def floats(image):
    import torch
    return torch.from_numpy(image).permute(2, 0, 1).to(torch.float32).div(255).contiguous()


def export(args):
    import torch
    work = read_work(args.folder)
    torch.set_num_threads(work["threads"])
    model = build_for(work, "usual").eval()
    image = floats(read_safetensors(os.path.join(args.folder, "inputs.safetensors"))["image.0"])
    torch.onnx.export(model, ([image],), os.path.join(args.folder, "model.onnx"), opset_version=17, dynamo=False, input_names=["x"])


# ---- workers


class Torchvision:
    """Plain, channels-last, or bfloat16 under autocast (channels-last)."""

    def __init__(self, work, args):
        import torch
        self.torch, self.device, self.args = torch, work["device"], args
        torch.set_num_threads(work["threads"])
        torch.manual_seed(work["seed"])
        torch.backends.cudnn.allow_tf32 = False  # fp32 means fp32 on both sides; matmuls have it off by default
        self.autocast = args.peer == "torchvision-bf16"
        layout = torch.contiguous_format if args.peer == "torchvision" else torch.channels_last
        self.model = build_for(work, args.samplers).to(self.device).to(memory_format=layout)
        self.model.train(args.task == "train")
        inputs = read_safetensors(os.path.join(work["folder"], "inputs.safetensors"))
        self.images = [floats(inputs[f"image.{i}"]).to(self.device) for i in range(work["batch"])]
        self.targets = [{"boxes": torch.from_numpy(inputs[f"boxes.{i}"]).to(self.device),
                         "labels": torch.from_numpy(inputs[f"labels.{i}"]).to(self.device)} for i in range(work["batch"])]
        if args.task == "train":
            self.optimizer = torch.optim.SGD(self.model.parameters(), lr=args.learning_rate, momentum=MOMENTUM, weight_decay=WEIGHT_DECAY)

    def run(self):
        torch = self.torch
        with torch.autocast(self.device.split(":")[0], dtype=torch.bfloat16, enabled=self.autocast):
            if self.args.task == "detect":
                with torch.no_grad():
                    self.found = self.model(self.images)
                self.found = [{name: tensor.cpu() for name, tensor in one.items()} for one in self.found]
                return
            losses = self.model(self.images, self.targets)
            total = sum(losses.values())
        self.optimizer.zero_grad()
        total.backward()
        self.optimizer.step()
        self.losses = {name: float(loss.detach()) for name, loss in losses.items()}

    def result(self):
        if self.args.task == "train":
            return {"losses": self.losses}
        return {"detections": [{name: one[name].float().tolist() for name in ("boxes", "scores", "labels")} for one in self.found]}


class OnnxRuntime:
    """The exported detector, one image."""

    def __init__(self, work, args):
        import onnxruntime
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = work["threads"]
        providers = ["CPUExecutionProvider"] if work["device"] == "cpu" else ["CUDAExecutionProvider"]
        self.session = onnxruntime.InferenceSession(os.path.join(work["folder"], "model.onnx"), options, providers=providers)
        image = read_safetensors(os.path.join(work["folder"], "inputs.safetensors"))["image.0"]
        self.image = np.ascontiguousarray(image.transpose(2, 0, 1).astype(np.float32) / 255)

    def run(self):
        self.found = self.session.run(None, {"x": self.image})

    def result(self):
        names = {1: "scores", 2: "boxes"}
        found = {"labels" if array.dtype == np.int64 else names[array.ndim]: array.tolist() for array in self.found}
        return {"detections": [found]}


def worker(args):
    peer = (OnnxRuntime if args.peer == "onnxruntime" else Torchvision)(read_work(args.folder), args)
    for line in sys.stdin:
        request = line.strip()
        if request == "run":
            began = time.perf_counter()
            peer.run()
            answer = {"seconds": time.perf_counter() - began}
        elif request == "result":
            answer = peer.result()
        elif request == "memory":
            answer = {"bytes": peak_bytes()}
        else:
            sys.exit(f"unknown request {request!r}")
        print(json.dumps(answer), flush=True)


# ---- the rest


def probe(args):
    answer = {"python": sys.version.split()[0]}
    for name in ("numpy", "torch", "torchvision", "onnxruntime", "onnx", "PIL"):
        try:
            answer[name] = __import__(name).__version__
        except ImportError:
            answer[name] = None
    print(json.dumps(answer))


def detect(args):
    import torch
    from torchvision.io import read_image
    torch.set_num_threads(args.threads)
    model = build(args.model, args.classes, args.min_size, args.max_size)
    load(model, args.weights)
    model.eval()
    with torch.no_grad():
        found = model([read_image(args.image).float() / 255])[0]
    result = {name: found[name].tolist() for name in ("boxes", "scores", "labels")}
    with open(args.json, "w") as file:
        json.dump({"detections": [result]}, file)


def first(args):
    import onnxruntime
    from PIL import Image
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = args.threads
    session = onnxruntime.InferenceSession(args.onnx, options, providers=["CPUExecutionProvider"])
    results = []
    for path in args.images:
        with Image.open(path) as file:
            pixels = np.asarray(file.convert("RGB"))
        image = np.ascontiguousarray(pixels.transpose(2, 0, 1).astype(np.float32) / 255)
        names = {1: "scores", 2: "boxes"}
        results.append({"labels" if array.dtype == np.int64 else names[array.ndim]: array.tolist()
                        for array in session.run(None, {"x": image})})
    with open(args.json, "w") as file:
        json.dump({"detections": results}, file)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    commands.add_parser("probe").set_defaults(do=probe)
    for name, do in (("prepare", prepare), ("export", export)):
        command = commands.add_parser(name)
        command.add_argument("--folder", required=True)
        command.set_defaults(do=do)
    command = commands.add_parser("worker")
    command.add_argument("--folder", required=True)
    command.add_argument("--task", required=True, choices=["detect", "train"])
    command.add_argument("--peer", required=True, choices=["torchvision", "torchvision-channels-last", "torchvision-bf16", "onnxruntime"])
    command.add_argument("--samplers", default="usual", choices=["usual", "exhaustive"])
    command.add_argument("--learning-rate", type=float, default=1e-4)
    command.set_defaults(do=worker)
    command = commands.add_parser("detect")
    for name in ("--weights", "--image", "--model", "--json"):
        command.add_argument(name, required=True)
    for name in ("--classes", "--min-size", "--max-size", "--threads"):
        command.add_argument(name, required=True, type=int)
    command.set_defaults(do=detect)
    command = commands.add_parser("first")
    for name in ("--onnx", "--json"):
        command.add_argument(name, required=True)
    command.add_argument("--threads", required=True, type=int)
    command.add_argument("images", nargs="+")
    command.set_defaults(do=first)
    args = parser.parse_args()
    args.do(args)


if __name__ == "__main__":
    main()
