"""The sentences of the image models' content filters, as AWS and its users have quoted them."""

import pytest

from booth.errors import ContentBlocked, OutputBlocked
from booth.painting.content_filters import block_of


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("This request has been blocked by our content filters. Please adjust your text prompt.", ContentBlocked),
        ("The generated image(s) has been blocked by our content filters.", OutputBlocked),
        ("Our system automatically blocked because the generated image(s) may conflict our policy.", type(None)),
        ("The generated image is too large.", type(None)),
        ("BLOCKED BY OUR CONTENT FILTERS", type(None)),
        ("", type(None)),
    ],
)
def test_a_filter_that_speaks_is_told_from_other_trouble_and_by_what_it_blocked(text, kind):
    assert type(block_of(text)) is kind
