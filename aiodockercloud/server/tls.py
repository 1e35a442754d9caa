"""The certificate of a server that speaks TLS, and its renewal without a restart."""

from __future__ import annotations

import logging
import ssl
from datetime import UTC, datetime
from pathlib import Path

__all__ = ["Certificate"]

log: logging.Logger = logging.getLogger(__name__)


class Certificate:
    """A certificate with its private key, from two files.

    Args:
        certificate: The file of the certificate and of those that signed it, in PEM.
        key: The file of the private key, in PEM and without a password.

    Raises:
        ValueError: The files cannot be read, or do not belong together.

    Attributes:
        context: The context of the server. A renewed certificate changes the context,
            and applies to the connections that begin afterwards.
    """

    def __init__(self, certificate: str | Path, key: str | Path) -> None:
        self._files = Path(certificate), Path(key)
        self.context: ssl.SSLContext = _context()
        end = _end(*self._files)
        self._load(self.context)
        if end <= datetime.now(UTC):
            log.warning("%s: the certificate expired on %s", certificate, end)

    def reload(self) -> bool:
        """Read the files again; keep the certificate when they cannot be used.

        Returns:
            Whether the certificate was read. The log has the reason if not.
        """
        try:
            end = _end(*self._files)
            if end <= datetime.now(UTC):
                raise ValueError(f"{self._files[0]}: expired on {end}")
            self._load(_context())  # a failure must not leave half of a pair
            self._load(self.context)
        except ValueError as error:
            log.error("kept the certificate in use: %s", error)
            return False
        log.info("read %s, which expires on %s", self._files[0], end)
        return True

    def _load(self, context: ssl.SSLContext) -> None:
        certificate, key = self._files
        try:
            # A password, so that OpenSSL does not ask for one on the terminal.
            context.load_cert_chain(certificate, key, password="")
        except (OSError, ValueError) as error:
            raise ValueError(
                f"{certificate} and {key} are no certificate with its key: {error}"
            ) from error


def _context() -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


def _end(certificate: Path, key: Path) -> datetime:
    """Return when a certificate expires.

    Raises:
        ValueError: A file cannot be read, or contains no certificate.
    """
    # Local: a server without TLS starts without cryptography.
    from cryptography import x509  # noqa: PLC0415

    try:
        key.read_bytes()
        found = x509.load_pem_x509_certificate(certificate.read_bytes())
    except OSError as error:
        raise ValueError(f"{error.filename}: {error.strerror}") from error
    except ValueError as error:
        raise ValueError(f"{certificate}: is no certificate in PEM") from error
    return found.not_valid_after_utc
