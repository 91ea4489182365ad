"""Step 2: crops around the faces, each with the boxes and landmarks that SAM is asked with."""

from typing import Any

from booth import ending, objects, sam, store
from booth.log import step
from booth.pixels import composite, geometry


@step
def handler(event: dict[str, Any]) -> dict[str, Any]:
    run = store.enter(event["run"], "crop")
    photo = composite.decode(objects.read_work(run.run, "photo.webp"))
    faces = geometry.faces_from_json(objects.read_work_json(run.run, "faces.json"))
    height, width = photo.shape[:2]
    crops = geometry.crops_around(faces, width, height)
    objects.write_work_json(run.run, "crops.json", {"size": [width, height], "crops": geometry.crops_to_json(crops)})
    for number, crop in enumerate(crops):
        l, t, r, b = crop.box
        request = sam.request_for(crop, faces, composite.encode_for_model(photo[t:b, l:r]))
        objects.write_work_json(run.run, f"crop_{number}.json", request)
    ending.confirm(run.run)
    return {"crops": list(range(len(crops)))}
