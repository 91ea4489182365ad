"""Turns at the image models, and the models' calls. Imports nothing here: `admit`, `start` and the API have no numpy.

Only `paint`, which `generate_image` alone imports, may import numpy, Pillow and `booth.pixels` (but for its `sizes`).
"""
