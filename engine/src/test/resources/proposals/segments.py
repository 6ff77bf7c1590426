"""Writes what scikit-image, SciPy and OpenCV make of a small image: colours, filters, and Felzenszwalb's segments.

    PYTHONPATH=shared/oracle python segments.py segments.safetensors

Needs scikit-image 0.26 (SciPy comes with it) and opencv-python-headless; stio.py is one of the project's reference scripts.
scikit-image sorts edges by NumPy's argsort, which leaves the order of equal ones open; here it is the stable one.
"""
import sys

import cv2
import numpy as np
import scipy.ndimage as ndi
import skimage.color
import skimage.segmentation._felzenszwalb_cy as felzenszwalb
import stio

HEIGHT, WIDTH = 43, 57
CASES = [(10, 1), (50, 50), (100, 100), (300, 20)]


def image(generator):
    """Blots of colour, a ramp, noise: edges of every strength, and equal ones."""
    rgb = np.full((HEIGHT, WIDTH, 3), 120.0)
    rgb[:, :, 0] += np.linspace(0, 60, WIDTH)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    for _ in range(14):
        cy, cx, r = generator.uniform(0, HEIGHT), generator.uniform(0, WIDTH), generator.uniform(3, 11)
        rgb[(y - cy) ** 2 + (x - cx) ** 2 < r * r] = generator.uniform(0, 255, 3)
    rgb[:, WIDTH // 2:] += generator.normal(0, 9, (HEIGHT, WIDTH - WIDTH // 2, 3))
    return np.clip(np.rint(rgb), 0, 255).astype(np.uint8)


def stable(values, argsort=np.argsort):
    return argsort(values, kind="stable")


rgb = image(np.random.default_rng(6))
# and every colour of a coarse grid, as an image of one row
grid = np.stack(np.meshgrid(*[[0, 1, 30, 90, 128, 200, 254, 255]] * 3), -1).reshape(1, -1, 3).astype(np.uint8)
out = {
    "rgb": rgb,
    "grid": grid,
    "grid.hsv": (skimage.color.rgb2hsv(grid) * 255).astype(np.float32),
    "grid.lab": (skimage.color.rgb2lab(grid) * [2.55, 1, 1] + [0, 128, 128]).astype(np.float32),
    "grid.lab.opencv": cv2.cvtColor(grid, cv2.COLOR_RGB2LAB).astype(np.float32),
    "grid.intensity": cv2.cvtColor(grid, cv2.COLOR_RGB2GRAY).astype(np.float32),
    "grid.rg": (grid[..., :2] * 255.0 / np.maximum(1, grid.sum(-1, keepdims=True, dtype=int))).astype(np.float32),
}
red = rgb[:, :, 0].astype(np.float64)
out["smooth"] = ndi.gaussian_filter(red, 0.8).astype(np.float32)
out["along_x"] = ndi.gaussian_filter(red, 1, order=(0, 1)).astype(np.float32)
out["along_y"] = ndi.gaussian_filter(red, 1, order=(1, 0)).astype(np.float32)

smoothed = np.rint(16 * ndi.gaussian_filter(rgb.astype(np.float64), (0.8, 0.8, 0)))
out["smoothed"] = smoothed.transpose(2, 0, 1).astype(np.int64)
np.argsort = stable
for k, min_size in CASES:
    # scikit-image divides its scale by 255; the values are sixteenths of a grey level
    for name, channels in (("", smoothed), (".grey", smoothed[:, :, [0, 0, 0]])):
        labels = felzenszwalb._felzenszwalb_cython(channels, scale=k * 16.0 * 255, sigma=0, min_size=min_size)
        out[f"labels.{k}.{min_size}{name}"] = labels.astype(np.int64)
        print(k, min_size, name, labels.max() + 1)
stio.save(sys.argv[1], out)
