"""Writes a region of an image warped by torch, bilinearly, with what is around it: the places between pixels that lie inside the image.

    PYTHONPATH=shared/oracle python warp.py --out warp.safetensors
"""
import argparse
import torch
import torch.nn.functional as F
import stio

parser = argparse.ArgumentParser()
parser.add_argument("--out", required=True)
args = parser.parse_args()
g = torch.Generator().manual_seed(0)
SIZE, CONTEXT, HEIGHT, WIDTH = 32, 4, 30, 40
picture = torch.randint(0, 256, (HEIGHT, WIDTH, 3), generator=g).to(torch.uint8)
x1, y1, x2, y2 = 11.0, 8.0, 26.0, 19.0
share = CONTEXT / (SIZE - 2 * CONTEXT)  # so that the region itself fills SIZE - 2 CONTEXT pixels of the warped image
left, top = x1 - share * (x2 - x1), y1 - share * (y2 - y1)
width, height = (1 + 2 * share) * (x2 - x1), (1 + 2 * share) * (y2 - y1)
image = (picture.permute(2, 0, 1).float() / 255 - torch.tensor([0.485, 0.456, 0.406])[:, None, None]) / torch.tensor([0.229, 0.224, 0.225])[:, None, None]
at = (torch.arange(SIZE) + 0.5) / SIZE
x, y = (left + at * width) / WIDTH * 2 - 1, (top + at * height) / HEIGHT * 2 - 1
grid = torch.stack([x[None, :].expand(SIZE, SIZE), y[:, None].expand(SIZE, SIZE)], 2)
warped = F.grid_sample(image[None], grid[None], mode="bilinear", align_corners=False)[0]
# the same by cropping and resizing, where crop and warp fall on whole pixels
whole = F.interpolate(image[None, :, 8:19, 11:26], (SIZE, SIZE), mode="bilinear", align_corners=False)[0]
stio.save(args.out, {"picture": picture, "region": torch.tensor([x1, y1, x2, y2]), "with_context": warped, "without": whole})
