"""What holds of the models that the painter takes, for whoever looks at one without torch."""

PIPELINES = ("Flux2KleinPipeline", "Flux2KleinInpaintPipeline", "StableDiffusionXLInpaintPipeline")
"""What model_index.json may name as its class."""
ROOM = 1.25
"""Memory that painting needs, in weights. FLUX.2 [klein] 4B has 16 GB of them in bfloat16 and takes about 20 GB at its
peak (published for an RTX 4090; 13 GB with parts of it in the computer's memory, by its model card)."""
