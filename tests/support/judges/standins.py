"""`python -m local.standins`, watched: what the judge says is written to the file that $WATCHED names.

Its scenes are coarse: what a scene shows is for the tests of the painters to say, and fine ones take most of the time.
"""

import os
import runpy
from pathlib import Path

from local.standins.scenes import prompts
from tests.support.judges.watch import Watch


def say(sentence: str) -> None:
    with Path(os.environ["WATCHED"]).open("a") as file:
        file.write(f"{sentence}\n")


prompts.WORKING_SIDE = 160
watch = Watch()
watch.say = say
watch.install()
runpy.run_module("local.standins", run_name="__main__")
