// SPDX-License-Identifier: BSD-3-Clause
// A phone in a browser: JsSIP registers over WSS with what stands behind the # of the page's
// address, as JSON, and says on the console what happens. It answers the first call, holds and
// resumes it, and when that is over calls all of `dial` in turn. Its media is somebody else's: what a browser
// offers is WebRTC's, so the description is a plain one, of `media`.
import JsSIP from "jssip";

const say = (what, more) => console.log(`phone: ${what} ${more ?? ""}`);
const options = JSON.parse(decodeURIComponent(location.hash.slice(1)));
let version = 0;

function description() {
  const { address, port } = options.media;
  const family = address.includes(":") ? "IP6" : "IP4";
  return ["v=0", `o=- 4711 ${++version} IN ${family} ${address}`, "s=-", `c=IN ${family} ${address}`,
    "t=0 0", `m=audio ${port} RTP/AVP 0`, "a=rtpmap:0 PCMU/8000", "a=sendrecv", ""].join("\r\n");
}

class PlainConnection extends EventTarget {
  iceGatheringState = "complete";
  iceConnectionState = "connected";
  signalingState = "stable";

  createOffer() { return Promise.resolve({ type: "offer", sdp: description() }); }
  createAnswer() { return Promise.resolve({ type: "answer", sdp: description() }); }

  setLocalDescription(local) {
    this.localDescription = local;
    this.signalingState = local.type === "offer" ? "have-local-offer" : "stable";
    return Promise.resolve();
  }

  setRemoteDescription(remote) {
    this.remoteDescription = remote;
    this.signalingState = remote.type === "offer" ? "have-remote-offer" : "stable";
    const address = /^c=IN IP[46] (\S+)/m.exec(remote.sdp)[1];
    say("hears from", `${address} ${/^m=audio (\d+)/m.exec(remote.sdp)[1]}`);
    return Promise.resolve();
  }

  addTrack() {}
  getSenders() { return []; }
  getReceivers() { return []; }
  close() { this.signalingState = "closed"; }
}
window.RTCPeerConnection = PlainConnection;

// JsSIP may have something to finish first.
const soon = (act) => { if (!act()) setTimeout(soon, 20, act); };
const silent = { mediaConstraints: { audio: false, video: false } };
const phone = new JsSIP.UA({
  sockets: [new JsSIP.WebSocketInterface(options.server)],
  uri: options.uri,
  password: options.password,
  register_expires: 600,
});

phone.on("connected", () => say("connected"));
phone.on("disconnected", (event) => say("disconnected", event.code));
phone.on("registrationFailed", (event) => say("refused", event.cause));
phone.on("unregistered", () => say("unregistered"));
phone.on("registered", () => say("registered"));
phone.on("newRTCSession", ({ originator, session }) => {
  const incoming = originator === "remote";
  const resume = () => {
    say("holds");
    soon(() => session.unhold({}, () => say("resumes")));
  };
  session.on("confirmed", () => {
    say(incoming ? "answered" : "was answered");
    if (incoming) soon(() => session.hold({}, resume));
  });
  session.on("failed", ({ cause }) => say("failed", cause));
  session.on("ended", ({ originator: by }) => {
    say("ended by", by);
    if (options.dial.length) phone.call(options.dial.shift(), silent);
  });
  if (!incoming) return;
  say("called by", session.remote_identity.uri.user);
  session.answer(silent);
});
phone.start();
