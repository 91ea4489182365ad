"""Start the stand-ins: ``python -m local.standins --port 8010 --endpoint photo-booth-sam
--paint-endpoint photo-booth-paint-local``."""

import argparse
import logging
import os
import sys
import threading
from pathlib import Path

from local.standins.painter import OwnPainter
from local.standins.server import serve_until_ended

parser = argparse.ArgumentParser(prog="python -m local.standins", description=__doc__)
parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0, the default, takes a free one")
parser.add_argument("--endpoint", required=True, help="name of Segment Anything's endpoint on SageMaker")
parser.add_argument("--paint-endpoint", required=True, help="name of the painter's endpoint on SageMaker")
parser.add_argument("--painter", type=Path, metavar="FOLDER", help="a model that paints behind that endpoint")
parser.add_argument("--paint-seconds", type=int, help="time limit of a picture, with --painter")
parser.add_argument("--until-stdin-ends", action="store_true", help="end with the process that started this one")
arguments = parser.parse_args()
logging.basicConfig(format="%(levelname)s %(name)s: %(message)s", level=logging.INFO)
if arguments.until_stdin_ends:
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
own = OwnPainter(arguments.painter, arguments.paint_seconds) if arguments.painter else None
serve_until_ended(arguments.port, arguments.endpoint, arguments.paint_endpoint, own)
