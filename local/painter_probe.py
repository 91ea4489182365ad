"""Says in JSON where the painter's packages would paint: `.tools/painter/bin/python -m local.painter_probe`.

Imports all that painting imports, so that what is missing or broken is known before anything else starts.
"""

import json

import accelerate  # noqa: F401  # pyright: ignore[reportMissingImports]  those of .tools/painter
import torch  # pyright: ignore[reportMissingImports]  also there

from paint_model.serving.pipelines import choose_device

device = choose_device()
card = torch.cuda.get_device_properties(0) if device == "cuda" else None
print(json.dumps({"device": device, "name": card.name if card else "", "card": card.total_memory if card else 0}))
