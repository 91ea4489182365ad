"""What the seam around kept faces is like, on the test photos: `make bench-seam`.

Masks come from the real detector and Segment Anything, backgrounds are flat (nothing hides an edge on them) and from
the local painter. Prints for each the halo (see `tests.support.seam.halo`), the PSNR of the kept region after JPEG and
the composite's processor time, beside a feathered cut-out: what this project did before docs/decisions/0008-seam.md.
"""

import time

import numpy as np

from booth.pixels.seam import Seam
from tests.support.kept_faces import Case, read_cases
from tests.support.seam import FLAT, feathered, halo, kept_psnr


def backgrounds(case: Case) -> dict[str, np.ndarray]:
    """What may stand around the faces, by name: flat colours, and scenes of the local painter."""
    from local.standins.bedrock import BEDROCK
    from local.standins.image_wires import Order

    height, width = case.keep.shape
    made = {f"flat {name}": np.full((height, width, 3), colour, np.uint8) for name, colour in FLAT.items()}
    for prompt in ("starry night sky, cosmos", "green forest", "wide blue sky with white clouds"):
        order = Order(prompt, "", case.photo, case.keep, range(3, 4))
        [made[f"painter, {prompt.split(',')[0]}"]] = BEDROCK.paint(order)
    return made


def main() -> None:
    print(f"{'photo':10} {'background':40} {'halo':>5} {'feathered':>9} {'PSNR dB':>8} {'ms':>6}")
    for name, case in read_cases().items():
        for background, generated in backgrounds(case).items():
            times = []
            for _ in range(5):
                started = time.process_time()
                result = Seam(case.photo, case.keep).blend(generated)
                times.append(time.process_time() - started)
            naive = feathered(case.photo, generated, case.keep)
            ours, theirs = (halo(case.photo, generated, case.keep, each) for each in (result, naive))
            psnr = kept_psnr(result, case.keep)
            print(f"{name:10} {background:40} {ours:5.1f} {theirs:9.1f} {psnr:8.1f} {sorted(times)[2] * 1000:6.0f}")


if __name__ == "__main__":
    main()
