# SPDX-License-Identifier: BSD-3-Clause
"""A SIP user agent over UDP, TCP or TLS that does what a test wants.

An Agent owns a socket on a host of the lab and a thread that receives. Requests that arrive wait
in a list until the test asks for them with expect(); retransmissions are answered from memory.
A Call is one dialog, on either side.
"""

import select
import socket
import threading
import time

from . import sip, stream
from .lab import ADDRESSES, DOMAIN, SIP_ADDRESS, SIP_ADDRESS6, Timeout
from .rtp import Rtp

T1 = 0.5
FINAL_WAIT = 12


class Agent:
    """One user on one host, at one port."""

    def __init__(self, lab, user, host=None, password=None, port=0, address=None, trunk=False,
                 server=None, server_port=None, transport="udp", tls=None,
                 tls_server=None):
        """transport: tcp and tls listen at the port, and connect when they send. tls, tls_server:
        contexts of ssl, for connections of its own and of others."""
        self.lab = lab
        self.user = user
        self.trunk = trunk  # known by its address: is not challenged
        self.host = host or user
        self.password = password or f"{user}-secret"
        self.address = address or ADDRESSES[self.host]
        own_host = self.address if self.host == "tandem" else None
        of_family = SIP_ADDRESS6 if ":" in self.address else SIP_ADDRESS
        self.transport = transport
        self.server = (server or own_host or of_family,
                       server_port or (5061 if transport == "tls" else 5060))
        if transport == "udp":
            family = socket.AF_INET6 if ":" in self.address else socket.AF_INET
            self.socket = lab.socket(self.host, family)
            self.socket.bind((self.address, port))
            self.port = self.socket.getsockname()[1]
        else:
            self.socket = stream.Streams(lab, self.host, self.address, port, tls, tls_server)
            self.port = self.socket.port
        self.uri = f"sip:{user}@{DOMAIN}"
        self.host_part = f"[{self.address}]" if ":" in self.address else self.address
        self.contact = f"sip:{user}@{self.host_part}:{self.port}"
        if transport != "udp":
            self.contact += f";transport={transport}"
        self.responses = []
        self.requests = []
        self.trace = []
        self.media = []
        self.stun, self.stuns = None, 0  # what makes an answer to STUN; how many came
        self._answered = {}
        self._changed = threading.Condition()
        self._closed = False
        self._registered = False
        self._register_call_id = sip.token() + "@" + self.host
        self._cseq = 1
        self._thread = threading.Thread(target=self._receive, daemon=True)
        self._thread.start()

    def close(self):
        """Ends the agent; what it registered goes away with it."""
        if self._registered:
            try:
                self.register(expires=0, contacts=["*"], seconds=2)
            except (Timeout, OSError):
                pass
        self.abandon()

    def abandon(self):
        """Ends the agent; what it registered stays."""
        self._registered = False
        self._closed = True
        self._thread.join(2)
        for media in self.media:
            media.close()
        self.socket.close()

    # --- wire ---------------------------------------------------------------------

    def send_raw(self, raw, to=None):
        self.socket.sendto(raw, to or self.server)

    def send(self, message):
        self.trace.append(("out", time.monotonic(), message))
        self.send_raw(message.bytes())

    def _receive(self):
        while not self._closed:
            try:
                if self.transport != "udp":
                    for raw in self.socket.receive(0.1):
                        self._take(sip.Message.parse(raw))
                    continue
                if not select.select([self.socket], [], [], 0.1)[0]:
                    continue
                raw, source = self.socket.recvfrom(65535)
                if raw[:2] == b"\0\1":  # a Binding request of STUN
                    self.stuns += 1
                    if self.stun:
                        self.socket.sendto(self.stun(raw), source)
                    continue
            except (OSError, ValueError):
                continue
            if raw.strip():
                self._take(sip.Message.parse(raw))

    def _take(self, message):
        self.trace.append(("in", time.monotonic(), message))
        with self._changed:
            if message.is_response:
                self.responses.append(message)
            else:
                key = (message.branch, message.method)
                if key in self._answered:
                    if self._answered[key]:
                        self.send(self._answered[key])
                    return
                self._answered[key] = None
                self.requests.append(message)
            self._changed.notify_all()

    def _wait(self, find, seconds, what):
        end = time.monotonic() + seconds
        with self._changed:
            while True:
                found = find()
                if found:
                    return found
                left = end - time.monotonic()
                if left <= 0:
                    raise Timeout(f"{self.user}: not within {seconds} s: {what}")
                self._changed.wait(left)

    # --- as a client ------------------------------------------------------------------

    def request(self, method, uri, to=None, call_id=None, cseq=None, headers=(), body="",
                from_tag=None, to_tag=None, rport=True):
        """A new request with the headers that RFC 3261 §8.1.1 wants."""
        self._cseq += 1
        to_value = f"<{to or uri}>" + (f";tag={to_tag}" if to_tag else "")
        via = f"SIP/2.0/{self.transport.upper()} {self.host_part}:{self.port};branch=z9hG4bK{sip.token(12)}"
        fields = [("via", via + (";rport" if rport else "")), ("max-forwards", "70"),
                  ("from", f"<{self.uri}>;tag={from_tag or sip.token()}"), ("to", to_value),
                  ("call-id", call_id or f"{sip.token(16)}@{self.host}"),
                  ("cseq", f"{cseq or self._cseq} {method}"), ("contact", f"<{self.contact}>")]
        if body:
            fields.append(("content-type", "application/sdp"))
        return sip.Message(f"{method} {uri} SIP/2.0", fields + list(headers), body)

    def response(self, request, seconds=FINAL_WAIT, final=True, status=None):
        """Waits for the (final) response of a request, which is sent again until then."""
        def find():
            return next((r for r in self.responses if r.branch == request.branch
                         and r.method == request.method
                         and (r.status == status if status else not final or r.status >= 200)), None)
        end = time.monotonic() + seconds
        pause = T1
        while True:
            try:
                return self._wait(find, max(0.01, min(pause, end - time.monotonic())), "")
            except Timeout:
                if time.monotonic() >= end:
                    got = [r.status for r in self.responses if r.branch == request.branch]
                    raise Timeout(f"{self.user}: no {status or 'final'} response to "
                                  f"{request.method} within {seconds} s (got {got})") from None
                heard = any(r.branch == request.branch for r in self.responses)
                if self.transport == "udp" and (request.method != "INVITE" or not heard):
                    self.send(request)
                pause = min(pause * 2, 4)

    def transact(self, request, seconds=FINAL_WAIT):
        self.send(request)
        return self.response(request, seconds)

    def authorised(self, request, challenged, algorithm=None, password=None):
        """The request again, with the answer to a challenge."""
        offered = sip.challenges(challenged)
        challenge = next((c for c in offered
                          if not algorithm or c["algorithm"].upper() == algorithm), None)
        assert challenge, f"no challenge for {algorithm}: {challenged}"
        name = "authorization" if challenged.status == 401 else "proxy-authorization"
        answer = sip.digest_answer(challenge, request.method, request.uri, self.user,
                                   password or self.password)
        again = self.request(request.method, request.uri, body=request.body)
        again.headers = [(n, v) for n, v in request.headers if n not in ("via", "cseq", name)]
        again.headers.insert(0, ("via", request.get("via").replace(
            request.branch, "z9hG4bK" + sip.token(12))))
        self._cseq = max(self._cseq, request.cseq) + 1
        again.headers += [("cseq", f"{self._cseq} {request.method}"), (name, answer)]
        return again

    def register(self, expires=600, contacts=None, algorithm=None, password=None, cseq=None,
                 call_id=None, answer=True, seconds=FINAL_WAIT, headers=()):
        """REGISTER with digest; returns the final response."""
        contacts = [f"<{self.contact}>"] if contacts is None else contacts
        request = self.request("REGISTER", f"sip:{DOMAIN}", to=self.uri, cseq=cseq,
                               call_id=call_id or self._register_call_id,
                               headers=([("expires", str(expires))] if expires is not None
                                        else []) + list(headers))
        request.headers = [h for h in request.headers if h[0] != "contact"]
        request.headers += [("contact", contact) for contact in contacts]
        response = self.transact(request, seconds)
        if response.status != 401 or not answer:
            return response
        again = self.authorised(request, response, algorithm, password)
        if cseq:
            again.headers = [(n, f"{cseq + 1} REGISTER" if n == "cseq" else v) for n, v in again.headers]
        response = self.transact(again, seconds)
        self._registered = self._registered or response.status == 200
        return response

    def rtp(self, frequency=440):
        media = Rtp(self.lab, self.host, self.address, frequency)
        self.media.append(media)
        return media

    def invite(self, target, frequency=440, sdp=None, headers=(), seconds=FINAL_WAIT):
        """Sends an INVITE, answers a challenge, and returns the Call that is under way."""
        media = self.rtp(frequency)
        uri = target if ":" in target else f"sip:{target}@{DOMAIN}"
        body = sip.make_sdp(self.address, media.port) if sdp is None else sdp
        request = self.request("INVITE", uri, headers=headers, body=body)
        self.send(request)
        if self.trunk:
            return Call(self, request, media, caller=True)
        first = self.response(request, seconds, final=False)
        if first.status == 100:
            first = self.response_beyond_100(request, seconds)
        if first.status in (401, 407):
            self.ack_failure(request, first)
            request = self.authorised(request, first)
            self.send(request)
        return Call(self, request, media, caller=True)

    def response_beyond_100(self, request, seconds):
        return self._wait(lambda: next((r for r in self.responses if r.branch == request.branch
                                        and r.status > 100), None), seconds, "more than 100")

    def ack_failure(self, request, response):
        """ACK for a final response other than 2xx (RFC 3261 §17.1.1.3)."""
        fields = [("via", request.get("via")), ("max-forwards", "70"),
                  ("from", request.get("from")), ("to", response.get("to")),
                  ("call-id", request.call_id), ("cseq", f"{request.cseq} ACK")]
        self.send(sip.Message(f"ACK {request.uri} SIP/2.0", fields))

    # --- as a server --------------------------------------------------------------------

    def expect(self, method, seconds=FINAL_WAIT, call_id=None):
        """Takes the next request of this method out of the waiting list."""
        def find():
            return next((r for r in self.requests if r.method == method
                         and (not call_id or r.call_id == call_id)), None)
        found = self._wait(find, seconds, f"a {method}")
        with self._changed:
            self.requests.remove(found)
        return found

    def reply(self, request, status, reason="Because", tag=None, headers=(), body=""):
        response = sip.response_to(request, status, reason, tag, headers, body)
        self._answered[(request.branch, request.method)] = response
        self.send(response)
        return response

    def incoming(self, frequency=880, seconds=FINAL_WAIT):
        """Waits for an INVITE; returns the Call."""
        invite = self.expect("INVITE", seconds)
        return Call(self, invite, self.rtp(frequency), caller=False)


