"""Step 2: crops around the faces, each with the boxes and landmarks that SAM is asked with."""

from functools import partial
from typing import Any

from booth import concurrency
from booth.aws import clients, objects, sam, table
from booth.handlers import step
from booth.lifecycle import ending
from booth.parallel import together
from booth.pixels import encoding, geometry
from booth.run import Step
from booth.runs import store

clients.at_init(table.connect, objects.connect)


@step
def handler(event: dict[str, Any]) -> dict[str, Any]:
    run = event["run"]
    _, jpeg, found = together(
        lambda: store.enter(run, Step.CROP),
        lambda: objects.read_work(run, "photo.jpg"),
        lambda: objects.read_work_json(run, "faces.json"),
    )
    photo, faces = encoding.decode(jpeg), geometry.faces_from_json(found)
    height, width = photo.shape[:2]
    crops = geometry.crops_around(faces, width, height)

    def write_crop(number: int) -> None:
        l, t, r, b = crops[number].box
        request = sam.request_for(crops[number], faces, encoding.encode_for_model(photo[t:b, l:r]))
        objects.write_work(run, f"crop_{number}.json", request, "application/json")

    all_crops = {"size": [width, height], "crops": geometry.crops_to_json(crops)}
    numbers = list(range(len(crops)))
    together(
        lambda: objects.write_work_json(run, "crops.json", all_crops),
        *(partial(write_crop, number) for number in numbers),
    )
    ending.confirm(run, lambda run: store.hand_on(run, Step.CROP, then=Step.SEGMENT))
    return {"crops": numbers, "at_once": concurrency.at_once()}
