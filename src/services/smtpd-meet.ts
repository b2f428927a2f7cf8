import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { eventLine } from "#log";
import type { Origin } from "#mail";
import { isOwnAddress, LineWire, type ProxyHeader, plainIp, readProxyHeader } from "#net";
import {
  type Admission,
  Conversation,
  converse,
  type House,
  type Reply,
  renderReply,
  type SessionEnd,
  type Surroundings,
  say,
} from "#smtp";
import type { TlsServer } from "#tls";
import type { SmtpdControls } from "./smtpd-controls.ts";
import type { SmtpdDoors } from "./smtpd-doors.ts";
import type { Tally } from "./smtpd-tally.ts";

/** A load balancer's header comes at once or not at all. */
const proxyHeaderMs = 5_000;

/** Every message comes from the network, by way of this process's user. */
const origin: Origin = { invoker: "network", uid: process.getuid?.() ?? 0 };

/** A client being served. `over` resolves when it has been served. */
export type Session = { readonly talk: Conversation; readonly socket: Socket; readonly over: Promise<void> };

/** Everything the connections of one service share. */
export type Front = {
  readonly log: (line: string) => void;
  readonly role: House["role"];
  readonly share: number;
  readonly controls: () => SmtpdControls;
  readonly doors: SmtpdDoors;
  readonly check: NonNullable<House["checkRecipient"]>;
  readonly admission: Admission;
  readonly sessions: Set<Session>;
  readonly nextId: () => string;
  readonly tally: Tally;
  /** Whether somebody has read mail from this address so many minutes ago at most (POP before SMTP). */
  readonly hasRead: (ip: string, minutes: number) => boolean;
  readonly tls: TlsServer;
};

/** Closes a connection that gets no session, with a word if there is one to say. */
function turnAway(front: Front, socket: Socket, ip: string, reason: string, reply: Reply | null): void {
  front.log(eventLine("smtpd refuse", { ip, reason }));
  front.tally.count("connections_refused");
  const wire = new LineWire(socket, 1_000);
  if (reply !== null) wire.write(renderReply(reply, false));
  void wire.end();
}

/** A new connection. Nothing is awaited before the greeting unless the peer is a load balancer, or TLS comes first (`isSecure`). */
export function meet(front: Front, socket: Socket, isSecure: boolean): void {
  if (socket.remoteAddress === undefined) {
    socket.destroy(); // It has gone already.
    return;
  }
  const ip = plainIp(socket.remoteAddress);
  const controls = currentControls(front);
  if (controls === null) {
    turnAway(front, socket, ip, "controls", say.noControls);
    return;
  }
  const base = new Map([
    ["PROTO", "TCP"],
    ["TCPREMOTEIP", ip],
    ["TCPREMOTEPORT", String(socket.remotePort)],
    ["TCPLOCALIP", plainIp(socket.localAddress ?? "")],
    ["TCPLOCALPORT", String(socket.localPort)],
  ]);
  if (controls.smtp.me !== null) base.set("TCPLOCALHOST", controls.smtp.me);
  if (controls.proxyFrom?.has(ip)) void meetBehindProxy(front, socket, controls, base, isSecure);
  else admit(front, controls, new LineWire(socket, controls.smtp.timeoutMs), socket, base, isSecure);
}

/** The control files as they are now; null (and an alert) if they cannot be used. */
export function currentControls(front: Pick<Front, "controls" | "log">): SmtpdControls | null {
  try {
    return front.controls();
  } catch (error) {
    front.log(`alert: smtpd: ${error instanceof Error ? error.message : error}`);
    return null;
  }
}

/** From control/proxyfrom a PROXY header is required; the client it names is the one we talk to. */
async function meetBehindProxy(
  front: Front,
  socket: Socket,
  controls: SmtpdControls,
  base: Map<string, string>,
  isSecure: boolean,
): Promise<void> {
  const wire = new LineWire(socket, proxyHeaderMs);
  const timer = setTimeout(() => socket.destroy(), proxyHeaderMs);
  const header = await takeProxyHeader(wire).catch(() => null); // The wire broke: the same as no header.
  clearTimeout(timer);
  if (header === null) {
    front.log(eventLine("smtpd refuse", { ip: base.get("TCPREMOTEIP") ?? "", reason: "proxy" }));
    socket.destroy();
    return;
  }
  wire.timeoutMs = controls.smtp.timeoutMs;
  if (header.kind === "proxied") {
    base.set("TCPREMOTEIP", plainIp(header.ip)).set("TCPREMOTEPORT", String(header.port));
    base.set("TCPLOCALIP", plainIp(header.localIp)).set("TCPLOCALPORT", String(header.localPort));
  }
  admit(front, controls, wire, socket, base, isSecure);
}

async function takeProxyHeader(wire: LineWire): Promise<ProxyHeader | null> {
  for (let have: Buffer = Buffer.alloc(0); ; ) {
    const piece = await wire.readSome();
    if (piece === null) return null;
    have = have.length === 0 ? piece : Buffer.concat([have, piece]);
    const header = readProxyHeader(have);
    if (header === "short") continue;
    if (header !== null) wire.unread(have.subarray(header.next));
    return header;
  }
}