class Call:
    """One dialog with Tandem, as caller or callee."""

    def __init__(self, agent, invite, media, caller):
        self.agent = agent
        self.invite = invite
        self.media = media
        self.caller = caller
        self.call_id = invite.call_id
        self.tag = invite.tag("from") if caller else sip.token()
        self.answered = None
        self.remote_sdp = None if caller else (sip.Sdp(invite.body) if invite.body else None)
        self.sdp_version = 1
        self._cseq = invite.cseq if caller else 100

    # --- caller ----------------------------------------------------------------------

    def wait_status(self, status, seconds=FINAL_WAIT):
        """Waits for this response to the INVITE; keeps the SDP that it brings."""
        response = self.agent.response(self.invite, seconds, status=status)
        if response.body:
            self.remote_sdp = sip.Sdp(response.body)
        return response

    def wait_answer(self, seconds=FINAL_WAIT, talk=True):
        """Waits for the 200, acknowledges it, and starts to talk."""
        response = self.agent.response(self.invite, seconds)
        assert response.status == 200, f"expected 200, got {response.first}"
        self.answered = response
        self.remote_sdp = sip.Sdp(response.body)
        self.acknowledge()
        if talk:
            self.talk()
        return response

    def wait_failure(self, seconds=FINAL_WAIT):
        """Waits for a final response that is none of success; acknowledges it."""
        response = self.agent.response(self.invite, seconds)
        assert response.status >= 300, f"expected a failure, got {response.first}"
        self.agent.ack_failure(self.invite, response)
        return response

    def acknowledge(self, body=""):
        self.agent.send(self.in_dialog("ACK", cseq=self.invite.cseq, body=body))

    def cancel(self):
        """CANCEL (RFC 3261 §9.1); returns its response."""
        invite = self.invite
        fields = [("via", invite.get("via")), ("max-forwards", "70"), ("from", invite.get("from")),
                  ("to", invite.get("to")), ("call-id", invite.call_id),
                  ("cseq", f"{invite.cseq} CANCEL")]
        request = sip.Message(f"CANCEL {invite.uri} SIP/2.0", fields)
        return self.agent.transact(request)

    # --- callee ----------------------------------------------------------------------

    def _reply(self, status, reason, body="", headers=()):
        contact = [("contact", f"<{self.agent.contact}>")]
        return self.agent.reply(self.invite, status, reason, self.tag, contact + list(headers), body)

    def ring(self):
        return self._reply(180, "Ringing")

    def early_media(self):
        """183 with a description; the tone starts."""
        self._reply(183, "Session Progress", self.local_sdp())
        self.talk()

    def answer(self, sdp=None):
        """200, waits for the ACK, and starts to talk."""
        self.answered = self._reply(200, "OK", self.local_sdp() if sdp is None else sdp)
        ack = self.agent.expect("ACK", call_id=self.call_id)
        if ack.body and not self.remote_sdp:
            self.remote_sdp = sip.Sdp(ack.body)
        self.talk()
        return ack

    def reject(self, status, reason="No", headers=()):
        self._reply(status, reason, headers=headers)
        self.agent.expect("ACK", call_id=self.call_id)

    # --- both --------------------------------------------------------------------------

    def local_sdp(self, direction="sendrecv"):
        return sip.make_sdp(self.agent.address, self.media.port, direction,
                            version=self.sdp_version)

    def talk(self):
        self.media.start(self.remote_sdp.address, self.remote_sdp.port)

    def in_dialog(self, method, cseq=None, body=""):
        if self.caller:
            local, remote = self.invite.get("from"), self.answered.get("to")
            target, routes = self.answered.contact_uri(), self.answered.all("record-route")[::-1]
        else:
            local = self.answered.get("to")
            remote = self.invite.get("from")
            target, routes = self.invite.contact_uri(), self.invite.all("record-route")
        if cseq is None:
            self._cseq += 1
            cseq = self._cseq
        agent = self.agent
        via = (f"SIP/2.0/{agent.transport.upper()} {agent.host_part}:{agent.port};"
               f"branch=z9hG4bK{sip.token(12)};rport")
        fields = [("via", via), ("max-forwards", "70"), ("from", local), ("to", remote),
                  ("call-id", self.call_id), ("cseq", f"{cseq} {method}"),
                  ("contact", f"<{agent.contact}>")]
        fields += [("route", route) for route in routes]
        if body:
            fields.append(("content-type", "application/sdp"))
        return sip.Message(f"{method} {target} SIP/2.0", fields, body)

    def reinvite(self, direction):
        """Offers a new direction; returns the answer's Sdp after the ACK."""
        self.sdp_version += 1
        request = self.in_dialog("INVITE", body=self.local_sdp(direction))
        response = self.agent.transact(request)
        self.agent.send(self.in_dialog("ACK", cseq=request.cseq))
        assert response.status == 200, f"re-INVITE: {response.first}"
        self.remote_sdp = sip.Sdp(response.body)
        return self.remote_sdp

    def answer_reinvite(self, direction, seconds=FINAL_WAIT):
        """Waits for a re-INVITE and accepts it; returns what was offered."""
        request = self.agent.expect("INVITE", seconds, call_id=self.call_id)
        offer = sip.Sdp(request.body)
        self.sdp_version += 1
        self.agent.reply(request, 200, "OK", None, [("contact", f"<{self.agent.contact}>")],
                         self.local_sdp(direction))
        self.agent.expect("ACK", call_id=self.call_id)
        self.remote_sdp = offer
        return offer

    def hang_up(self):
        """BYE; returns its response."""
        self.media.pause()
        return self.agent.transact(self.in_dialog("BYE"))

    def wait_bye(self, seconds=FINAL_WAIT):
        """Waits for the other side's BYE and answers it."""
        bye = self.agent.expect("BYE", seconds, call_id=self.call_id)
        self.agent.reply(bye, 200, "OK")
        self.media.pause()
        return bye
