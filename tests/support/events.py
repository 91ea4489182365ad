"""The sample events of events/, and S3's for any photo."""

import copy
import json
from pathlib import Path

EVENTS = {path.stem: json.loads(path.read_text()) for path in (Path(__file__).parents[2] / "events").glob("*.json")}


def sample_event(function):
    """The sample of a function, by its logical id."""
    return EVENTS["".join("_" + letter.lower() if letter.isupper() else letter for letter in function).lstrip("_")]


def upload_event(key, version):
    """The event by which S3 tells of a photo."""
    event = copy.deepcopy(EVENTS["start"])
    event["detail"]["object"] |= {"key": key, "version-id": version}
    return event


def shape(value):
    """The names in an event, each with the type of its value; of a list those of its items, each once."""
    if isinstance(value, dict):
        return {name: shape(each) for name, each in value.items()}
    if isinstance(value, list):
        return sorted({json.dumps(shape(each), sort_keys=True) for each in value})
    return type(value).__name__
