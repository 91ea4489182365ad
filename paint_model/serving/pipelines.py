"""The pipelines of diffusers that paint: loads one from a folder and paints a picture with it.

This module needs torch and diffusers; it runs in the painter's process only. Nothing is fetched: everything is read
from the folder.
"""

# pyright: reportMissingImports=false

import gc
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from diffusers import DiffusionPipeline, Flux2KleinInpaintPipeline, StableDiffusionXLInpaintPipeline
from diffusers.utils import logging as diffusers_logging
from PIL import Image
from transformers import logging as transformers_logging

from paint_model.serving.masks import blocks, without_painted
from paint_model.serving.models import ROOM
from paint_model.serving.process import OutOfMemoryError, UnwantedError
from paint_model.serving.protocol import Request


class Painting:
    """A loaded pipeline. One picture at a time."""

    pipeline_class: ClassVar[type[DiffusionPipeline]]
    numbers: ClassVar[dict[str, float]]
    """What the pipeline is told of every picture: strength, steps, guidance."""

    def __init__(self, folder: Path, device: str):
        """Raises what diffusers raises for missing and broken files, and torch's errors for too little memory."""
        self.device = device
        self.peak = 0
        """Bytes of the card that the last picture took at most, the weights included; 0 without a card."""
        self._pipeline = _load(self.pipeline_class, folder, device)
        self._pipeline.set_progress_bar_config(disable=True)

    def paint(self, request: Request, unwanted: Callable[[], bool]) -> np.ndarray:
        """Return the picture, uint8 (height, width, 3).

        ``unwanted`` is asked after each step whether to stop, by `UnwantedError`. Raises `OutOfMemoryError`. Either way
        all memory is given back but what the weights take.
        """
        height, width = request.mask.shape
        if self.device == "cuda":
            torch.cuda.reset_peak_memory_stats()

        def ask(_pipeline, _step, _timestep, values: dict) -> dict:
            if unwanted():
                raise UnwantedError
            return values

        try:
            answer = self._pipeline(
                prompt=request.prompt,
                image=Image.fromarray(without_painted(request.pixels, request.mask)),
                mask_image=Image.fromarray(np.where(blocks(request.mask), np.uint8(255), np.uint8(0))),
                # On the processor whatever the device is: the noise of a seed is then the same everywhere.
                generator=torch.Generator("cpu").manual_seed(request.seed),
                width=width,
                height=height,
                callback_on_step_end=ask,
                **self.numbers,
            )
            return np.array(answer.images[0])
        except (MemoryError, RuntimeError) as problem:
            if not _is_memory(problem):
                raise
        finally:
            self._pipeline.maybe_free_model_hooks()
            self._give_back()
        raise OutOfMemoryError  # not where it is caught: the error that is handled there holds what was taken

    def _give_back(self) -> None:
        gc.collect()
        if self.device == "cuda":
            self.peak = torch.cuda.max_memory_reserved()
            torch.cuda.empty_cache()
        elif self.device == "mps":
            torch.mps.empty_cache()


class _KleinPipeline(Flux2KleinInpaintPipeline):
    def prepare_image_latents(self, images, batch_size, generator, device, dtype):
        """Give the model no picture to go by: diffusers would give it the photo, and what was to go could come back."""
        channels = images[0].shape[1]
        return (
            torch.zeros(batch_size, 0, channels, device=device, dtype=dtype),
            torch.zeros(batch_size, 0, 4, device=device, dtype=torch.int64),
        )


class Klein(Painting):
    """FLUX.2 [klein]: four steps, no guidance, no negative prompt, all of what is painted from noise (strength 1)."""

    pipeline_class = _KleinPipeline
    numbers: ClassVar[dict[str, float]] = {"strength": 1.0, "num_inference_steps": 4, "guidance_scale": 1.0}


class SDXL(Painting):
    """SDXL inpainting, with the numbers of its model card (diffusers/stable-diffusion-xl-1.0-inpainting-0.1).

    The card asks for a strength below 1; what that leaves of the photo is grey, as `without_painted` has it.
    """

    pipeline_class = StableDiffusionXLInpaintPipeline
    numbers: ClassVar[dict[str, float]] = {"strength": 0.99, "num_inference_steps": 20, "guidance_scale": 8.0}


CLASSES: dict[str, Callable[[Path, str], Painting]] = {
    "Flux2KleinPipeline": Klein,
    "Flux2KleinInpaintPipeline": Klein,
    "StableDiffusionXLInpaintPipeline": SDXL,
}


def load(folder: Path) -> Painting:
    """Load the folder's pipeline onto the device. Raises `ValueError` for another class, and as `Painting` does."""
    for library in (diffusers_logging, transformers_logging):
        library.set_verbosity_error()  # a warning about a long prompt repeats its end
        library.disable_progress_bar()
    name = json.loads((folder / "model_index.json").read_text(encoding="utf-8")).get("_class_name")
    if name not in CLASSES:
        raise ValueError(f"The folder's model is {name}; known are {', '.join(CLASSES)}.")
    return CLASSES[name](folder, choose_device())


def choose_device() -> str:
    """Return PAINT_DEVICE, or the best that there is: "cuda", "mps" (Apple's), "cpu"."""
    if chosen := os.environ.get("PAINT_DEVICE"):
        return chosen
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _load(pipeline_class: type[DiffusionPipeline], folder: Path, device: str) -> DiffusionPipeline:
    options = {
        "dtype": torch.float32 if device == "cpu" else torch.bfloat16,
        "local_files_only": True,
        "use_safetensors": True,  # the other format runs code when it is read
    }
    if device == "cuda":
        weights = sum(file.stat().st_size for file in folder.glob("*/*.safetensors"))
        free, _ = torch.cuda.mem_get_info()
        if free < ROOM * weights:
            pipeline = pipeline_class.from_pretrained(folder, **options)
            pipeline.enable_model_cpu_offload()
            return pipeline
        # Part by part straight onto the card: 16 GB of weights don't pass through 16 GB of memory at once.
        return pipeline_class.from_pretrained(folder, device_map="cuda", **options)
    return pipeline_class.from_pretrained(folder, **options).to(device)


def _is_memory(problem: BaseException) -> bool:
    """Whether it is torch's or Python's error for too little memory; the processor's and Apple's have no class."""
    text = str(problem)
    return isinstance(problem, (MemoryError, torch.OutOfMemoryError)) or any(
        sign in text for sign in ("can't allocate memory", "not enough memory", "out of memory")
    )
