"""Writes small files of torch.save with torchvision's keys, for DocumentsRunTest.

python make.py WEIGHTS.safetensors, where WEIGHTS are those of a fasterrcnn_tiny_fpn
(engine/src/test/resources/oracle/frcnn-tiny-batch-0/weights.safetensors.gz, unpacked). Values repeat, so that the
files compress well.
"""
import gzip, io, json, sys
import torch

CLASSES = 91


def shapes(name):
    with open(name, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    return {key: entry["shape"] for key, entry in sorted(header.items()) if key != "__metadata__"}


def repeated(shape, scale):
    count = int(torch.Size(shape).numel())
    return (torch.sin(torch.arange(count) % 61 * 12.9898) * scale).reshape(shape).contiguous()


def fill(key, shape):
    if key.endswith("num_batches_tracked"):
        return torch.zeros((), dtype=torch.int64)
    if key.endswith("running_var") or ".bn" in key and key.endswith("weight") or key.endswith("downsample.1.weight"):
        return torch.ones(shape)
    if "box_predictor" in key:
        shape[0] = CLASSES if "cls_score" in key else 4 * CLASSES
    return repeated(shape, 0.1 if len(shape) > 1 else 0.01)


def save(name, entries):
    buffer = io.BytesIO()
    torch.save(entries, buffer)
    with open(name, "wb") as file, gzip.GzipFile(fileobj=file, mode="wb", mtime=0, compresslevel=9) as packed:
        packed.write(buffer.getvalue())


weights = {key: fill(key, shape) for key, shape in shapes(sys.argv[1]).items()}
save("detector.pth.gz", weights)
body = "backbone.body."
classifier = {key[len(body):]: tensor for key, tensor in weights.items() if key.startswith(body)}
last = next(reversed([tensor for tensor in classifier.values() if tensor.dim() == 4]))
classifier["fc.weight"] = repeated([10, last.shape[0]], 0.1)
classifier["fc.bias"] = torch.zeros(10)
save("classifier.pth.gz", classifier)
