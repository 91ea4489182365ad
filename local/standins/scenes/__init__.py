"""Procedural scenes for the Bedrock stand-in: a picture from a prompt's words and a seed.

Each `paint_` function paints a scene on a `layers.Canvas` and gives float32 HxWx3.
"""

from local.standins.scenes.prompts import render

__all__ = ["render"]
