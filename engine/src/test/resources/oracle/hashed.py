"""The reference script frcnn.py, but with weights that follow from their keys (vgg.py's), so that none are committed. Same options.

    PYTHONPATH=shared/oracle python hashed.py --backbone tiny --norm frozen --seed 0 ... --out DIR
"""
import frcnn
import vgg

frcnn.randomise = lambda model, generator: vgg.fill(model)
frcnn.main()
