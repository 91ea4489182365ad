"""Procedural scenes for the Bedrock stand-in: a picture from a prompt's words and a seed."""

from local.standins.scenes.catalogue import render

__all__ = ["render"]
