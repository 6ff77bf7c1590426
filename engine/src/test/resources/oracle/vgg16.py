"""Writes torchvision's VGG-16 at full width with random weights, an image, and what the network says of it: features (before the last
pooling) and fc7. 600 MB; made when VggFullWidthTest is to run, not committed.

    PYTHONPATH=shared/oracle python vgg16.py --out FOLDER
    mvn -pl engine -am test -Dtest=VggFullWidthTest -Dcocoli.vgg16=FOLDER -Dsurefire.failIfNoSpecifiedTests=false
"""
import argparse, os
import torch
import torchvision
import stio

parser = argparse.ArgumentParser()
parser.add_argument("--out", required=True)
args = parser.parse_args()
torch.manual_seed(0)
model = torchvision.models.vgg16(weights=None).eval()
with torch.no_grad():
    for parameter in model.parameters():
        if parameter.dim() == 1:
            parameter.normal_(0, 0.05)
        elif parameter.dim() == 2:
            parameter.normal_(0, (2 / parameter.shape[1]) ** 0.5)
    x = torch.randn(1, 3, 224, 224)
    features = model.features[:-1](x)
    fc7 = model.classifier[:5](torch.flatten(model.avgpool(model.features(x)), 1))
os.makedirs(args.out, exist_ok=True)
stio.save(f"{args.out}/classifier.safetensors", model.state_dict())
stio.save(f"{args.out}/expected.safetensors", {"x": x, "features": features, "fc7": fc7})
