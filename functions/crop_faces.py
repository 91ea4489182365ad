"""Step 2: crops around the faces, each with the boxes and landmarks that SAM is asked with."""

from typing import Any

from booth import aws, ending, objects, sam, store
from booth.log import step
from booth.parallel import at_once, together
from booth.pixels import composite, geometry

aws.at_init(store.connect, objects.connect)


@step
def handler(event: dict[str, Any]) -> dict[str, Any]:
    run = event["run"]
    _, jpeg, found = together(
        lambda: store.enter(run, "crop"),
        lambda: objects.read_work(run, "photo.jpg"),
        lambda: objects.read_work_json(run, "faces.json"),
    )
    photo, faces = composite.decode(jpeg), geometry.faces_from_json(found)
    height, width = photo.shape[:2]
    crops = geometry.crops_around(faces, width, height)
    files = {"crops.json": {"size": [width, height], "crops": geometry.crops_to_json(crops)}}
    for number, crop in enumerate(crops):
        l, t, r, b = crop.box
        files[f"crop_{number}.json"] = sam.request_for(crop, faces, composite.encode_for_model(photo[t:b, l:r]))
    at_once(lambda name: objects.write_work_json(run, name, files[name]), files)
    ending.confirm(run, lambda run: store.hand_on(run, "crop", then="segment"))
    return {"crops": list(range(len(crops)))}
