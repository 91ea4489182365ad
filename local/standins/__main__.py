"""Start the stand-ins: ``python -m local.standins --port 8010 --endpoint photo-booth-sam``."""

import argparse
import logging

from local.standins.server import run

parser = argparse.ArgumentParser(prog="python -m local.standins", description=__doc__.splitlines()[0])
parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0, the default, takes a free one")
parser.add_argument("--endpoint", required=True, help="name of the SageMaker endpoint to serve")
arguments = parser.parse_args()
logging.basicConfig(format="%(levelname)s %(name)s: %(message)s", level=logging.INFO)
run(arguments.port, arguments.endpoint)
