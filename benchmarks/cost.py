"""What a photo and an idle day cost: `make cost`.

Everything that AWS bills for is counted in real runs here, with set latencies, and multiplied with prices.toml:
Step Functions' transitions from the execution's history, Lambda's GB-seconds from the functions' REPORT lines (with the
template's memory sizes), requests and bytes at the emulated services. Exit status 1 if the plumbing, which is all but
the models, costs more than LIMIT a photo, or ten faces make it GROWTH times as dear as one.

Lambda's durations are an estimate: most of them is waiting for models, which is set here, but the processor is another
one. Where AWS rounds or something can't be counted here, the greater figure is taken.
"""

import json
import math
import re
import sys
import time
import tomllib
import urllib.request
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks import visits
from benchmarks.cold_starts import warmed_modules
from benchmarks.memory import sizes_of_template
from booth.painting.models import ENDPOINT_PICTURES_A_MINUTE, MODELS
from local.app import App
from paint_model.prices import HOURLY

PRICES = Path(__file__).parent / "prices.toml"
FACES = (1, 3, 10)
KEPT = ("head", "person")
"""What is also kept, of three faces; the other columns keep faces. Of three faces, too, is the visit for the wall."""
LIMIT = 0.01
"""Dollars that the plumbing of a photo may cost."""
GROWTH = 2.0
PHOTOS_AN_HOUR = 100
"""At an event, to share what the SAM endpoint costs by the hour: 1000 photos in a day of ten hours."""
HOURS = (10, 100, 300)
"""Photos an hour at which the ways to paint are compared."""
PICTURES = 3
"""A photo's."""
PAINTERS = {name: HOURLY[name] for name in ("ml.g6.xlarge", "ml.g5.xlarge")}
"""Dollars an hour of an instance that paints."""
SERVERLESS_GB, SERVERLESS_SECONDS = 6, 1.5
"""Memory of the serverless SAM endpoint, and what a call takes there: as set here, not measured."""
FREE_PATHS = 1000
"""Of a month's invalidation paths, by CloudFront's page of prices; the one free share that is reckoned with here."""
SWEEP_GB = 0.5
WATCH_SECONDS = 118
"""How long one `sweep` watches, see functions/sweep.py. A run is looked after until CLEAN_SECONDS after its end; sweeps
begin every 60 s and wait for it, each up to this long: on average WATCH_SECONDS**2 / 2 / 60 seconds in all."""

ALARM_METRICS = 42
"""Metrics of a stack's alarms (monitoring.yaml)."""
PAD_SECONDS = 30
"""Between two asks of a pad for event.json."""
WARM_LIMIT = 0.0005
"""Dollars that warming may cost a photo."""
WARM_SECONDS = 0.7
"""What the start of a function is billed that is warmed, and its answer; see docs/decisions/0035-cold-starts.md."""

_REPORT = re.compile(
    r"REPORT RequestId: \S+\tDuration: ([\d.]+) ms\tMemory Size: (\d+) MB(?:\tInit Duration: ([\d.]+))?"
)

Usage = Counter
"""Billed quantities by "service.unit", as in prices.toml."""


def prices_of_today() -> dict[str, Any]:
    """prices.toml, and as `pictures` what one costs by the name of its model."""
    pictures = {model.name: model.dollars for model in MODELS.values()}
    return tomllib.loads(PRICES.read_text("utf-8")) | {"pictures": pictures}


def transitions(history: Iterable[dict[str, Any]]) -> int:
    """State transitions as Step Functions bills them: each state entered, each retry of a task too."""
    kinds = Counter(event["type"] for event in history)
    entered = sum(number for kind, number in kinds.items() if kind.endswith("StateEntered"))
    return entered + kinds["TaskScheduled"] - kinds["TaskStateEntered"]


def lambda_usage(lines: Iterable[str]) -> Usage:
    """Requests and GB-seconds of the functions' REPORT lines; AWS rounds up to milliseconds and bills starting, too."""
    usage = Usage()
    for line in lines:
        if report := _REPORT.search(line):
            milliseconds = math.ceil(float(report[1])) + math.ceil(float(report[3] or 0))
            usage["lambda.request"] += 1
            usage["lambda.gb_second"] += milliseconds / 1000 * int(report[2]) / 1024
    return usage


