"""Colours and transparency of uploads, by whatever a file tells them with (docs/decisions/0021-colours.md)."""
