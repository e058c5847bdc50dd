"""A small certificate authority for the development network; its key is read by root alone."""

import datetime as dt
import ipaddress
import os
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from devkit import users
from devkit.network import CATALOG, SIGN_ON, TOOLS_DOMAIN
from devkit.state import CA, state_folder, user, write

LIFE = dt.timedelta(days=365)
RENEW = dt.timedelta(days=30)
CA_NAME = "Co-op Catalog development CA"
SERVERS = {"catalog": CATALOG, "signon": SIGN_ON, "tools": f"*.{TOOLS_DOMAIN}"}


def ca_folder() -> Path:
    """Give the folder: `ca.pem`, and `<name>.pem` with `<name>.key` for each server."""
    return state_folder() / CA


def ensure_certificates() -> None:
    """Make what is missing or runs out within a month."""
    folder = ca_folder()
    if _runs_out(folder / "ca.pem"):
        for file in folder.iterdir():
            file.unlink()
        key = ec.generate_private_key(ec.SECP256R1())
        _keep(folder / "ca", key, _authority(key))
    key_pem = (folder / "ca.key").read_bytes()
    key_of_ca = serialization.load_pem_private_key(key_pem, password=None)
    authority = x509.load_pem_x509_certificate((folder / "ca.pem").read_bytes())
    for name, host in SERVERS.items():
        if _runs_out(folder / f"{name}.pem"):
            key = ec.generate_private_key(ec.SECP256R1())
            _keep(folder / name, key, _server(key, host, authority, key_of_ca))
            os.chown(folder / f"{name}.key", *users.ids(user()))


def _runs_out(file: Path) -> bool:
    if not file.is_file() or not file.with_suffix(".key").is_file():
        return True
    certificate = x509.load_pem_x509_certificate(file.read_bytes())
    return certificate.not_valid_after_utc - dt.datetime.now(dt.UTC) < RENEW


def _keep(stem: Path, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
    plain = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    write(stem.with_suffix(".key"), plain, 0o600)
    write(stem.with_suffix(".pem"), certificate.public_bytes(serialization.Encoding.PEM))


def _authority(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = _named(CA_NAME)
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    # Whoever trusts this authority trusts it for the development names alone (RFC 5280, section 4.2.1.10).
    permitted = [x509.DNSName(host.removeprefix("*.")) for host in SERVERS.values()]
    excluded = [
        x509.IPAddress(ipaddress.ip_network("0.0.0.0/0")),
        x509.IPAddress(ipaddress.ip_network("::/0")),
    ]
    return (
        _begun(name, key, name)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.NameConstraints(permitted, excluded), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _server(
    key: ec.EllipticCurvePrivateKey, host: str, authority: x509.Certificate, key_of_ca: object
) -> x509.Certificate:
    if not isinstance(key_of_ca, ec.EllipticCurvePrivateKey):
        raise TypeError(type(key_of_ca).__name__)
    issuer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(key_of_ca.public_key())
    return (
        _begun(_named(host), key, authority.subject)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(issuer_key, critical=False)
        .sign(key_of_ca, hashes.SHA256())
    )


def _begun(subject: x509.Name, key: ec.EllipticCurvePrivateKey, issuer: x509.Name) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + LIFE)
    )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