def request_usage(traffic: dict, record_bytes: int) -> Usage:
    """Requests to S3, DynamoDB and EventBridge.

    `record_bytes` is the size of a run's record. A write of it is billed by the started KB, and twice more for the
    index (an old entry out, a new one in), as if each touched it; a transaction, of three records here, counts double.
    """
    usage, record = Usage(), math.ceil(record_bytes / 1024)
    for (_, kind), count in traffic.items():
        service, _, operation = kind.partition(".")
        if service == "s3" and operation in ("put", "post", "list"):
            usage["s3.put"] += count.requests
        elif service == "s3" and operation in ("get", "head"):
            usage["s3.get"] += count.requests
        elif service == "dynamodb" and operation in ("GetItem", "Query"):
            usage["dynamodb.read"] += count.requests
        elif service == "dynamodb" and operation == "TransactWriteItems":
            usage["dynamodb.write"] += count.requests * 2 * (2 + record + 2)
        elif service == "dynamodb":
            usage["dynamodb.write"] += count.requests * (record + 2)
        elif service == "awsevents":
            usage["events.event"] += count.requests
    return usage


def sweep_usage() -> Usage:
    """What `sweep` does for a photo that comes alone; photos that come together share it."""
    waiting = WATCH_SECONDS**2 / 2 / 60
    return Usage({"lambda.gb_second": waiting * SWEEP_GB, "dynamodb.read": waiting / 2})


def warming_usage() -> Usage:
    """What a photo pays that comes alone: every environment of a round is started by it, and the page's call made.

    Those that the photo uses would have been started all the same. Photos that come within five minutes share it.
    """
    modules, memory = warmed_modules(), sizes_of_template()
    usage = Usage({"lambda.request": len(modules) + 1, "api.request": 1, "cloudfront.request": 1})
    usage["lambda.gb_second"] = sum(memory[module] for module in modules) / 1024 * WARM_SECONDS
    usage["xray.trace"] = len(modules) + 1  # if each of them is one of its own
    usage["cloudwatch.log_gb"] = len(modules) * 500 / 1e9
    return usage


def photo_usage(record: visits.Record, record_bytes: int, shown_bytes: int) -> Usage:
    """All that one photo uses of what AWS bills, models apart. `shown_bytes` are those of the copy and the pictures."""
    usage = lambda_usage(line for line in record.log if "-sweep]" not in line)
    usage += request_usage(record.traffic, record_bytes)
    usage["step_functions.transition"] = transitions(record.history)
    usage["api.request"] = record.visit.calls
    usage["events.event"] += 1  # S3's
    usage["cloudfront.request"] = record.visit.calls + len(record.visit.pictures)
    usage["s3.get"] += len(record.visit.pictures)  # the CDN's
    usage["cloudfront.gb"] = usage["s3.gb_month"] = shown_bytes / 1e9  # kept for a month, though a week is the default
    usage["cloudwatch.log_gb"] = sum(map(len, record.log)) / 1e9
    usage["xray.trace"] = record.visit.calls + 2  # the API's calls, the event, the execution: if all are sampled
    return usage


def idle_day_usage(sweep: Usage) -> Usage:
    """A day without photos, the dashboard apart; `sweep` is one that finds nothing to do."""
    usage = Usage({name: value * 1440 for name, value in sweep.items()})
    usage["dynamodb.read"] += 3 * 1440  # the index and two settings
    usage["scheduler.call"] = usage["xray.trace"] = 1440 + 24
    usage["lambda.request"] += 24  # purge, a second each
    usage["lambda.gb_second"] += 24 * 0.5
    usage["s3.put"] += 24
    usage["cloudwatch.log_gb"] = 1464 * 500 / 1e9
    usage["cloudwatch.alarm_metric_month"] = ALARM_METRICS / 30
    return usage


def pad_day_usage() -> Usage:
    """What a pad asks for in ten hours at its start screen: event.json, which the CDN doesn't keep."""
    asks = 10 * 3600 // PAD_SECONDS
    return Usage({"cloudfront.request": asks, "s3.get": asks})


def priced(usage: Usage, prices: dict[str, dict[str, float]]) -> dict[str, float]:
    """Dollars by service. Raises KeyError for what has no price."""
    dollars: Counter = Counter()
    for name, quantity in usage.items():
        service, _, unit = name.partition(".")
        dollars[service] += quantity * prices[service][unit]
    return dict(dollars)


def sam_costs(calls: int, model_bytes: int, prices: dict[str, Any]) -> dict[str, float]:
    """Dollars of Segment Anything for a photo, by option: an instance's hour shared, or serverless by the call."""
    costs = {name: hour / PHOTOS_AN_HOUR for name, hour in prices["sam"]["hour"].items()}
    serverless = prices["sam"]["serverless"]
    compute = calls * SERVERLESS_GB * SERVERLESS_SECONDS * serverless["gb_second"]
    return costs | {"serverless": compute + model_bytes / 1e9 * serverless["gb"]}


