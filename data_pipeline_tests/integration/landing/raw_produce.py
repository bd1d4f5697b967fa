"""Sends a record batch by Kafka's own protocol: for records that librdkafka would not send, such as one without a timestamp.

Layout by Kafka's protocol guide: Produce request version 3, record batch version 2.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence

NO_TIMESTAMP = -1


def produce(servers: str, topic: str, values: Sequence[bytes], timestamp: int = NO_TIMESTAMP, partition: int = 0) -> None:
    """Send the values as one batch to a broker that leads the partition; AssertionError when it refuses."""
    batch = _batch(values, timestamp)
    name = topic.encode()
    # no transaction, acks of all, timeout, one topic
    body = struct.pack(">hhiih", -1, -1, 10_000, 1, len(name)) + name
    body += struct.pack(">iii", 1, partition, len(batch)) + batch
    request = struct.pack(">hhih", 0, 3, 7, -1) + body
    host, port = servers.split(",", maxsplit=1)[0].split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(struct.pack(">i", len(request)) + request)
        answer = connection.makefile("rb")
        (size,) = struct.unpack(">i", answer.read(4))
        data = answer.read(size)
    # correlation, one topic, its name, one partition, its number, the error
    (error,) = struct.unpack(">h", data[4 + 4 + 2 + len(name) + 4 + 4 :][:2])
    assert error == 0, f"the broker refused the batch with error {error}"


def _batch(values: Sequence[bytes], timestamp: int) -> bytes:
    records = b"".join(_record(number, value) for number, value in enumerate(values))
    checked = struct.pack(">hiqqqhii", 0, len(values) - 1, timestamp, timestamp, -1, -1, -1, len(values)) + records
    after_length = struct.pack(">ibI", 0, 2, _crc32c(checked)) + checked
    return struct.pack(">qi", 0, len(after_length)) + after_length


def _record(number: int, value: bytes) -> bytes:
    body = b"\x00" + _varint(0) + _varint(number) + _varint(-1) + _varint(len(value)) + value + _varint(0)
    return _varint(len(body)) + body


def _varint(number: int) -> bytes:
    rest, data = (number << 1) ^ (number >> 63), b""
    while rest > 0x7F:
        data += bytes([rest & 0x7F | 0x80])
        rest >>= 7
    return data + bytes([rest])


def _crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF
