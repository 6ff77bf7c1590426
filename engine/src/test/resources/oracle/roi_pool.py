"""Writes a case of torchvision's RoIPool whose regions leave the image, are turned around, touch a half pixel, or are tiny.

    PYTHONPATH=shared/oracle python roi_pool.py --out roi_pool.safetensors
"""
import argparse, json
import torch
import torchvision
import stio

parser = argparse.ArgumentParser()
parser.add_argument("--out", required=True)
args = parser.parse_args()
g = torch.Generator().manual_seed(0)
x = torch.randn(2, 4, 10, 13, generator=g).requires_grad_()
rois = torch.tensor([[0, -20, -20, 5, 5], [0, 150, 100, 400, 300], [1, 0, 0, 207, 159], [1, 300, 10, 400, 20], [0, 60, 60, 20, 20],
                     [1, 8, 24, 40, 56], [0, 30, 30, 30.1, 30.1], [1, -8, -24, 72, 88], [0, 3, 100, 200, 101]], dtype=torch.float)
y = torchvision.ops.roi_pool(x, rois, (3, 3), 1 / 16)
seed = torch.randn(y.shape, generator=g)
(y * seed).sum().backward()
stio.save(args.out, {"edge.in.x": x.detach(), "edge.in.rois": rois, "edge.out.y": y.detach(), "edge.seed": seed, "edge.grad.x": x.grad},
          {"edge": json.dumps({"output": 3, "spatial_scale": 1 / 16}), "torchvision": torchvision.__version__})
