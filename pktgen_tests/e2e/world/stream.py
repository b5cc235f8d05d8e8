# SPDX-License-Identifier: BSD-3-Clause
"""The connections of an agent: TCP, or TLS with a context of ssl."""

import re
import select
import socket
import ssl
import threading

LENGTH = re.compile(rb"^(?:content-length|l)\s*:\s*(\d+)\s*$", re.IGNORECASE | re.MULTILINE)


class Streams:
    """Listens, accepts, connects when there is something to send and no connection. What is sent
    goes over the latest connection."""

    def __init__(self, lab, host, address, port, tls, tls_server=None):
        self.lab, self.host, self.address = lab, host, address
        self.tls, self.tls_server = tls, tls_server
        self.family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.lock = threading.Lock()
        self.connections = {}  # socket: bytes of an incomplete message
        self.latest = None
        self.opened = 0  # by the other side
        self.listener = lab.socket(host, self.family, socket.SOCK_STREAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((address, port))
        self.listener.listen()
        self.port = self.listener.getsockname()[1]

    def connect(self, server):
        connection = self.lab.socket(self.host, self.family, socket.SOCK_STREAM)
        connection.settimeout(5)
        connection.bind((self.address, 0))
        connection.connect(server)
        if self.tls:
            connection = self.tls.wrap_socket(connection, server_hostname="tandem.lab")
        self._add(connection)
        return connection

    def _accept(self):
        connection = self.listener.accept()[0]
        self.opened += 1
        try:
            if self.tls_server:
                connection.settimeout(5)
                connection = self.tls_server.wrap_socket(connection, server_side=True)
            self._add(connection)
        except OSError:
            connection.close()

    def _add(self, connection):
        with self.lock:
            self.connections[connection] = b""
            self.latest = connection

    def _drop(self, connection):
        with self.lock:
            self.connections.pop(connection, None)
            if self.latest is connection:
                self.latest = None
        connection.close()

    def sendto(self, raw, server):
        (self.latest or self.connect(server)).sendall(raw)

    def cut(self):
        """Closes all connections, without a word."""
        for connection in list(self.connections):
            self._drop(connection)

    def receive(self, seconds):
        """The messages that come meanwhile."""
        ready = select.select([self.listener, *self.connections], [], [], seconds)[0]
        messages = []
        for one in ready:
            if one is self.listener:
                self._accept()
            else:
                messages += self._read(one)
        return messages

    def _read(self, connection):
        try:
            more = connection.recv(65535)
            while isinstance(connection, ssl.SSLSocket) and connection.pending():
                more += connection.recv(65535)
        except ssl.SSLWantReadError:
            return []
        except OSError:
            more = b""
        if not more:
            self._drop(connection)
            return []
        messages, rest = split(self.connections.get(connection, b"") + more)
        with self.lock:
            if connection in self.connections:
                self.connections[connection] = rest
        return messages

    def close(self):
        self.cut()
        self.listener.close()


def split(data):
    """(the messages in it, what is left)"""
    messages = []
    while True:
        data = data.lstrip(b"\r\n")
        head, end, body = data.partition(b"\r\n\r\n")
        if not end:
            return messages, data
        length = int(LENGTH.search(head).group(1))
        if len(body) < length:
            return messages, data
        messages.append(head + end + body[:length])
        data = body[length:]
