"""One module per wire format of an image model; `codec` has what they share. No AWS calls, no Pillow, no numpy."""
