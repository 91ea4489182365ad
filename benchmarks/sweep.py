"""What `sweep` needs to delete uploads of very many versions: `make bench-sweep`.

An S3 that speaks the protocol alone, in a process of its own, has so many versions of each upload; they are deleted as
`sweep` does it, one upload alone and then as many as it looks after side by side. Prints the processor time for a
thousand versions and the most memory of the process.
"""

import argparse
import multiprocessing
import os
import resource
import threading
from concurrent.futures import ThreadPoolExecutor

from benchmarks import machine
from booth import limits
from booth.aws import clients, objects
from tests.support.fakes.s3 import FakeS3

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "AKIATESTTESTTESTTEST",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_DEFAULT_REGION": "us-east-1",
    "POWERTOOLS_METRICS_NAMESPACE": "PhotoBooth",
    "POWERTOOLS_SERVICE_NAME": "benchmark",
    "UPLOADS_BUCKET": "uploads",
}


def serve(address, uploads: int, versions: int) -> None:
    """The process of S3: sends its URL."""
    s3 = FakeS3()
    for number in range(uploads):
        s3.put(f"photo/{number}.jpg", versions)
    address.send(s3.url)
    threading.Event().wait()


def cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def delete(uploads: int, versions: int) -> float:
    """Deletes so many uploads side by side; gives the seconds of processor time for a thousand versions."""
    limits.REMOVING_SECONDS = 3600
    objects.connect()
    before = cpu()
    with ThreadPoolExecutor(uploads) as threads:
        gone = list(threads.map(objects.delete_upload, [f"photo/{number}.jpg" for number in range(uploads)]))
    if not all(gone):
        raise RuntimeError("versions are left")
    return (cpu() - before) / uploads / versions * 1000


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sweep", description=__doc__)
    parser.add_argument("--versions", type=int, default=50_000, help="of each upload")
    versions = parser.parse_args().versions
    os.environ |= ENVIRONMENT
    print(machine.line())
    print("| uploads side by side | versions of each | CPU ms for 1,000 versions | peak MB |\n|---|---|---|---|")
    for uploads in (1, 4):
        ours, theirs = multiprocessing.Pipe()
        server = multiprocessing.get_context("spawn").Process(
            target=serve, args=(theirs, uploads, versions), daemon=True
        )
        server.start()
        os.environ["AWS_ENDPOINT_URL_S3"] = ours.recv()
        clients.client.cache_clear()
        seconds = delete(uploads, versions)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"| {uploads} | {versions} | {seconds * 1000:.0f} | {peak:.0f} |")
        server.kill()
        server.join()


if __name__ == "__main__":
    main()
