"""Signing identities: a key and a self-signed certificate for signing documents.

An organisation with a certificate of its own authority uses that instead; the verification works
by the certificate's fingerprint, which the controller publishes to the auditor either way.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_DOCUMENT_SIGNING = x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36")  # RFC 9336


@dataclass(frozen=True, slots=True)
class SigningIdentity:
    """PEM texts of a private key (PKCS #8, encrypted if a passphrase was given) and certificate.

    Args:
        certificate_sha256: the fingerprint to publish, lower-case hexadecimal.
    """

    key_pem: bytes
    certificate_pem: bytes
    certificate_sha256: str


def create_identity(
    *,
    common_name: str,
    organisation: str,
    valid_from: datetime,
    valid_until: datetime,
    passphrase: bytes | None = None,
) -> SigningIdentity:
    """A new ECDSA P-256 key with a self-signed certificate for document signing.

    Args:
        common_name, organisation: who signs; each at most 64 characters (X.520).
        valid_from, valid_until: aware instants; the certificate signs in between.
        passphrase: encrypts the key.

    Raises:
        ValueError: a name is empty or too long, or the validity ends before it begins.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation),
        ]
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(valid_from)
        .not_valid_after(valid_until)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_signing_usage(), critical=True)
        .add_extension(x509.ExtendedKeyUsage([_DOCUMENT_SIGNING]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase is not None:
        encryption = serialization.BestAvailableEncryption(passphrase)
    return SigningIdentity(
        key_pem=key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
        ),
        certificate_pem=certificate.public_bytes(serialization.Encoding.PEM),
        certificate_sha256=certificate.fingerprint(hashes.SHA256()).hex(),
    )


def _signing_usage() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=True,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
