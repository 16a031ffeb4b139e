#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""client.py KIND PORT RATE SECONDS: asks redis, memcached or nginx at an even rate, and tells each answer's latency.

One connection, one request at a time: a request that is late is sent at once, and its latency counts from when it was sent.
"""
import os
import socket
import sys
import time

VALUE = b"x" * 100
REQUESTS = {
    "redis": b"*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$100\r\n" + VALUE + b"\r\n",
    "memcached": b"set key 0 0 100\r\n" + VALUE + b"\r\n",
    "nginx": b"GET / HTTP/1.1\r\nHost: here\r\n\r\n",
}
TELL_EVERY_S = 0.02


def main() -> None:
    kind, port, rate, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])
    metrics = int(os.environ.get("FLYBALL_METRICS_FD", "1"))
    server = socket.create_connection(("127.0.0.1", port))
    server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    begin = told = time.monotonic()
    asked, lines = 0, []
    while time.monotonic() - begin < seconds:
        wait = begin + asked / rate - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        sent = time.monotonic()
        server.sendall(REQUESTS[kind])
        if not server.recv(65536):
            sys.exit("the server has closed the connection")
        now = time.monotonic()
        asked += 1
        lines.append(f"op {now - sent:.6f}\n")
        if now - told > TELL_EVERY_S:
            os.write(metrics, "".join(lines).encode())
            told, lines = now, []
    os.write(metrics, "".join(lines).encode())


main()
