# SPDX-License-Identifier: BSD-3-Clause
"""Many phones that register once, with digest, and stay: over UDP from one socket, over TCP each
with a connection of its own, which is kept. An address has ports for some 28,000 connections to the
same place, so there may be several.

    phones.py udp|tcp TARGET SOURCE[,SOURCE…] DOMAIN COUNT

Phone n is userN with the password secretN. Says "registered N of COUNT" when all have an answer,
and then does nothing until it is ended."""

import hashlib
import re
import resource
import selectors
import signal
import socket
import sys
import time

WINDOW = 200
SPARE_FILES = 100
FIRST_PORT = 10000
REPEAT_S = 1.0
GIVE_UP_S = 20
NONCE = re.compile(rb'nonce="([^"]+)"')
LENGTH = re.compile(rb"\r\nContent-Length: *(\d+)", re.I)
CALL_ID = re.compile(rb"\r\nCall-ID: *(\d+)@", re.I)


def md5(text):
    return hashlib.md5(text.encode()).hexdigest()


class Phone:
    """One of them: what it sends next."""

    def __init__(self, number, transport, local, domain):
        self.number, self.transport, self.local, self.domain = number, transport, local, domain
        self.cseq = 0
        self.authorization = ""
        self.begun = self.sent = time.monotonic()

    def message(self):
        self.cseq += 1
        user, n = f"user{self.number}", self.number
        return (f"REGISTER sip:{self.domain} SIP/2.0\r\n"
                f"Via: SIP/2.0/{self.transport.upper()} {self.local};branch=z9hG4bK{n}c{self.cseq};rport\r\n"
                f"From: <sip:{user}@{self.domain}>;tag={n}\r\nTo: <sip:{user}@{self.domain}>\r\n"
                f"Call-ID: {n}@phones\r\nCSeq: {self.cseq} REGISTER\r\n"
                f"Contact: <sip:{user}@{self.local};transport={self.transport}>\r\n"
                f"Max-Forwards: 70\r\nExpires: 3600\r\nUser-Agent: bench phone 1.0\r\n"
                f"{self.authorization}Content-Length: 0\r\n\r\n").encode()

    def challenged(self, response):
        user, uri = f"user{self.number}", f"sip:{self.domain}"
        nonce = NONCE.search(response).group(1).decode()
        ha1 = md5(f"{user}:{self.domain}:secret{self.number}")
        answer = md5(f"{ha1}:{nonce}:00000001:c:auth:{md5('REGISTER:' + uri)}")
        self.authorization = (
            f'Authorization: Digest username="{user}", realm="{self.domain}", nonce="{nonce}", '
            f'uri="{uri}", response="{answer}", algorithm=MD5, qop=auth, nc=00000001, '
            'cnonce="c"\r\n')


class Phones:
    def __init__(self, transport, target, source, domain, count):
        self.transport, self.target, self.sources = transport, (target, 5060), source.split(",")
        self.domain, self.count = domain, count
        self.next = self.good = self.done = 0
        self.open = {}   # number: phone under way
        self.sockets = {}
        self.selector = selectors.DefaultSelector()
        self.shared = self._datagrams() if transport == "udp" else None

    def _datagrams(self):
        shared = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        shared.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        shared.bind((self.sources[0], 5060))
        shared.setblocking(False)
        self.selector.register(shared, selectors.EVENT_READ)
        return shared

    def _begin(self):
        number, self.next = self.next, self.next + 1
        if self.shared:
            local = f"{self.sources[0]}:5060"
        else:
            # A port of its own choice: the system's search slows down when half are taken.
            source, port = number % len(self.sources), FIRST_PORT + number // len(self.sources)
            connection = socket.create_connection(self.target, 10, (self.sources[source], port))
            connection.setblocking(False)
            self.selector.register(connection, selectors.EVENT_READ)
            self.sockets[number] = connection
            local = "{}:{}".format(*connection.getsockname())
        phone = self.open[number] = Phone(number, self.transport, local, self.domain)
        self._send(phone, phone.message())

    def _send(self, phone, message):
        phone.sent, phone.last = time.monotonic(), message
        if self.shared:
            self.shared.sendto(message, self.target)
        else:
            self.sockets[phone.number].send(message)

    def _take(self, response):
        found = CALL_ID.search(response)
        phone = self.open.get(int(found.group(1))) if found else None
        if not phone or f"CSeq: {phone.cseq} ".encode() not in response:
            return
        status = response[8:11]
        if status == b"401" and phone.cseq == 1:
            phone.challenged(response)
            self._send(phone, phone.message())
            return
        self.good += status == b"200"
        self.done += 1
        del self.open[phone.number]

    def _read(self, ready):
        data = ready.recv(65535)
        while data:
            head, end, _ = data.partition(b"\r\n\r\n")
            length = int(LENGTH.search(head + end).group(1)) if end else 0
            self._take(data[:len(head) + 4 + length])
            data = data[len(head) + 4 + length:]

    def _repeat(self):
        now = time.monotonic()
        for phone in list(self.open.values()):
            if now - phone.begun > GIVE_UP_S:
                self.done += 1
                del self.open[phone.number]
            elif self.shared and now - phone.sent > REPEAT_S:
                self._send(phone, phone.last)

    def run(self):
        looked = time.monotonic()
        while self.done < self.count:
            while self.next < self.count and len(self.open) < WINDOW:
                self._begin()
            for key, _ in self.selector.select(0.1):
                try:
                    while self.shared:
                        self._take(self.shared.recv(65535))
                    self._read(key.fileobj)
                except BlockingIOError:
                    pass
            if time.monotonic() - looked > 0.2:
                looked = time.monotonic()
                self._repeat()
        print(f"registered {self.good} of {self.count}", flush=True)


def allow(files):
    """As many descriptors as there will be, or as many as may be."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(files, hard),) * 2)
    except ValueError:  # who may not raise the hard limit
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


if __name__ == "__main__":
    allow(int(sys.argv[5]) + SPARE_FILES)
    phones = Phones(*sys.argv[1:5], int(sys.argv[5]))
    phones.run()
    signal.pause()
