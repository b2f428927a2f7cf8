import { type Address, localPartOf, parseAddress } from "#mail";
import type { Conversation } from "../conversation.ts";
import { isListed, readEnvelopeArgument } from "../envelope-address.ts";
import type { House } from "../house.ts";
import { isRefused } from "../patterns.ts";
import type { Denial, Phase, Turn } from "../phase.ts";
import { mayReceive } from "../rcpt-hosts.ts";
import * as say from "../say.ts";

type Mail = Extract<Phase, { at: "mail" }>;
type Verdict = Address | Denial;

/**
 * RCPT (RFC 5321 §4.1.1.3). An empty recipient, which qmail took and lost, is a syntax error (spec G17). After `tarpitcount`
 * recipients each further answer comes late (spec 11.5), but to nobody who has logged in (J-011).
 */
export function recipient(talk: Conversation, phase: Mail, argument: string): Turn | Promise<Turn> {
  const { tarpitCount, tarpitDelayMs } = talk.house.controls;
  talk.recipients++;
  if (tarpitCount === 0 || talk.recipients <= tarpitCount || talk.user !== null) return take(talk, phase, argument);
  return talk.house.sleep(tarpitDelayMs).then(() => take(talk, phase, argument));
}

/** Not a promise unless somebody had to be asked: most answers are known. */
function take(talk: Conversation, phase: Mail, argument: string): Turn | Promise<Turn> {
  const { sender, recipients } = phase.transaction;
  const read = readEnvelopeArgument(talk.house, argument);
  if (read === null || read.address === "") {
    return { phase, reply: say.syntax, refusal: { reason: "syntax", kind: "command" } };
  }
  const { address } = read;
  return onceKnown(judge(talk, phase, address), (verdict) => {
    if (typeof verdict !== "string") {
      const refusal = { reason: verdict.reason, kind: "recipient", from: sender, to: address } as const;
      return { phase, reply: verdict.reply, refusal };
    }
    recipients.push(verdict);
    return { phase, reply: say.recipientOk };
  });
}

/** The recipient as it will be queued, or why not. The order is qmail's, then the patches', the dearest question last. */
function judge(talk: Conversation, { transaction }: Mail, address: Address): Verdict | Promise<Verdict> {
  const { house, client } = talk;
  if (transaction.denied !== null) return transaction.denied;
  if (transaction.recipients.length >= house.controls.maxRecipients) {
    return { reply: say.tooManyRecipients, reason: "maxrcpt" };
  }
  const queued = client.relay === null ? address : parseAddress(address + client.relay);
  if (queued === null) return { reply: say.syntax, reason: "syntax" };
  const ours = client.relay !== null || mayReceive(house, address);
  return onceKnown(ours, (isOurs) => {
    if (!isOurs) return talk.tls !== null && house.controls.tlsClients.size > 0 ? notVouchedFor : notOurs;
    return denialOf(talk, address) ?? findMailbox(house, queued);
  });
}

/** What is refused although its domain is ours. */
function denialOf({ house, client }: Conversation, address: Address): Denial | null {
  const { badRcptTo, badRcptToPatterns, relayReject } = house.controls;
  if (relayReject && client.relay === null && holdsRoute(address)) return { reply: say.noRoute, reason: "relayreject" };
  if (isListed(badRcptTo, address)) return { reply: say.badRecipient, reason: "badrcptto" };
  return isRefused(badRcptToPatterns, address) ? { reply: say.badRecipient, reason: "badrcptpatterns" } : null;
}

/** `joe%far@here`, `far!joe@here`, `joe@far@here`: some hosts would send that on. */
function holdsRoute(address: Address): boolean {
  return /[@%!]/.test(localPartOf(address));
}

function findMailbox(house: House, queued: Address): Verdict | Promise<Verdict> {
  if (house.checkRecipient === null) return queued;
  return onceKnown(house.checkRecipient(queued), (answer) => (answer === "yes" ? queued : withoutMailbox[answer]));
}

const notOurs: Denial = { reply: say.noRelay, reason: "rcpthosts" };
/** Those that may relay prove it by a certificate here (spec 11.4). */
const notVouchedFor: Denial = { reply: say.noCertificate, reason: "rcpthosts" };
const withoutMailbox = {
  no: { reply: say.noMailbox, reason: "no-mailbox" },
  defer: { reply: say.cannotTellMailbox, reason: "mailbox-check" },
} as const;

/** Goes on at once if the answer is there. */
function onceKnown<A, B>(answer: A | Promise<A>, goOn: (answer: A) => B | Promise<B>): B | Promise<B> {
  return answer instanceof Promise ? answer.then(goOn) : goOn(answer);
}