def painters(photos: int) -> int:
    """Instances of the painter of one's own for so many photos an hour, at the pace that ImageModels takes for granted.

    That is an estimate: a picture in 5 s, of which the painting is taken to be 4.
    """
    return math.ceil(photos * PICTURES / (ENDPOINT_PICTURES_A_MINUTE * 60))


def painting_costs(photos: int, prices: dict[str, Any]) -> dict[str, float]:
    """Dollars an hour for painting so many photos, by way."""
    costs = {name: photos * PICTURES * price for name, price in prices["pictures"].items()}
    return costs | {f"endpoint on {name}, estimate": painters(photos) * hour for name, hour in PAINTERS.items()}


def painting_table(prices: dict[str, Any]) -> str:
    """For each way to paint: dollars an hour and a photo, at each of HOURS, in Markdown."""
    hours = [(photos, painting_costs(photos, prices)) for photos in HOURS]
    rows = [
        (way, [dollars for photos, costs in hours for dollars in (costs[way], costs[way] / photos)])
        for way in hours[0][1]
    ]
    return table(rows, [f"{photos} photos an hour: {each}" for photos in HOURS for each in ("all", "one")], ".3f")


def break_even(hour: float, prices: dict[str, Any], model: str = "Stability inpaint") -> int:
    """From how many photos an hour on an instance at this price costs less than a model of Bedrock's."""
    return math.floor(hour / (PICTURES * prices["pictures"][model])) + 1


def deletion_costs(paths: int, looks: int, prices: dict[str, Any]) -> tuple[float, int]:
    """Dollars that a deletion's invalidations cost, and how many deletions of a month are free.

    Args:
        paths: named to the CDN at each look. At the same look they are billed once, however often they are named.
        looks: two if the deletion comes before CLEAN_SECONDS after the run's end, else one.
    """
    return looks * paths * prices["cloudfront"]["invalidation_path"], FREE_PATHS // (looks * paths)


def problems(plumbing: dict[int, float]) -> list[str]:
    """What is wrong with the plumbing's costs (dollars a photo, by number of faces), in words."""
    found = [f"{faces} faces: ${cost:.4f} is more than ${LIMIT}" for faces, cost in plumbing.items() if cost > LIMIT]
    few, many = min(plumbing), max(plumbing)
    if plumbing[many] > GROWTH * plumbing[few]:
        found.append(f"{many} faces cost {plumbing[many] / plumbing[few]:.1f} times as much as {few}")
    return found


def table(rows: Sequence[tuple[str, Sequence[float]]], head: Sequence[str], digits: str = ".5f") -> str:
    """Rows of numbers by name, in Markdown."""
    lines = ["| | " + " | ".join(head) + " |", "|---" * (len(head) + 1) + "|"]
    lines += [f"| {name} | " + " | ".join(format(value, digits) for value in values) + " |" for name, values in rows]
    return "\n".join(lines)


def idle_sweep(app: App) -> Usage:
    """One sweep that finds nothing to do, warm."""
    for _ in range(2):
        before = len(visits.read_log(app))
        app.invoke("Sweep", {})
        while not (usage := lambda_usage(line for line in visits.read_log(app)[before:] if "-sweep]" in line)):
            time.sleep(0.05)
    return usage


def measure(app: App, faces: int, photo: bytes, keep: str = "face", wall: bool = False) -> tuple[Usage, int, int]:
    """What a visit with so many faces uses, warm; its calls to Segment Anything, and the bytes to and from there."""
    visits.set_models(app, faces, dict.fromkeys(visits.SET, 0.1))
    for _ in range(2):
        visits.record_visit(app, photo, keep, wall)
    visits.set_models(app, faces, visits.SET)
    before = visits.told(app, "sagemaker")
    record = visits.record_visit(app, photo, keep, wall)
    after = visits.told(app, "sagemaker")
    key = {"pk": {"S": f"run#{record.visit.run}"}}
    item = app.client("dynamodb").get_item(TableName=app.stack.tables["Table"].name, Key=key)["Item"]
    shown = [url.partition("/photo/")[2] for url in record.visit.pictures]
    s3 = app.client("s3")
    sizes = [s3.head_object(Bucket=app.results_bucket, Key=f"photo/{name}")["ContentLength"] for name in shown]
    moved = sum(after[name] - before[name] for name in ("received", "sent"))
    return photo_usage(record, len(json.dumps(item)), sum(sizes)), after["calls"] - before["calls"], moved


