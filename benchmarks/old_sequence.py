"""What the customer's single function did, written anew to compare with: one Lambda function, everything in a row.

Faces, a mask of each face from Segment Anything (the classic `input_box`, all at once), two further questions to
Rekognition one after the other, the masks merged pixel by pixel in Python, three pictures in parallel processes, and
all uploads at the end. `benchmarks/booth.py` runs it under the same Lambda host as the application's functions.
"""

import base64
import io
import json
import multiprocessing
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
from PIL import Image

SIDE = 1024
PROMPTS = ("starry night sky, cosmos", "green forest, sunlight", "neon city at night, rain")
MODEL = "amazon.titan-image-generator-v2:0"

s3, rekognition, sagemaker = boto3.client("s3"), boto3.client("rekognition"), boto3.client("sagemaker-runtime")


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """`event` has bucket, key and id; the pictures are put beside the photo. Gives their keys."""
    photo = Image.open(io.BytesIO(s3.get_object(Bucket=event["bucket"], Key=event["key"])["Body"].read())).convert(
        "RGB"
    )
    photo.thumbnail((SIDE, SIDE))
    jpeg = encoded(photo, "JPEG")
    faces = rekognition.detect_faces(Image={"Bytes": jpeg}, Attributes=["DEFAULT"])["FaceDetails"]
    boxes = [box_of(face, *photo.size) for face in faces]
    with ThreadPoolExecutor(max(1, len(boxes))) as pool:
        masks = list(pool.map(lambda box: segment(jpeg, box), boxes))
    for _ in ("glasses", "hats"):
        rekognition.detect_labels(Image={"Bytes": jpeg})
    mask = encoded(merged(masks, photo.size), "PNG")
    pictures = painted(jpeg, mask)
    keys = []
    for number, picture in enumerate(pictures, start=1):
        keys.append(f"{event['id']}_{number}.png")
        s3.put_object(Bucket=event["bucket"], Key=keys[-1], Body=picture)
    return {"keys": keys}


def box_of(face: dict[str, Any], width: int, height: int) -> list[int]:
    """Left, top, right, bottom in pixels."""
    box = face["BoundingBox"]
    left, top = box["Left"] * width, box["Top"] * height
    return [int(left), int(top), int(left + box["Width"] * width), int(top + box["Height"] * height)]


def segment(jpeg: bytes, box: list[int]) -> Image.Image:
    """SAM's mask, black where the face is."""
    body = json.dumps({"encode_image": base64.b64encode(jpeg).decode(), "input_box": box})
    answer = sagemaker.invoke_endpoint(
        EndpointName=os.environ["SAM_ENDPOINT"], ContentType="application/json", Body=body
    )
    png = base64.b64decode(json.loads(answer["Body"].read())["mask_image"])
    return Image.open(io.BytesIO(png)).convert("RGB")


def merged(masks: list[Image.Image], size: tuple[int, int]) -> Image.Image:
    """Black wherever one of the masks is, pixel by pixel."""
    whole = Image.new("RGB", size, (255, 255, 255))
    target = whole.load()
    for mask in masks:
        pixels = mask.load()
        for y in range(size[1]):
            for x in range(size[0]):
                if pixels[x, y] == (0, 0, 0):
                    target[x, y] = (0, 0, 0)
    return whole


def painted(jpeg: bytes, mask: bytes) -> list[bytes]:
    """A picture for each prompt, each by a process of its own."""
    waiting = []
    for prompt in PROMPTS:
        here, there = multiprocessing.Pipe()
        process = multiprocessing.Process(target=paint, args=(there, prompt, jpeg, mask))
        process.start()
        waiting.append((process, here))
    pictures = [here.recv() for _, here in waiting]
    for process, _ in waiting:
        process.join()
    return pictures


def paint(pipe: Any, prompt: str, jpeg: bytes, mask: bytes) -> None:
    """Sends one picture through the pipe."""
    body = {
        "taskType": "OUTPAINTING",
        "outPaintingParams": {
            "text": prompt,
            "image": base64.b64encode(jpeg).decode(),
            "maskImage": base64.b64encode(mask).decode(),
        },
        "imageGenerationConfig": {"numberOfImages": 1},
    }
    # A client of the process's own: connections can't be shared with it.
    answer = boto3.client("bedrock-runtime").invoke_model(modelId=MODEL, body=json.dumps(body))
    pipe.send(base64.b64decode(json.loads(answer["body"].read())["images"][0]))
    pipe.close()


def encoded(image: Image.Image, kind: str) -> bytes:
    """The image as JPEG or PNG."""
    out = io.BytesIO()
    image.save(out, kind)
    return out.getvalue()
