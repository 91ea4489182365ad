"""Image processing, with numpy and Pillow only; no AWS calls.

Images are uint8 arrays, H x W x 3, sRGB; masks are bool arrays, H x W, True = kept. Coordinates are pixels of the
normalised photo, x to the right, y down; a box is (left, top, right, bottom) with right and bottom exclusive.
"""
