import type { Socket } from "node:net";
import type { ByteString } from "#bytes";
import { eventLine } from "#log";
import type { Outcome } from "#mail";
import { type Credentials, openSession, type ServerReply, type SmtpSession, type TlsPolicy } from "#smtp/client";
import { bindingFor } from "./bindings.ts";
import type { Candidate } from "./candidates.ts";
import type { RemoteSettings } from "./settings.ts";
import { say, sayOf } from "./texts.ts";
import type { RemoteWorld } from "./world.ts";

/** What all calls of one delivery have in common. */
export type Calling = {
  readonly world: RemoteWorld;
  /** As they were when the delivery began. */
  readonly settings: RemoteSettings;
  /** For a relay that smtproutes gives some for. */
  readonly credentials: Credentials | null;
  readonly sender: ByteString;
};

/** No session: what a report would say of this place if no other is better. */
export type NoSession = {
  readonly outcome: Outcome;
  /** The server said 5xx to our coming. */
  readonly isFinal?: true;
};

const firstFinal = 500;

/** Why a socket cannot be had that says nothing about the other host. */
const shortages: ReadonlySet<string> = new Set(["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM", "EADDRNOTAVAIL"]);

/** The name of a place in the memory of dead hosts: that nobody takes QMTP there says nothing about its SMTP. */
const deadName = ({ address, port, protocol }: Candidate): string =>
  protocol === "smtp" ? address : `${address}:${port}`;

/** True if a place is to be left alone for now. */
export function isLeftAlone(candidate: Candidate, { deadHosts }: RemoteWorld): boolean {
  return deadHosts.isBlocked(deadName(candidate));
}

/** Connects to a place, from the address of ours that is bound to it, and remembers what came of it. */
export async function reach(candidate: Candidate, { world, settings, sender }: Calling): Promise<Socket | NoSession> {
  const { address, port } = candidate;
  const from = bindingFor(settings.bindings, address, sender);
  const to = { host: address, port, ...(from === undefined ? {} : { from }) };
  const socket = await world.connect(to, settings.connectTimeoutMs);
  if (!("kind" in socket)) {
    world.deadHosts.answered(deadName(candidate));
    return socket;
  }
  if (shortages.has(socket.reason)) return { outcome: say.noResources };
  if (socket.kind === "timeout") world.deadHosts.timedOut(deadName(candidate));
  else world.deadHosts.answered(deadName(candidate));
  return { outcome: say.noConnection };
}

/** Connects to a place and goes as far as MAIL. Every kind of failure means: nothing was sent, the next place may be tried. */
export function call(candidate: Candidate, calling: Calling): Promise<SmtpSession | NoSession> {
  return callWith(calling.world.tlsPolicy(candidate.host), candidate, calling);
}

async function callWith(policy: TlsPolicy, candidate: Candidate, calling: Calling): Promise<SmtpSession | NoSession> {
  const { settings, credentials } = calling;
  const { address, host } = candidate;
  const socket = await reach(candidate, calling);
  if ("outcome" in socket) return socket;
  const { helo, ioTimeoutMs: timeoutMs, tlsManner, wantsTls } = settings;
  const tls: TlsPolicy = policy.kind === "opportunistic" && !wantsTls ? { kind: "never" } : policy;
  const opened = await openSession(socket, { helo, timeoutMs, tls, tlsManner, host, credentials });
  const at = sayOf(address);
  const { log } = calling.world;
  switch (opened.kind) {
    case "ready":
      if (opened.tls !== null)
        log?.(eventLine("remote: tls", { host, ip: address, ...opened.tls, verified: policy.kind === "verified" }));
      return opened.session;
    case "died":
      return { outcome: at.died };
    case "refused":
      return refusal(opened.at, opened.reply, address);
    case "auth-impossible":
      return { outcome: at.credentialsUnsafe };
    case "tls-failed":
      log?.(
        eventLine("remote: tls failed", {
          host,
          ip: address,
          reason: opened.reason,
          required: tls.kind === "verified",
        }),
      );
      // Opportunistic TLS is better than none, not a condition (RFC 7435): once more, in the clear.
      if (tls.kind === "opportunistic") return callWith({ kind: "never" }, candidate, calling);
      return { outcome: at.tlsFailed(opened.reason) };
  }
}

function refusal(at: "greeting" | "hello" | "auth", reply: ServerReply, address: string): NoSession {
  const { greetingFailed, nameRejected, credentialsRejected } = sayOf(address);
  const outcome = { greeting: greetingFailed, hello: nameRejected, auth: credentialsRejected }[at](reply);
  return at !== "auth" && reply.code >= firstFinal ? { outcome, isFinal: true } : { outcome };
}

/** Who may share a session: same place, same name of ours, same proof on either side. */
export function sessionKey(
  { address, port, host }: Candidate,
  { world, settings, credentials, sender }: Calling,
): string {
  const tls = world.tlsPolicy(host);
  const from = bindingFor(settings.bindings, address, sender) ?? "";
  return JSON.stringify([
    address,
    port,
    from,
    settings.helo,
    tls.kind,
    tls.kind === "verified" ? host : "",
    credentials,
  ]);
}