/** The rules' word on a client: its surroundings as they change them, or null for `deny`. */
function underRules(controls: SmtpdControls, base: Surroundings): Surroundings | null {
  const host = base.get("TCPREMOTEHOST");
  const info = base.get("TCPREMOTEINFO");
  const rule = controls.rules.find({
    ip: base.get("TCPREMOTEIP") ?? "",
    ...(host === undefined ? {} : { host }),
    ...(info === undefined ? {} : { info }),
  });
  if (rule.verdict === "deny") return null;
  if (rule.changes.length === 0) return base;
  const changed = new Map(base);
  for (const [name, value] of rule.changes) {
    if (value === null) changed.delete(name);
    else changed.set(name, value);
  }
  return changed;
}

/** POP before SMTP (J-177): RELAYCLIENT for who has read mail from there; an admin's own RELAYCLIENT stays. */
function afterPop(front: Front, { popMinutes }: SmtpdControls, ruled: Surroundings): Surroundings {
  if (ruled.has("RELAYCLIENT") || !front.hasRead(ruled.get("TCPREMOTEIP") ?? "", popMinutes)) return ruled;
  return new Map(ruled).set("RELAYCLIENT", "");
}

function admit(
  front: Front,
  controls: SmtpdControls,
  wire: LineWire,
  socket: Socket,
  base: Surroundings,
  isSecure: boolean,
): void {
  const ip = base.get("TCPREMOTEIP") ?? "";
  const ruled = underRules(controls, base);
  const surroundings = controls.popMinutes > 0 && ruled !== null ? afterPop(front, controls, ruled) : ruled;
  if (surroundings === null) {
    turnAway(front, socket, ip, "rules", null); // Without a word, as tcpserver closes on a denied client.
    return;
  }
  const limits = { inAll: Math.ceil(controls.sessions / front.share), perHost: controls.sessionsPerHost };
  const admitted = front.admission.enter(ip, limits);
  if (admitted !== "yes") {
    const reply = admitted === "full" ? say.tooManySessions : say.tooManyFromHost;
    turnAway(front, socket, ip, admitted, reply);
    return;
  }
  const talk = new Conversation(front.nextId(), wire, houseFor(front, controls, socket, base), surroundings);
  const session: Session = {
    talk,
    socket,
    over: (isSecure ? secureFirst(front, talk) : converse(talk)).then((end) => {
      count(front.tally, talk, end);
      front.admission.leave(ip);
      front.sessions.delete(session);
      // Who has said QUIT or hung up sends nothing that our close could cut off; others get time to hear us out. TLS has to be
      // closed in words, or the end could be somebody else's doing (RFC 8446 §6.1).
      if (talk.tls === null && (end === "quit" || end === "eof")) talk.wire.close();
      else return talk.wire.end();
    }),
  };
  front.sessions.add(session);
}

/** TLS, and the session after it (RFC 8314 §3.3). */
async function secureFirst(front: Front, talk: Conversation): Promise<SessionEnd> {
  const { wire, client } = talk;
  const secured = await front.tls.secure(() => {
    const ahead = wire.takeSome(); // Behind a PROXY header the handshake may have come along.
    const plain = wire.release();
    if (ahead !== undefined) plain.unshift(ahead);
    return plain;
  });
  if (secured.kind === "secure") {
    talk.secured(secured.socket, secured.fact);
    return converse(talk);
  }
  if (secured.kind === "unavailable") wire.socket.destroy();
  front.log(eventLine("smtpd refuse", { ip: client.ip, reason: "tls", said: secured.reason }));
  return "tls";
}

function count(tally: Tally, talk: Conversation, end: SessionEnd): void {
  tally.count("sessions");
  if (talk.tls !== null) tally.count("tls_sessions");
  if (end === "tls") tally.count("tls_failures");
  tally.count("messages_accepted", talk.accepted);
  tally.count("message_bytes_accepted", talk.acceptedBytes);
  tally.count("rejections", talk.rejected);
}

/** The house of a connection; all but those of XCLIENT's proxies share one as long as no control file changes. */
function houseFor(front: Front, controls: SmtpdControls, socket: Socket, base: Surroundings): House {
  const house = sharedHouse(front, controls);
  if (!controls.smtp.xclientFrom?.has(plainIp(socket.remoteAddress ?? ""))) return house;
  // The rules' changes for the proxy itself must not stick to the client it speaks for: start from the bare facts.
  return { ...house, readmit: (told) => underRules(controls, bareFacts(told, base)) };
}

const houses = new WeakMap<SmtpdControls, House>();

function sharedHouse(front: Front, controls: SmtpdControls): House {
  const known = houses.get(controls);
  if (known !== undefined) return known;
  const { smtp } = controls;
  const house: House = {
    controls: smtp,
    role: front.role,
    login: front.doors.login,
    post: front.doors.post,
    origin,
    checkRecipient: smtp.checksRecipients === false ? null : front.check,
    isOwnAddress,
    inMoreRcptHosts: front.doors.inMoreRcptHosts,
    readmit: null,
    tls: front.tls,
    log: front.log,
    now: () => new Date(),
    sleep: (ms) => sleep(ms),
  };
  houses.set(controls, house);
  return house;
}

const facts = ["TCPREMOTEIP", "TCPREMOTEPORT", "TCPREMOTEHOST", "TCPREMOTEINFO", "TCPLOCALIP", "TCPLOCALPORT"] as const;

function bareFacts(told: Surroundings, base: Surroundings): Surroundings {
  const bare = new Map(base);
  for (const name of facts) {
    const value = told.get(name);
    if (value === undefined) bare.delete(name);
    else bare.set(name, value);
  }
  return bare;
}
