"""GET /scenes: the scenes that a visitor may choose from."""

from typing import Any

from booth import contract, scenes
from booth.api import endpoint


@endpoint(contract.photo_error)
def handler(event: dict[str, Any]) -> dict[str, Any]:
    return contract.scenes_answer(list(scenes.catalogue().values()), scenes.defaults())
