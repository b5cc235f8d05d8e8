// SPDX-License-Identifier: BSD-3-Clause
// A phone in a browser: JsSIP registers over WSS with what stands behind the # of the page's
// address, as JSON, and says on the console what happens.
import JsSIP from "jssip";

const say = (what, more) => console.log(`phone: ${what} ${more ?? ""}`);
const options = JSON.parse(decodeURIComponent(location.hash.slice(1)));
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
  if (originator !== "remote") return;
  say("called by", session.remote_identity.uri.user);
  session.terminate({ status_code: 486, reason_phrase: "Busy Here" });
});
phone.start();
