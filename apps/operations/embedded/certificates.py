"""The private keys of a new environment and the certificate for signing evidence."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from apps.operations.embedded.errors import EmbeddedUnavailable

RSA_BITS = 3072
CERTIFICATE_YEARS = 10
SIGNING_ONLY = x509.KeyUsage(
    digital_signature=True,
    content_commitment=True,  # "non-repudiation", which PDF readers ask for
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=False,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)


def new_private_key() -> str:
    """An RSA private key as unencrypted PKCS#8 PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode("ascii")


def new_certificate(private_key: str) -> str:
    """A self-signed certificate for signing documents with the key, as PEM."""
    key = serialization.load_pem_private_key(private_key.encode("ascii"), password=None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise EmbeddedUnavailable("the evidence signing key is not an RSA key")
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "FinFlow"),
            x509.NameAttribute(NameOID.COMMON_NAME, "FinFlow evidence (embedded, self-signed)"),
        ]
    )
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=365 * CERTIFICATE_YEARS))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(SIGNING_ONLY, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM).decode("ascii")
