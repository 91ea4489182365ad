"""What the content filters of Amazon's image models say, as exceptions and in answers."""

from booth.errors import ContentBlocked, OutputBlocked


def block_of(text: str) -> ContentBlocked | OutputBlocked | None:
    """The error for a service's message, None if no content filter speaks in it.

    AWS words the whole sentence differently by model and time, and sends it under more than one exception's name. Two
    parts are in all that are known: "blocked by our content filters", and where it is about the result (so that another
    seed may help) "generated image". Sources: "Error handling" of the Nova user guide; reports for Titan.
    """
    if "blocked by our content filters" not in text:
        return None
    if "generated image" in text:
        return OutputBlocked("the result was refused by the model's content filter")
    return ContentBlocked("prompt or photo was refused by the model's content filter")
