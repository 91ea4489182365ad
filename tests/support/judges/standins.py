"""`python -m local.standins`, watched: what the judge says is written to the file that $WATCHED names."""

import os
import runpy
from pathlib import Path

from tests.support.judges.watch import Watch


def say(sentence: str) -> None:
    with Path(os.environ["WATCHED"]).open("a") as file:
        file.write(f"{sentence}\n")


watch = Watch()
watch.say = say
watch.install()
runpy.run_module("local.standins", run_name="__main__")
