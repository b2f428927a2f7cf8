import type { ByteString } from "#bytes";
import { ControlError } from "#control";
import type { Outcome } from "#mail";
import type { connectTcp } from "#net";
import {
  breaksCommand,
  type OutgoingMail,
  openSession,
  type SendResult,
  type SmtpSession,
  type TlsPolicy,
} from "#smtp/client";
import { type Candidate, findCandidates, type Surroundings, type Verdict } from "./candidates.ts";
import type { DeadHosts } from "./dead-hosts.ts";
import type { Report } from "./report.ts";
import type { SessionPool } from "./session-pool.ts";
import type { RemoteSettings } from "./settings.ts";
import { findRoute } from "./smtp-route.ts";
import { say, sayOf } from "./texts.ts";

/** What a remote delivery works with. One for all deliveries of a process. */
export type RemoteWorld = Surroundings & {
  readonly settings: () => RemoteSettings;
  readonly deadHosts: DeadHosts;
  readonly pool: SessionPool;
  readonly tlsPolicy: (host: string) => TlsPolicy;
  /** The network's edge. */
  readonly connect: typeof connectTcp;
};

/** Addresses tried for one delivery at most: each may cost timeoutconnect. */
const maxTries = 32;

/** Why a socket cannot be had that says nothing about the other host. */
const shortages: ReadonlySet<string> = new Set(["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"]);

type Failure = { readonly outcome: Outcome };
type Contact = { readonly session: SmtpSession; readonly candidate: Candidate; readonly key: string };

const only = (message: Outcome): Report => ({ recipients: [], message });

/** What a verdict means when no place was tried at all. */
function withoutTry(verdict: Verdict, host: ByteString): Outcome {
  switch (verdict) {
    case "exhausted":
      return say.noConnection;
    case "temporary":
      return say.dnsTrouble;
    case "no-such-host":
      return say.noSuchHost(host);
    case "no-exchanger":
      return say.noExchanger;
    case "self":
      return say.selfIsExchanger;
    case "null-mx":
      return say.nullMx(host);
  }
}

/** Connects to a place and goes as far as MAIL. The failure tells what a report would say; the next place is tried. */
async function contact(
  candidate: Candidate,
  world: RemoteWorld,
  settings: RemoteSettings,
  tls: TlsPolicy,
): Promise<SmtpSession | Failure> {
  const { address, port, host } = candidate;
  const socket = await world.connect({ host: address, port }, settings.connectTimeoutMs);
  if ("kind" in socket) {
    if (shortages.has(socket.reason)) return { outcome: say.noResources };
    if (socket.kind === "timeout") world.deadHosts.timedOut(address);
    else world.deadHosts.answered(address);
    return { outcome: say.noConnection };
  }
  world.deadHosts.answered(address);
  const opened = await openSession(socket, { helo: settings.helo, timeoutMs: settings.ioTimeoutMs, tls, host });
  const at = sayOf(address);
  switch (opened.kind) {
    case "ready":
      return opened.session;
    case "died":
      return { outcome: at.died };
    case "refused":
      return { outcome: opened.at === "greeting" ? at.greetingFailed(opened.reply) : at.nameRejected(opened.reply) };
    case "tls-failed":
      // Opportunistic TLS is better than none, not a condition (RFC 7435): once more, in the clear.
      if (tls.kind === "opportunistic") return contact(candidate, world, settings, { kind: "never" });
      return { outcome: at.tlsFailed(opened.reason) };
  }
}

const keyOf = ({ address, port, host }: Candidate, helo: string, tls: TlsPolicy): string =>
  `${address} ${port} ${helo} ${tls.kind} ${tls.kind === "verified" ? host : ""}`;

/** One message to one host, all its recipients in one session. Never throws but for bugs. */
export async function attempt(host: ByteString, mail: OutgoingMail, world: RemoteWorld): Promise<Report> {
  if ([host, mail.sender, ...mail.recipients].some(breaksCommand)) return only(say.lineBreakInAddress);
  try {
    return await attemptWith(world.settings(), host, mail, world);
  } catch (error) {
    if (error instanceof ControlError) return only(say.noControls); // Which file it was, the service logs.
    throw error;
  }
}

async function attemptWith(
  settings: RemoteSettings,
  host: ByteString,
  mail: OutgoingMail,
  world: RemoteWorld,
): Promise<Report> {
  const route = findRoute(settings.routes, host);
  const search = findCandidates(host, route, world);
  let failure: Outcome | null = null;
  let tries = 0;
  for (;;) {
    const step = await search.next();
    if (step.done) return only(failure ?? withoutTry(step.value, route.kind === "relay" ? route.host : host));
    const report = await tryIdle(step.value, mail, world, settings);
    if (report !== null) return report;
    for (const candidate of step.value) {
      failure ??= say.noConnection;
      if (world.deadHosts.isBlocked(candidate.address)) continue;
      if (++tries > maxTries) return only(failure);
      const tls = world.tlsPolicy(candidate.host);
      const session = await contact(candidate, world, settings, tls);
      if ("outcome" in session) {
        // What a server said tells more than that another could not be reached.
        if (session.outcome !== say.noConnection) failure = session.outcome;
        continue;
      }
      return finish({ session, candidate, key: keyOf(candidate, settings.helo, tls) }, mail, world);
    }
  }
}

/** Tries sessions left over from earlier messages. Null if there is none, or those there were died before the message was sent. */
async function tryIdle(
  candidates: readonly Candidate[],
  mail: OutgoingMail,
  world: RemoteWorld,
  settings: RemoteSettings,
): Promise<Report | null> {
  for (const candidate of candidates) {
    const key = keyOf(candidate, settings.helo, world.tlsPolicy(candidate.host));
    const session = world.pool.take(key);
    if (session === null) continue;
    const result = await session.send(mail);
    if (isStale(result)) {
      session.destroy();
      return null;
    }
    world.pool.give(key, session);
    return reportOf(result, candidate.address);
  }
  return null;
}

/** True if the server had merely lost patience with an idle session: nothing is sent yet, so a fresh one may be tried. */
function isStale(result: SendResult): boolean {
  if (result.kind === "died") return !result.afterDot;
  return result.kind === "refused" && result.at === "mail" && result.reply.code === 421;
}

async function finish({ session, candidate, key }: Contact, mail: OutgoingMail, world: RemoteWorld): Promise<Report> {
  const result = await session.send(mail);
  world.pool.give(key, session);
  return reportOf(result, candidate.address);
}

/** The report on a send, as qmail-remote words it. */
function reportOf(result: SendResult, address: string): Report {
  const at = sayOf(address);
  const recipients = result.recipients.map(
    (reply): Outcome => (reply.code < 400 ? { fate: "done", text: "" } : at.recipientRejected(reply)),
  );
  const message = (outcome: Outcome): Report => ({ recipients, message: outcome });
  switch (result.kind) {
    case "accepted":
      return message(at.accepted(result.reply));
    case "no-recipients":
      return message(at.givingUp);
    case "needs-smtputf8":
      return message(at.needsSmtputf8);
    case "unreadable":
      return message(say.unableToRead);
    case "died":
      return message(result.afterDot ? at.diedAfterDot : at.died);
    case "refused":
      return message(
        { mail: at.senderRejected, data: at.dataFailed, message: at.messageFailed }[result.at](result.reply),
      );
  }
}
