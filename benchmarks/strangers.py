"""What a stranger can cost in an hour, reckoned: `python -m benchmarks.strangers`. Prints a table in Markdown.

From the limits (template.yaml's defaults, `functions/booth`) and prices.toml, nothing is run. `docs/threats.md` holds
the table, and a test compares the two. What no limit of ours bounds is given for a rate: 1,000 PUTs a second, 1 Gbit/s.
"""

import re
from pathlib import Path
from typing import Any

from benchmarks.cost import prices_of_today
from booth import (
    concurrency,
    limits,
)
from booth.run import MAX_PICTURES
from local.template.document import default_of

ROOT = Path(__file__).parent.parent
MODEL, REQUESTS_A_MINUTE = "Stability inpaint", 60
"""The dearest of the chain, and what its three Regions take in a minute."""
PLUMBING = 0.01
"""Dollars that a photo may cost beside its pictures (benchmarks/cost.py's limit)."""
ACCOUNT = 1000
"""Executions of Lambda at once in an account that is no new one."""
FUNCTION_GB, CALL_SECONDS, LOG_BYTES = 0.5, 0.05, 2000
"""Memory of the API's functions; what a call that is not held takes, and what is logged of it, both rounded up."""
TRACED = 0.06
"""Share of 100 calls a second that X-Ray samples: the first of a second and 5 % of the others."""
LOOKS_A_SECOND = 10
"""At the table, while an answer is held."""
PUTS_A_SECOND, GB_AN_HOUR = 1000, 450


def table() -> str:
    """The table."""
    prices = prices_of_today()
    source = (ROOT / "template.yaml").read_text("utf-8")
    rate = int(re.findall(r"ThrottlingRateLimit: (\d+)", source)[0])
    per_caller, per_minute, per_day = (
        int(default_of(ROOT / "template.yaml", name)) for name in ("PhotosPerCaller", "PhotosPerMinute", "PhotosPerDay")
    )
    waiting = limits.URL_SECONDS // 60
    one, everybody = (min(ACCOUNT, photos * waiting * concurrency.LONG_POLLS) for photos in (per_caller, per_minute))
    gbit = prices["cloudfront"]["gb"] * GB_AN_HOUR
    photos = f"photos with {MAX_PICTURES} pictures each"
    rows = [
        (f"{photos}, from one address", photos_cost(min(60 * per_caller, per_day), prices), 0, 0),
        (f"{photos}, from many", photos_cost(min(60 * per_minute, per_day), prices), 0, 0),
        (f"{rate} calls a second", *[calls_cost(rate, prices)] * 3),
        (
            f"long polls of one visit, {concurrency.LONG_POLLS}",
            *[held_cost(concurrency.LONG_POLLS, prices)] * 2,
            0,
        ),
        (f"of all visits that one address can begin, {one}", held_cost(one, prices), 0, 0),
        (f"of all that many can, {everybody}", held_cost(everybody, prices), 0, 0),
        (f"{PUTS_A_SECOND:,} PUTs a second with one URL", puts_cost(prices), 0, 0),
        ("1 Gbit/s of the page or of pictures", gbit, gbit, gbit),
    ]
    lines = ["| dollars an hour | open | token, with a visitor's link | token, without |", "|---|---|---|---|"]
    lines += [
        f"| {name} | " + " | ".join(f"{cost:.2f}" if cost else "-" for cost in costs) + " |" for name, *costs in rows
    ]
    return "\n".join(lines)


def photos_cost(photos: int, prices: dict[str, Any]) -> float:
    """Of so many photos in an hour; no more pictures are painted than the model takes."""
    pictures = min(photos * MAX_PICTURES, 60 * REQUESTS_A_MINUTE)
    return pictures * prices["pictures"][MODEL] + photos * (PLUMBING + prices["rekognition"]["image"])


def calls_cost(rate: int, prices: dict[str, Any]) -> float:
    """Of so many calls a second through the CDN, each with two reads and two writes."""
    call = prices["api"]["request"] + prices["cloudfront"]["request"] + prices["lambda"]["request"]
    call += CALL_SECONDS * FUNCTION_GB * prices["lambda"]["gb_second"] + TRACED * prices["xray"]["trace"]
    call += 2 * prices["dynamodb"]["read"] + 2 * prices["dynamodb"]["write"]
    return 3600 * rate * (call + LOG_BYTES / 1e9 * prices["cloudwatch"]["log_gb"])


def held_cost(answers: int, prices: dict[str, Any]) -> float:
    """Of so many answers that are held all the time."""
    second = FUNCTION_GB * prices["lambda"]["gb_second"] + LOOKS_A_SECOND * prices["dynamodb"]["read"]
    return 3600 * answers * second


def puts_cost(prices: dict[str, Any]) -> float:
    """Each PUT is an event and a call of `start`, which reads the record and deletes the version."""
    put = prices["s3"]["put"] + prices["events"]["event"] + prices["lambda"]["request"]
    put += CALL_SECONDS * FUNCTION_GB * prices["lambda"]["gb_second"] + 2 * prices["dynamodb"]["read"]
    return 3600 * PUTS_A_SECOND * put


if __name__ == "__main__":
    print(table())
