import type { Outcome } from "#mail";
import { type Credentials, openSession, type ServerReply, type SmtpSession, type TlsPolicy } from "#smtp/client";
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
};

/** No session: what a report would say of this place if no other is better. */
export type NoSession = { readonly outcome: Outcome };

/** Why a socket cannot be had that says nothing about the other host. */
const shortages: ReadonlySet<string> = new Set(["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"]);

/** Connects to a place and goes as far as MAIL. Every kind of failure means: nothing was sent, the next place may be tried. */
export function call(candidate: Candidate, calling: Calling): Promise<SmtpSession | NoSession> {
  return callWith(calling.world.tlsPolicy(candidate.host), candidate, calling);
}

async function callWith(
  tls: TlsPolicy,
  candidate: Candidate,
  { world, settings, credentials }: Calling,
): Promise<SmtpSession | NoSession> {
  const { address, port, host } = candidate;
  const socket = await world.connect({ host: address, port }, settings.connectTimeoutMs);
  if ("kind" in socket) {
    if (shortages.has(socket.reason)) return { outcome: say.noResources };
    if (socket.kind === "timeout") world.deadHosts.timedOut(address);
    else world.deadHosts.answered(address);
    return { outcome: say.noConnection };
  }
  world.deadHosts.answered(address);
  const { helo, ioTimeoutMs: timeoutMs } = settings;
  const opened = await openSession(socket, { helo, timeoutMs, tls, host, credentials });
  const at = sayOf(address);
  switch (opened.kind) {
    case "ready":
      return opened.session;
    case "died":
      return { outcome: at.died };
    case "refused":
      return { outcome: refusal(opened.at, opened.reply, address) };
    case "auth-impossible":
      return { outcome: at.credentialsUnsafe };
    case "tls-failed":
      // Opportunistic TLS is better than none, not a condition (RFC 7435): once more, in the clear.
      if (tls.kind === "opportunistic") return callWith({ kind: "never" }, candidate, { world, settings, credentials });
      return { outcome: at.tlsFailed(opened.reason) };
  }
}

function refusal(at: "greeting" | "hello" | "auth", reply: ServerReply, address: string): Outcome {
  const { greetingFailed, nameRejected, credentialsRejected } = sayOf(address);
  return { greeting: greetingFailed, hello: nameRejected, auth: credentialsRejected }[at](reply);
}

/** Who may share a session: same place, same name of ours, same proof on either side. */
export function sessionKey({ address, port, host }: Candidate, { world, settings, credentials }: Calling): string {
  const tls = world.tlsPolicy(host);
  return JSON.stringify([address, port, settings.helo, tls.kind, tls.kind === "verified" ? host : "", credentials]);
}
