"""The stand-ins' configuration: canned answers with the latencies of real models, faults, and a quota."""

import json
import urllib.request
from typing import Any

from local.app import App

REGIONS = ("us-east-1", "us-west-2", "us-east-2")
LATENCIES = {"rekognition": 0.6, "sagemaker": 1.5, "bedrock": 8.0}
"""Seconds of each call, faults included."""


def parameters(quota: int | None) -> dict[str, str]:
    """The stack's parameters for an image model with this quota, requests a minute, in each of three Regions."""
    candidates = [f"us.stability.stable-image-inpaint-v1:0@{region}={quota}" for region in REGIONS]
    return {"ImageModels": ",".join(candidates)} if quota else {}


def configure(app: App, failing: float, faces: int, quota: int | None) -> None:
    """Configures the stand-ins: `failing` is the share of calls with a fault, `quota` the image model's a minute."""
    canned = {"rekognition": {"faces": faces}, "sagemaker": {}, "bedrock": {}}
    for name, mix in faults(failing).items():
        settings = {"canned": canned[name], "latency": LATENCIES[name], "faults": mix if failing else []}
        if name == "bedrock":
            settings["quota"] = quota
        body = json.dumps(settings).encode()
        urllib.request.urlopen(
            urllib.request.Request(f"{app.standins_url}/standins/{name}", body, method="PUT")
        ).close()


def faults(share: float) -> dict[str, list[dict[str, Any]]]:
    """Faults for each stand-in, which together hit this share of its calls, each kind as often."""
    everywhere: list[dict[str, Any]] = [{"kind": kind} for kind in ("reset", "malformed", "throttled")]
    mixes = {
        "rekognition": [*everywhere, {"kind": "broken"}],
        "sagemaker": [*everywhere, {"status": 424, "type": "ModelError", "message": "failed"}],
        "bedrock": [*everywhere, {"kind": "broken"}, {"kind": "filtered-output"}],
    }
    return {name: [fault | {"share": share / len(mix)} for fault in mix] for name, mix in mixes.items()}


def counts(app: App) -> dict[str, dict[str, int]]:
    """Each stand-in's counts of calls, failures and throttled calls."""
    counted = {}
    for name in LATENCIES:
        with urllib.request.urlopen(f"{app.standins_url}/standins/{name}") as answer:
            counted[name] = json.load(answer)
    return counted
