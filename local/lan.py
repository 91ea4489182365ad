"""The booth for the devices of its network: the machine's address there, and a certificate for it.

A tablet's browser gives its camera to https pages only. Nobody signs a certificate for an address in a private network,
so this one is signed by itself, and each device asks once whether to go on.
"""

import ipaddress
import os
import socket
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

FOLDER = Path(__file__).parent.parent / ".lan"
_DAYS = 397
"""How long a certificate holds; browsers take none for longer than 398 days."""
_RENEWED_DAYS = 30
"""It is made anew so many days before its end."""


def own_address() -> str:
    """The IPv4 address of this machine in its network. Raises OSError if it is in none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # sends nothing: it asks which address the way out begins at
        address = probe.getsockname()[0]
    if ipaddress.ip_address(address).is_loopback:
        raise OSError("no network")
    return address


def certificate(address: str, folder: Path = FOLDER) -> tuple[Path, str]:
    """A certificate with its key (PEM, mode 0600) for an address, and its SHA-256 fingerprint as browsers show it.

    It is kept in the folder, and made anew for another address or when it is about to end. Raises OSError.
    """
    file = folder / "certificate.pem"
    kept = _kept(file)
    if kept is None or not _fits(kept, address):
        folder.mkdir(mode=0o700, exist_ok=True)
        kept, key = _make(address)
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        new = file.with_suffix(".new")
        new.unlink(missing_ok=True)
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(pem + kept.public_bytes(serialization.Encoding.PEM))
        new.replace(file)
    return file, kept.fingerprint(hashes.SHA256()).hex(":").upper()


def tls(file: Path) -> ssl.SSLContext:
    """What serves https with a certificate. Raises OSError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


def _kept(file: Path) -> x509.Certificate | None:
    """The certificate of a file; None if there is none that can be used."""
    try:
        pem = file.read_bytes()
        certificate = x509.load_pem_x509_certificate(pem)
        key = serialization.load_pem_private_key(pem, None)
    except (FileNotFoundError, ValueError, TypeError, UnsupportedAlgorithm):
        return None
    return certificate if certificate.public_key() == key.public_key() else None


def _fits(certificate: x509.Certificate, address: str) -> bool:
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    ends = certificate.not_valid_after_utc - timedelta(days=_RENEWED_DAYS)
    is_valid = certificate.not_valid_before_utc <= datetime.now(UTC) < ends
    return is_valid and names.get_values_for_type(x509.IPAddress) == [ipaddress.ip_address(address)]


def _make(address: str) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Photo Booth on {address}")])
    begin = datetime.now(UTC) - timedelta(days=1)  # a tablet's clock may be behind
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=_DAYS))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return certificate, key
