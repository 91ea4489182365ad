"""The certificate of `make run LAN=1`; that it serves: tests/web/test_lan.py."""

import ipaddress
import os
import subprocess
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509

from local import lan
from local.app import ROOT


def test_it_is_made_once_for_an_address_and_anew_for_another(tmp_path):
    folder = tmp_path / "lan"
    file, fingerprint = lan.certificate("10.0.0.5", folder)
    assert (folder.stat().st_mode & 0o777, file.stat().st_mode & 0o777) == (0o700, 0o600)
    assert lan.certificate("10.0.0.5", folder) == (file, fingerprint)
    assert lan.certificate("10.0.0.6", folder)[1] != fingerprint
    names = x509.load_pem_x509_certificate(file.read_bytes()).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    assert names.value.get_values_for_type(x509.IPAddress) == [ipaddress.ip_address("10.0.0.6")]


@pytest.mark.parametrize("days", [-3, 370])
def test_it_is_made_anew_before_it_ends_and_where_the_clock_was_wrong(tmp_path, monkeypatch, days):
    before = lan.certificate("10.0.0.5", tmp_path)[1]

    class Later(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + timedelta(days=days)

    monkeypatch.setattr(lan, "datetime", Later)
    assert lan.certificate("10.0.0.5", tmp_path)[1] != before


@pytest.mark.parametrize("kept", [b"", b"no certificate", "half"])
def test_a_broken_file_is_replaced(tmp_path, kept):
    file, _ = lan.certificate("10.0.0.5", tmp_path)
    file.write_bytes(file.read_bytes()[:400] if kept == "half" else kept)
    lan.certificate("10.0.0.5", tmp_path)
    assert lan.tls(file)
    assert x509.load_pem_x509_certificate(file.read_bytes()).not_valid_after_utc > datetime.now(UTC)


@pytest.mark.starts
@pytest.mark.parametrize(
    ("given", "option"),
    [
        ("LAN=1", " --lan"),
        ("LAN=10.0.0.5", " --lan 10.0.0.5"),
        ("LAN=", ""),
        ("PAINTER=models/paint/klein", ' --painter "models/paint/klein"'),
    ],
)
def test_make_run_passes_on_what_it_is_told_and_opens_it_only_where_that_is_asked_for(given, option):
    command = ["make", "--no-print-directory", "--dry-run", "run", "PYTHON=python3", given]
    own = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}  # make test sets them
    made = subprocess.run(command, check=True, capture_output=True, cwd=ROOT, env=own, encoding="utf-8")
    last = made.stdout.replace("\\\n", " ").splitlines()[-1]
    assert last.split() == ["exec", *f'.venv/bin/python -m local run --port "8000"{option}'.split()]
