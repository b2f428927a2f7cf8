import { toBytes } from "#bytes";
import { networkTraceLine } from "#message";
import type { Reply } from "../../grammar/reply.ts";
import type { Conversation } from "../conversation.ts";
import { DataDecoder } from "../data-decoder.ts";
import { type CompleteHead, type Fate, MessageIntake, type Posting, type Refused } from "../message-intake.ts";
import { idle, type Phase, type Transaction, type Turn } from "../phase.ts";
import * as say from "../say.ts";
import { logAccepted } from "../session-log.ts";
import { completeHead } from "../submission/complete-header.ts";

/** Bytes read of a message that is refused already, before the connection is closed on its client. */
const maxWastedBytes = 1 << 30;
/** A message that takes longer to arrive is given up, as qmail-queue gave up after a day (spec 2.2, Timer). */
const maxMessageMs = 24 * 60 * 60 * 1000;

const refused = {
  "too-big": say.tooBig,
  looping: say.looping,
  "header-too-long": say.headerTooLong,
  "not-your-from": say.notYourFrom,
  "bad-from": say.badFrom,
  "no-door": say.cannotPost,
} as const satisfies Record<Refused, Reply>;

/** RFC 3848's word, or qmail's for who comes in the clear and unknown. */
function protocolOf({ tls, user }: Conversation): "SMTP" | "ESMTPS" | "ESMTPA" | "ESMTPSA" {
  if (user === null) return tls === null ? "SMTP" : "ESMTPS";
  return tls === null ? "ESMTPA" : "ESMTPSA";
}

/** control/submithideclient: where a user writes from is nobody's business. */
const hidesClient = ({ user, house }: Conversation): boolean =>
  user !== null && house.login?.rules().hidesClient === true;

/** Starts to take in the message of a transaction, our Received line first. */
export function openIntake(talk: Conversation, transaction: Transaction): MessageIntake {
  const { house, client } = talk;
  const trace = networkTraceLine(
    {
      protocol: protocolOf(talk),
      ...(talk.tls === null ? {} : { tls: talk.tls }),
      ...(hidesClient(talk)
        ? { remoteHost: "authenticated", remoteIp: "hidden", remoteInfo: null }
        : { remoteHost: client.host, remoteIp: client.ip, remoteInfo: client.info }),
      localName: client.localName,
      helo: hidesClient(talk) ? null : talk.helo,
    },
    house.now(),
  );
  return new MessageIntake({
    complete: completionFor(talk, transaction),
    post: () => open(talk, transaction),
    trace: toBytes(trace),
    maxBytes: client.maxBytes,
  });
}

let submitted = 0;

/** What is done to the header of a message that is submitted; null where it passes as it is. */
function completionFor(
  { house, user }: Conversation,
  { sender, writtenAs = sender }: Transaction,
): CompleteHead | null {
  if (house.login === null || (house.role !== "submission" && user === null)) return null;
  const rules = house.login.rules();
  if (rules.keepsHeader && (user === null || rules.check !== "both")) return null;
  const unique = `${process.pid}.${++submitted}`;
  return (head) => completeHead(head, { rules, user, sender: writtenAs, now: house.now(), unique });
}

/** May this user send to so many now? The reply if not. Asked only where there are limits. */
export async function overLimit(talk: Conversation, { recipients }: Transaction): Promise<Reply | null> {
  const { user, house } = talk;
  if (user === null || house.login === null || !house.login.rules().isLimited) return null;
  const isGranted = await house.login.spend(user, recipients.length);
  if (isGranted === null) return say.cannotTellLimit;
  return isGranted ? null : say.overSendingLimit;
}

/** Knocks at the queue's door; null (and an alert) if that fails in a way the door did not foresee. */
function open(talk: Conversation, { sender, recipients }: Transaction): Posting | null {
  const { house } = talk;
  try {
    return house.post({ sender, recipients }, house.origin, talk.surroundings, talk.helo);
  } catch (error) {
    house.log(`alert: smtpd: session ${talk.id}: unable to post: ${error instanceof Error ? error.message : error}`);
    return null;
  }
}

/** DATA (RFC 5321 §4.1.1.4): reads up to the lone dot, then asks the queue. */
export async function data(talk: Conversation, phase: Extract<Phase, { at: "mail" }>): Promise<Turn> {
  const { transaction } = phase;
  if (transaction.recipients.length === 0) {
    return { phase, reply: say.recipientFirst, refusal: { reason: "sequence", kind: "command" } };
  }
  const over = talk.user === null ? null : await overLimit(talk, transaction);
  if (over !== null) return { phase: idle, reply: over, refusal: { reason: "sending-limit", kind: "message" } };
  talk.say(say.goAhead);
  const intake = openIntake(talk, transaction);
  try {
    const broken = await takeDotted(talk, intake);
    return broken ?? answer(talk, transaction, await intake.finish());
  } finally {
    intake.abort(); // Changes nothing once the message is finished.
  }
}

/** Reads a dotted message into the intake; a turn if the session cannot go on, null at its end. */
async function takeDotted(talk: Conversation, intake: MessageIntake): Promise<Turn | null> {
  const decoder = new DataDecoder({ dots: true });
  const deadline = Date.now() + maxMessageMs;
  for (;;) {
    const piece = talk.wire.takeSome();
    if (piece === undefined) {
      if (await talk.wire.fill()) continue;
      return { phase: idle, reply: null, end: "eof" };
    }
    const { kind, bytes, rest } = decoder.decode(piece);
    if (kind === "bare-lf") return bareLf();
    const wait = intake.add(bytes);
    if (wait !== undefined) await wait;
    if (kind === "end") {
      talk.wire.unread(rest);
      return null;
    }
    if (Date.now() > deadline) return { phase: idle, reply: say.timeout, end: "timeout" };
    if (intake.refused !== null && intake.wastedBytes > maxWastedBytes) {
      return { phase: idle, reply: refused[intake.refused], end: "too-big" };
    }
  }
}

/** A LF without CR: who sends that may mean something else by CRLF too (spec G15). Say so, and part. */
export function bareLf(): Turn {
  return { phase: idle, reply: say.bareLf, refusal: { reason: "bare-lf", kind: "message" }, end: "bare-lf" };
}

/** What the client hears about its message. */
export function answer(talk: Conversation, transaction: Transaction, fate: Fate): Turn {
  const about = {
    kind: "message",
    from: transaction.sender,
    to: transaction.recipients[0] ?? "",
    bytes: fate.bytes,
  } as const;
  if (fate.kind !== "answered") {
    return { phase: idle, reply: refused[fate.kind], refusal: { ...about, reason: fate.kind } };
  }
  if (fate.answer.fate !== "done") {
    return { phase: idle, reply: say.refusedByQueue(fate.answer), refusal: { ...about, reason: "queue" } };
  }
  talk.accepted++;
  talk.acceptedBytes += fate.bytes;
  talk.badRecipients = 0;
  talk.idleCommands = 0;
  logAccepted(talk, transaction, fate.bytes, fate.answer.queueId);
  return { phase: idle, reply: say.accepted(Math.floor(talk.house.now().getTime() / 1000), fate.answer.queueId) };
}
