"""The models' stand-ins during the load: canned answers with latencies, faults and a quota."""

import json
import urllib.request
from typing import Any

from local.app import App

REGIONS = ("us-east-1", "us-west-2", "us-east-2")
LATENCIES = {"rekognition": 0.6, "sagemaker": 1.5, "bedrock": 8.0}
"""Seconds that a model takes, whatever it answers."""


def chain(quota: int | None) -> dict[str, str]:
    """Parameters of a booth whose image model takes so many requests a minute in each of its three Regions."""
    candidates = [f"us.stability.stable-image-inpaint-v1:0@{region}={quota}" for region in REGIONS]
    return {"ImageModels": ",".join(candidates)} if quota else {}


def set_models(app: App, failing: float, faces: int, quota: int | None) -> None:
    """Canned answers in place of the models, with their latencies, faults and the image models' quota."""
    canned = {"rekognition": {"faces": faces}, "sagemaker": {}, "bedrock": {}}
    for name, struck in faults(failing).items():
        settings = {"canned": canned[name], "latency": LATENCIES[name], "faults": struck if failing else []}
        if name == "bedrock":
            settings["quota"] = quota
        body = json.dumps(settings).encode()
        urllib.request.urlopen(
            urllib.request.Request(f"{app.standins_url}/standins/{name}", body, method="PUT")
        ).close()


def faults(share: float) -> dict[str, list[dict[str, Any]]]:
    """Faults for each model that strike this share of its calls, in equal parts."""
    broken = [{"kind": "reset"}, {"kind": "malformed"}]
    mixes = {
        "rekognition": [
            {"status": 500, "type": "InternalServerError", "message": "failed"},
            {"status": 400, "type": "ThrottlingException", "message": "slow down"},
        ],
        "sagemaker": [
            {"status": 424, "type": "ModelError", "message": "failed"},
            {"status": 400, "type": "ThrottlingException", "message": "slow down"},
        ],
        "bedrock": [
            {"status": 500, "type": "InternalServerException", "message": "failed"},
            {"kind": "throttled"},
            {"kind": "filtered-output"},
        ],
    }
    together = {name: broken + mix for name, mix in mixes.items()}
    return {name: [fault | {"share": share / len(mix)} for fault in mix] for name, mix in together.items()}


def calls(app: App) -> dict[str, dict[str, int]]:
    """What each model's stand-in has counted."""
    counted = {}
    for name in LATENCIES:
        with urllib.request.urlopen(f"{app.standins_url}/standins/{name}") as answer:
            counted[name] = json.load(answer)
    return counted
