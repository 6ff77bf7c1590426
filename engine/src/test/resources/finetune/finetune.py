"""Fine-tunes torchvision's Faster R-CNN to other classes as torchvision's tutorial does: a new FastRCNNPredictor in place of
the old one, three layers of the backbone trained, and, as with torchvision's COCO weights, nothing added to the variances
(overwrite_eps). Writes the new predictor, the losses of three steps, and every weight after them.

    PYTHONPATH=shared/oracle:../oracle python finetune.py finetune.safetensors && gzip -9n finetune.safetensors

The first weights follow from their keys (vgg.py's), so that none are committed.
"""
import argparse
import sys

import torch
from torchvision.models.detection._utils import overwrite_eps
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor

import frcnn
import stio
import vgg

OLD_CLASSES, NEW_CLASSES = 6, 3
EACH = 8


def main():
    generator = torch.Generator().manual_seed(5)
    torch.manual_seed(5)
    args = argparse.Namespace(backbone="tiny", norm="frozen", classes=OLD_CLASSES, min_size=40, max_size=60, score=0.05)
    model = frcnn.build(args)
    vgg.fill(model)
    model.roi_heads.box_predictor = FastRCNNPredictor(model.roi_heads.box_predictor.cls_score.in_features, NEW_CLASSES)
    trained = ("layer4", "layer3", "layer2")  # of torchvision's _resnet_fpn_extractor with three trainable layers
    for name, parameter in model.backbone.body.named_parameters():
        parameter.requires_grad_(name.startswith(trained))
    overwrite_eps(model, 0.0)
    out = {f"head.{n}": p.detach().clone() for n, p in model.roi_heads.box_predictor.named_parameters()}
    images, targets = [], []
    for index, (height, width) in enumerate([(24, 40), (36, 27)]):
        image = torch.rand(3, height, width, generator=generator)
        corner = torch.rand(1 + index, 2, generator=generator) * torch.tensor([width * 0.5, height * 0.5])
        extent = (0.15 + 0.35 * torch.rand(1 + index, 2, generator=generator)) * torch.tensor([width, height])
        labels = torch.randint(1, NEW_CLASSES, (1 + index,), generator=generator)
        images.append(image)
        targets.append({"boxes": torch.cat([corner, corner + extent], 1), "labels": labels})
        out |= {f"image.{index}": image, f"boxes.{index}": targets[index]["boxes"], f"labels.{index}": labels}
    model.train()
    learned = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(learned, lr=0.01, momentum=0.9, weight_decay=1e-4)
    for step in range(3):
        losses = model([image.clone() for image in images], [{k: v.clone() for k, v in t.items()} for t in targets])
        optimizer.zero_grad()
        sum(losses.values()).backward()
        out |= {f"step{step}.{k}": v.detach() for k, v in losses.items()}
        optimizer.step()
        for name, value in model.state_dict().items():
            after = value.detach().clone()
            out[f"step{step}.after.{name}"] = after if step == 2 else after.reshape(-1)[::EACH]
    stio.save(sys.argv[1], out, {"torch": torch.__version__, "old_classes": str(OLD_CLASSES), "new_classes": str(NEW_CLASSES)})
    print({k: round(float(v), 5) for k, v in out.items() if ".loss" in k})


if __name__ == "__main__":
    main()
