#!/usr/bin/env python3
"""Predicts how data-parallel training scales: docs/multi-gpu.md has the model and what it leaves out.

    scaling.py [--step SECONDS] [--backward SHARE] [--bf16]

Needs only Python. --step is the time of a step on one device for its shard of a batch, --backward the fraction of it
that the backward pass takes.
"""
import argparse

# The buckets of fasterrcnn_resnet50_fpn with 81 classes and frozen norms, in MB, and the fraction of the
# backward pass after which each is ready: measured on a processor, one image of 800 x 1088.
BUCKETS = [(5.9, 0.01), (51.4, 0.06), (19.9, 0.59), (17.8, 0.60), (26.2, 0.66), (26.0, 0.72), (19.6, 1.00)]

# Bytes per second that an all-reduce of a bucket moves (NCCL's bus bandwidth), and seconds per hop: assumptions.
LINKS = [
    ("NVLink 4 (150 GB/s)", 150e9, 5e-6),
    ("PCIe 4.0 x16 (12 GB/s)", 12e9, 10e-6),
    ("100 Gbit Ethernet (10 GB/s)", 10e9, 30e-6),
    ("25 Gbit Ethernet (2.5 GB/s)", 2.5e9, 30e-6),
]
DEVICES = [2, 4, 8, 16, 32]


def exposed(devices, bandwidth, hop, backward, wire):
    """Seconds from the end of the backward pass to the end of the last bucket; buckets are reduced one after the other."""
    end = 0.0
    for megabytes, ready in BUCKETS:
        moved = 2 * (devices - 1) / devices * megabytes * 1e6 * wire
        end = max(end, ready * backward) + 2 * (devices - 1) * hop + moved / bandwidth
    return max(0.0, end - backward)


def efficiency(devices, link, step, share, wire):
    _, bandwidth, hop = link
    return step / (step + exposed(devices, bandwidth, hop, step * share, wire))


def least_step(devices, link, share, wire, wanted):
    """The shortest step, in milliseconds, that reaches an efficiency."""
    milliseconds = 1
    while efficiency(devices, link, milliseconds / 1e3, share, wire) < wanted:
        milliseconds += 1
    return milliseconds


def table(title, cell):
    print(title)
    print()
    print("| link | " + " | ".join(str(n) for n in DEVICES) + " |")
    print("| --- |" + " ---: |" * len(DEVICES))
    for link in LINKS:
        print("| " + link[0] + " | " + " | ".join(cell(n, link) for n in DEVICES) + " |")
    print()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--step", type=float, default=0.1)
    parser.add_argument("--backward", type=float, default=0.6)
    parser.add_argument("--bf16", action="store_true", help="gradients are all-reduced in bf16")
    given = parser.parse_args()
    wire = 0.5 if given.bf16 else 1.0
    table(
        "Fraction of the ideal speed, by devices, with a step of %g ms:" % (given.step * 1e3),
        lambda n, link: "%.1f %%" % (100 * efficiency(n, link, given.step, given.backward, wire)),
    )
    table(
        "The shortest step that reaches 95 %, in ms:",
        lambda n, link: str(least_step(n, link, given.backward, wire, 0.95)),
    )


if __name__ == "__main__":
    main()
