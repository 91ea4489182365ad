"""Recognises the content filters of Amazon's image models by their messages, in exceptions and in answers."""

from booth.errors import ContentBlocked, OutputBlocked


def block_of(text: str) -> ContentBlocked | OutputBlocked | None:
    """The error for a message of the service; None if it is not a content filter's.

    The sentence differs by model and date, and comes with more than one exception. All known ones contain "blocked by
    our content filters"; those about the result, where another seed may help, also "generated image". Sources: "Error
    handling" of the Nova user guide; reports for Titan.
    """
    if "blocked by our content filters" not in text:
        return None
    if "generated image" in text:
        return OutputBlocked("the result was refused by the model's content filter")
    return ContentBlocked("prompt or photo was refused by the model's content filter")
