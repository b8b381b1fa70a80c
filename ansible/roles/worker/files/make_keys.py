"""Make what lets workers and a computer trust each other: make_keys.py FOLDER COMPUTER PORT PI.

In FOLDER: authority.pem and its key, a certificate with its key for this computer (computer.pem)
and for the Pi (PI.pem), and where workers look for it (address.json). What is there stays. Runs on
the computer that sets up the Pis; a Pi gets the authority's certificate and its own key alone.
"""

import datetime
import json
import os
import sys
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

# A Pi has no clock: after a power cut it may believe that it is years ago.
FROM = datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)
UNTIL = datetime.datetime(2049, 12, 31, tzinfo=datetime.UTC)
OURS = ("computer", "authority")
AUTHORITY = "Pi Zero neural network kit: sweeps"


def main(folder: str, computer: str, port: str, pi: str) -> None:
    """Make what is missing; print whether anything was."""
    if not port.isdecimal() or not 0 < int(port) < 65536:
        sys.exit(f"worker_computer_port: expected a port from 1 to 65535, got {port}")
    if pi.lower() in OURS:  # a folder on macOS does not tell capitals apart
        sys.exit(
            f"expected a Pi's name other than {' and '.join(OURS)}, whose keys are here, got {pi}: "
            "give it another name in the inventory"
        )
    keys = Path(folder)
    keys.mkdir(mode=0o700, parents=True, exist_ok=True)
    changed = write(keys / "address.json", json.dumps({"computer": computer, "port": int(port)}))
    certificate_file, key_file = keys / "authority.pem", keys / "authority.key"
    if certificate_file.exists() != key_file.exists():
        missing = key_file if certificate_file.exists() else certificate_file
        sys.exit(
            f"expected {missing} beside the other half of the authority: restore it from a backup, "
            f"or remove {keys} and provision all Pis again"
        )
    if not key_file.exists():
        key = ec.generate_private_key(ec.SECP256R1())
        write(certificate_file, pem(certificate(AUTHORITY, key.public_key(), key)))
        write(key_file, pem(key))
        changed = True
    authority_key = serialization.load_pem_private_key(key_file.read_bytes(), None)
    for name in ("computer", pi):
        path = keys / f"{name}.pem"
        if not path.exists():
            key = ec.generate_private_key(ec.SECP256R1())
            changed = write(
                path, pem(certificate(name, key.public_key(), authority_key)) + pem(key)
            )
    print("changed" if changed else "unchanged")


def certificate(name: str, public_key, authority_key) -> x509.Certificate:
    """Sign a certificate; the authority's, if the name is the authority's."""
    is_authority = name == AUTHORITY
    both = [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, AUTHORITY)]))
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(FROM)
        .not_valid_after(UNTIL)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()),
            critical=False,
        )
        .add_extension(usage(is_authority), critical=True)
    )
    if not is_authority:  # a worker is both: it connects, and is connected to
        builder = builder.add_extension(x509.ExtendedKeyUsage(both), critical=False)
    return builder.sign(authority_key, hashes.SHA256())


def usage(is_authority: bool) -> x509.KeyUsage:
    """Say what a key is for: certificates, or connections."""
    return x509.KeyUsage(
        digital_signature=not is_authority,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def pem(thing) -> str:
    """Write a certificate or a key as text."""
    if isinstance(thing, x509.Certificate):
        return thing.public_bytes(serialization.Encoding.PEM).decode()
    return thing.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def write(path: Path, text: str) -> bool:
    """Write a file that only its owner can read, whole or not at all; return whether it is new."""
    if path.exists() and path.read_text() == text:
        return False
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    return True


if __name__ == "__main__":
    main(*sys.argv[1:])
