"""The functions' log on a disk that is full."""

from pathlib import Path

from local.log import Log


def test_a_log_that_can_not_be_written_is_told_once_and_stops_nobody(capsys):
    log = Log(Path("/dev/full"))
    for line in ("START", "END"):
        log.write(line)
    log.close()
    assert capsys.readouterr().err == "The log /dev/full can't be written any more: No space left on device.\n"
