import type { ByteString } from "#bytes";
import { ControlError } from "#control";
import { type Outcome, permanent } from "#mail";
import { maxPackageBytes } from "#qmtp/client";
import { breaksCommand, type OutgoingMail, type SendResult } from "#smtp/client";
import { type Calling, call, isLeftAlone, type NoSession, reach, sessionKey } from "./call.ts";
import { type Candidate, findCandidates, type Verdict } from "./candidates.ts";
import type { Report } from "./report.ts";
import { reportOfSend } from "./report-of-send.ts";
import { sendByQmtp } from "./send-by-qmtp.ts";
import { findRoute } from "./smtp-route.ts";
import { say } from "./texts.ts";
import type { RemoteWorld } from "./world.ts";

/** Addresses tried for one delivery at most: each may cost timeoutconnect. */
const maxTries = 32;
/** RFC 5321 §3.8: the server is closing the connection. */
const closingCode = 421;

const only = (message: Outcome): Report => ({ recipients: [], message });

/** What it means when the search ends and no place was tried. */
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

/**
 * One message to one host, all its recipients in one session. Places are tried in order until one has taken our name (EHLO); what
 * that one says is final. Throws on bugs only.
 */
export async function attempt(host: ByteString, mail: OutgoingMail, world: RemoteWorld): Promise<Report> {
  if ([host, mail.sender, ...mail.recipients].some(breaksCommand)) return only(say.lineBreakInAddress);
  return attemptLate(host, { sender: mail.sender, sizeBytes: mail.body.sizeBytes, settle: () => mail }, world);
}

/** A message whose recipients are settled only when a session is at hand: `settle` is called then, and gives the same from there on. */
export type LateMail = {
  readonly sender: ByteString;
  /** Null when not known: QMTP cannot be used. */
  readonly sizeBytes: number | null;
  settle(): OutgoingMail;
};

/** As `attempt`. The caller has looked for line breaks. */
export async function attemptLate(host: ByteString, mail: LateMail, world: RemoteWorld): Promise<Report> {
  try {
    return await tryPlaces(host, mail, world);
  } catch (error) {
    if (error instanceof ControlError) return only(say.noControls); // Which file it was, the service logs.
    throw error;
  }
}

async function tryPlaces(host: ByteString, mail: LateMail, world: RemoteWorld): Promise<Report> {
  const settings = world.settings();
  const route = findRoute(settings.routes, host);
  const calling = {
    world,
    settings,
    credentials: route.kind === "relay" ? route.credentials : null,
    sender: mail.sender,
  };
  const search = findCandidates(host, route, world);
  let failure: Outcome | null = null;
  let isFinal = settings.isGreetingFinal;
  let tries = 0;
  const given = (): Report => only(failure === null ? say.noConnection : isFinal ? permanent(failure.text) : failure);
  for (;;) {
    const group = await search.next();
    if (group.done) {
      if (tries > 0 || failure !== null) return given();
      return only(withoutTry(group.value, route.kind === "relay" ? route.host : host));
    }
    const report = await tryIdle(group.value, mail, calling);
    if (report !== null) return report;
    failure ??= say.noConnection;
    for (const candidate of group.value) {
      if (candidate.protocol === "qmtp" && !takesQmtp(candidate, mail, world)) continue;
      if (isLeftAlone(candidate, world)) {
        isFinal = false;
        continue;
      }
      if (++tries > maxTries) return given();
      const tried = await tryPlace(candidate, mail, calling);
      if ("report" in tried) return tried.report;
      if (candidate.protocol === "smtp") isFinal &&= tried.isFinal === true;
      // What a server said tells more than that another could not be reached.
      if (tried.outcome !== say.noConnection) failure = tried.outcome;
    }
  }
}

/** QMTP has no TLS, and needs to know how long the message is. */
function takesQmtp({ host }: Candidate, { sizeBytes }: LateMail, world: RemoteWorld): boolean {
  return sizeBytes !== null && sizeBytes < maxPackageBytes && world.tlsPolicy(host).kind !== "verified";
}

/** One place: the report, or why nothing was sent there. */
async function tryPlace(
  candidate: Candidate,
  mail: LateMail,
  calling: Calling,
): Promise<NoSession | { readonly report: Report }> {
  if (candidate.protocol === "qmtp") {
    const socket = await reach(candidate, calling);
    if ("outcome" in socket) return socket;
    return { report: await sendByQmtp(socket, mail.settle(), candidate.address, calling.settings.ioTimeoutMs) };
  }
  const session = await call(candidate, calling);
  if ("outcome" in session) return session;
  const result = await session.send(mail.settle());
  calling.world.pool.give(sessionKey(candidate, calling), session);
  return { report: reportOfSend(result, candidate.address) };
}

/** Tries a session left over from an earlier message. Null if there is none, or the server had lost patience with it. */
async function tryIdle(candidates: readonly Candidate[], mail: LateMail, calling: Calling): Promise<Report | null> {
  const { pool } = calling.world;
  for (const candidate of candidates) {
    if (candidate.protocol === "qmtp") {
      // Its QMTP comes before its SMTP, and is not kept open.
      if (takesQmtp(candidate, mail, calling.world)) return null;
      continue;
    }
    const key = sessionKey(candidate, calling);
    const session = pool.take(key);
    if (session === null) continue;
    const result = await session.send(mail.settle());
    pool.give(key, session);
    return isStale(result) ? null : reportOfSend(result, candidate.address);
  }
  return null;
}

/** True if the server merely ended an idle session: it has not got the message, so a fresh session may be tried. */
function isStale(result: SendResult): boolean {
  if (result.kind === "died") return !result.afterDot;
  return result.kind === "refused" && result.at === "mail" && result.reply.code === closingCode;
}
