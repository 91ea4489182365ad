"""`make drawing`: draws the system, as template.yaml and the state machine have it, into docs/images/system.svg."""

from pathlib import Path

from tools.drawing.picture import draw
from tools.drawing.system import read

ROOT = Path(__file__).parents[2]
PICTURE = ROOT / "docs/images/system.svg"


def main() -> None:
    PICTURE.write_text(draw(read(ROOT)), "utf-8")
    print(PICTURE.relative_to(ROOT))


if __name__ == "__main__":
    main()
