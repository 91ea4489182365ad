"""GET /scenes: the scenes that a visitor may choose from."""

from typing import Any

from booth import scenes
from booth.http import contract
from booth.http.endpoint import endpoint


@endpoint(contract.photo_error)
def handler(event: dict[str, Any]) -> dict[str, Any]:
    return contract.scenes_answer(list(scenes.catalogue().values()), scenes.defaults())
