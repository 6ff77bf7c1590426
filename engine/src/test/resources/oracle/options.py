"""The reference script frcnn.py, but with an option of its own wherever torchvision has one, and weights that follow from their keys (vgg.py's). Same options.

    PYTHONPATH=shared/oracle python options.py --norm frozen --seed 0 ... --out DIR
"""
from torch import nn
from torchvision.models.detection import FasterRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.backbone_utils import BackboneWithFPN
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.ops import MultiScaleRoIAlign
from torchvision.ops.misc import FrozenBatchNorm2d

import frcnn
import vgg

SIZES = (20, 40, 70, 130, 250)
RATIOS = (0.4, 0.8, 1.3, 2.2)
CHANNELS, BINS, SAMPLES, WIDTH = 24, 5, 3, 40
OPTIONS = dict(
    image_mean=[0.4, 0.5, 0.3], image_std=[0.3, 0.2, 0.25],
    rpn_pre_nms_top_n_train=300, rpn_pre_nms_top_n_test=200, rpn_post_nms_top_n_train=120, rpn_post_nms_top_n_test=60,
    rpn_nms_thresh=0.6, rpn_fg_iou_thresh=0.65, rpn_bg_iou_thresh=0.25, rpn_score_thresh=0.3,
    box_nms_thresh=0.35, box_detections_per_img=7, box_fg_iou_thresh=0.55, box_bg_iou_thresh=0.45, bbox_reg_weights=[8.0, 9.0, 4.0, 3.0])


def text(value):
    return ",".join(map(str, value)) if isinstance(value, (list, tuple)) else value


def build(args):
    vars(args).update({name: text(value) for name, value in OPTIONS.items()})
    vars(args).update(anchor_sizes=text(SIZES), anchor_aspect_ratios=text(RATIOS), fpn_out_channels=CHANNELS, box_head_size=WIDTH,
                      box_pool_size=BINS, box_sampling_ratio=SAMPLES)
    norm = FrozenBatchNorm2d if args.norm == "frozen" else nn.BatchNorm2d
    backbone = BackboneWithFPN(frcnn.TinyResNet(norm), {f"layer{i}": str(i - 1) for i in range(1, 5)}, [8, 16, 32, 64], CHANNELS)
    return FasterRCNN(
        backbone, None, rpn_anchor_generator=AnchorGenerator(tuple((s,) for s in SIZES), (RATIOS,) * 5),
        box_roi_pool=MultiScaleRoIAlign(list("0123"), BINS, SAMPLES), box_head=TwoMLPHead(CHANNELS * BINS**2, WIDTH),
        box_predictor=FastRCNNPredictor(WIDTH, args.classes), rpn_batch_size_per_image=10**7, box_batch_size_per_image=10**7,
        min_size=args.min_size, max_size=args.max_size, box_score_thresh=args.score, **OPTIONS)


frcnn.build = build
frcnn.randomise = lambda model, generator: vgg.fill(model)
frcnn.main()