def deletion_paths(app: App, photo: bytes) -> int:
    """How many paths the CDN is told when a visitor deletes a visit."""
    request_id = visits.record_visit(app, photo).visit.request_id
    body = json.dumps({"requestId": request_id}).encode()
    headers = {"Content-Type": "application/json"}
    urllib.request.urlopen(urllib.request.Request(f"{app.url}/photo", body, headers, method="DELETE")).close()
    cloudfront, distribution = app.client("cloudfront"), app.stack.ssm_parameters["DistributionParameter"].value
    told = cloudfront.list_invalidations(DistributionId=distribution)["InvalidationList"]["Items"]
    found = (cloudfront.get_invalidation(DistributionId=distribution, Id=each["Id"])["Invalidation"] for each in told)
    return sum(each["InvalidationBatch"]["Paths"]["Quantity"] for each in found)


def main() -> int:
    prices, photo = prices_of_today(), visits.page_photo()
    with visits.open_app() as app:
        idle = priced(idle_day_usage(idle_sweep(app)), prices)
        measured = {f"{faces} face{'s' * (faces > 1)}": measure(app, faces, photo) for faces in FACES}
        of_faces = dict(zip(FACES, measured, strict=True))
        measured |= {f"3 faces, {keep}": measure(app, 3, photo, keep) for keep in KEPT}
        measured["3 faces, wall"] = measure(app, 3, photo, wall=True)
        paths = deletion_paths(app, photo)
    costs = {
        name: priced(usage, prices)
        | {
            "sweep, if it comes alone": sum(priced(sweep_usage(), prices).values()),
            "warming, if it comes alone": sum(priced(warming_usage(), prices).values()),
        }
        for name, (usage, _, _) in measured.items()
    }
    head = list(measured)
    plumbing = {name: sum(cost.values()) for name, cost in costs.items()}
    print(f"US dollars, prices of {prices['date']} (benchmarks/prices.toml)\n\nA photo with three pictures:\n")
    names = sorted(costs[head[0]], key=lambda name: -costs[head[0]][name])
    rows = [(name, [cost[name] for cost in costs.values()]) for name in names]
    print(table([*rows, ("**plumbing**", list(plumbing.values()))], head))
    models = [("Rekognition", [prices["rekognition"]["image"]] * len(head))]
    counted = 3 * prices["rekognition"]["image"]
    models += [("Rekognition, 3 pictures counted (RepaintInventedPeople)", [counted] * len(head))]
    models += [
        ("Rekognition, 3 pictures scored for the wall (WallModeration)", [counted * ("wall" in of) for of in head])
    ]
    models += [(f"{name}, 3 pictures", [3 * price] * len(head)) for name, price in prices["pictures"].items()]
    sam = [sam_costs(calls, moved, prices) for _, calls, moved in measured.values()]
    models += [(f"SAM on {name}", [each[name] for each in sam]) for name in sam[0]]
    print(f"\nModels, a photo; an instance is shared by {PHOTOS_AN_HOUR} photos an hour:\n\n{table(models, head)}")
    print("\nPainting alone, by photos an hour; the endpoint's are estimates (nobody has measured its seconds yet):\n")
    print(painting_table(prices) + "\n")
    for name, hour in PAINTERS.items():
        print(f"{name} costs less than Stability's model from {break_even(hour, prices)} photos an hour on.")
    (once, free), (twice, fewer) = (deletion_costs(paths, looks, prices) for looks in (1, 2))
    print(f"\nA deletion, {paths} paths a look: {once:.3f}, and {twice:.3f} until two minutes after the end;")
    print(f"{free} or {fewer} a month are free, as CloudFront's first {FREE_PATHS} paths are.")
    print("\nWhat it is made of (quantities):\n")
    quantities = sorted(set().union(*(usage for usage, _, _ in measured.values())))
    print(table([(name, [usage[name] for usage, _, _ in measured.values()]) for name in quantities], head, ".4g"))
    dashboard = prices["cloudwatch"]["dashboard_month"] / 30
    print(f"\nAn idle day: {sum(idle.values()):.3f}, and {dashboard:.3f} if the dashboard is the account's fourth:\n")
    print(table([(name, [cost]) for name, cost in sorted(idle.items(), key=lambda each: -each[1])], ["a day"]))
    print(f"\nA pad's day of ten hours, asking for event.json: {sum(priced(pad_day_usage(), prices).values()):.4f}")
    found = problems({faces: plumbing[name] for faces, name in of_faces.items()})
    found += [f"{name}: more than ${LIMIT}" for name, cost in plumbing.items() if "," in name and cost > LIMIT]
    if (warming := costs[head[0]]["warming, if it comes alone"]) > WARM_LIMIT:
        found.append(f"warming: ${warming:.4f} is more than ${WARM_LIMIT}")
    for problem in found:
        print(f"\n{problem}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
