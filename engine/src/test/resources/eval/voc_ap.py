"""Writes a random Pascal VOC case and its average precision, computed straight from the definition.

    python voc_ap.py --out FILE [--seed 0]

Independent of the engine: exact fractions, no cumulative sums, and the curve is looked up point by point. Detections rank
by score, then image, then order in the file; boxes are continuous; an IoU equal to the threshold is enough.
"""
import argparse, json, random
from fractions import Fraction


def iou(a, b):
    a, b = [Fraction(v) for v in a], [Fraction(v) for v in b]
    w, h = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if w <= 0 or h <= 0:
        return Fraction(0)
    return w * h / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - w * h)


def average_precision(images, label, threshold):
    truth = {i: [o for o in image["objects"] if o["label"] == label] for i, image in enumerate(images)}
    total = sum(not o["difficult"] for objects in truth.values() for o in objects)
    if total == 0:
        return [-1, -1]
    ranking = [(-d["score"], i, n, d["box"]) for i, image in enumerate(images)
               for n, d in enumerate(image["detections"]) if d["label"] == label]
    verdicts, used = [], set()
    for _, i, _, box in sorted(ranking, key=lambda r: r[:3]):
        scored = [(iou(box, o["box"]), -n) for n, o in enumerate(truth[i])]
        best, n = max(scored, default=(Fraction(0), 0))
        n = -n
        if best >= threshold and truth[i][n]["difficult"]:
            continue
        right = best >= threshold and (i, n) not in used
        if right:
            used.add((i, n))
        verdicts.append(right)
    points = [(Fraction(sum(verdicts[:k]), total), Fraction(sum(verdicts[:k]), k)) for k in range(1, len(verdicts) + 1)]
    best_from = lambda recall: max([p for r, p in points if r >= recall], default=Fraction(0))
    eleven = sum(best_from(Fraction(level, 10)) for level in range(11)) / 11
    area = sum(best_from(Fraction(found, total)) for found in range(1, total + 1)) / total
    return [float(eleven), float(area)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", required=True)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    images = []
    for _ in range(25):
        objects, detections = [], []
        for _ in range(rng.choice([0, 1, 2, 4])):
            x, y, w, h = (rng.randint(0, 300), rng.randint(0, 200), rng.randint(8, 120), rng.randint(8, 120))
            label = rng.choice([1, 1, 2, 3])
            objects.append({"box": [x, y, x + w, y + h], "label": label, "difficult": rng.random() < 0.2})
            for _ in range(rng.choice([0, 1, 1, 2])):
                noise = lambda side: round(rng.gauss(0, 0.12) * side)
                box = [x + noise(w), y + noise(h), x + w + noise(w), y + h + noise(h)]
                detections.append({"box": [box[0], box[1], max(box[0] + 1, box[2]), max(box[1] + 1, box[3])],
                                   "label": label if rng.random() < 0.9 else rng.choice([1, 2, 3, 4]),
                                   "score": rng.choice([0.25, 0.5, 0.75, 1.0]) if rng.random() < 0.4 else rng.randint(1, 999) / 1024})
        for _ in range(rng.choice([0, 0, 1, 3])):
            x, y = rng.randint(0, 300), rng.randint(0, 200)
            detections.append({"box": [x, y, x + rng.randint(5, 90), y + rng.randint(5, 90)], "label": rng.choice([1, 2, 3, 4]),
                               "score": rng.randint(1, 700) / 1024})
        images.append({"objects": objects, "detections": detections})
    classes = ["first", "second", "third", "absent"]
    expected = {str(t): {name: average_precision(images, k + 1, Fraction(t)) for k, name in enumerate(classes)} for t in (0.5, 0.75)}
    with open(args.out, "w") as file:
        json.dump({"classes": classes, "images": images, "expected": expected}, file)
    print(expected)


if __name__ == "__main__":
    main()
