"""When certificates and credentials in use expire.

Belongs here: asking servers for their certificate, and settings for their keys' end. Does not: thresholds.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Iterator
from datetime import UTC
from urllib.parse import urlsplit

from data_pipeline.operations.signals.facts import ExpiryFact
from data_pipeline.settings import Settings, WarehouseKind

_TIMEOUT_S = 3.0


def gather_expiries(settings: Settings) -> list[ExpiryFact]:
    """Certificates of the TLS servers in use, and the end of temporary keys. A server that does not answer is no news here."""
    found = []
    for name, host, port in _tls_servers(settings):
        with contextlib.suppress(OSError):
            found.append(certificate_expiry(name, host, port))
    if settings.aws_credential_expiration is not None:
        found.append(ExpiryFact("credential", "AWS session token", settings.aws_credential_expiration.astimezone(UTC)))
    return found


def certificate_expiry(name: str, host: str, port: int) -> ExpiryFact:
    """The end of the certificate that a server shows, trusted or not.

    Raises:
        OSError: the server does not answer, or not in TLS.
    """
    from cryptography.x509 import load_der_x509_certificate

    context = ssl.create_default_context()
    # Also one that has expired, or whose authority is our own, must be seen; nothing is sent over this connection.
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection((host, port), timeout=_TIMEOUT_S) as plain, context.wrap_socket(plain, server_hostname=host) as secure:
        shown = secure.getpeercert(binary_form=True)
    if shown is None:
        raise OSError(f"{host}:{port} shows no certificate")
    return ExpiryFact("certificate", f"{name} at {host}:{port}", load_der_x509_certificate(shown).not_valid_after_utc)


def _tls_servers(settings: Settings) -> Iterator[tuple[str, str, int]]:
    if settings.kafka_security_protocol.endswith("SSL"):
        for server in settings.kafka_bootstrap_servers.split(","):
            host, _, port = server.strip().rpartition(":")
            yield "Kafka", host, int(port)
    endpoint = urlsplit(settings.s3_endpoint_url or "")
    if endpoint.scheme == "https" and endpoint.hostname:
        yield "S3", endpoint.hostname, endpoint.port or 443
    if settings.warehouse is WarehouseKind.REDSHIFT and settings.redshift_host:
        yield "Redshift", settings.redshift_host, settings.redshift_port
