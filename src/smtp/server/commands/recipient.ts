import { type Address, parseAddress } from "#mail";
import type { Reply } from "../../grammar/reply.ts";
import type { Conversation } from "../conversation.ts";
import { isListed, readEnvelopeArgument } from "../envelope-address.ts";
import type { Phase, Turn } from "../phase.ts";
import { mayReceive } from "../rcpt-hosts.ts";
import * as say from "../say.ts";

type Mail = Extract<Phase, { at: "mail" }>;
type Verdict = Address | { readonly reply: Reply; readonly reason: string };

/** RCPT (RFC 5321 §4.1.1.3). An empty recipient, which qmail took and lost, is a syntax error (spec G17). */
export async function recipient(talk: Conversation, phase: Mail, argument: string): Promise<Turn> {
  await tarpit(talk);
  const { sender, recipients } = phase.transaction;
  const read = readEnvelopeArgument(talk.house, argument);
  if (read === null || read.address === "") {
    return { phase, reply: say.syntax, refusal: { reason: "syntax", kind: "command" } };
  }
  const verdict = await judge(talk, phase, read.address);
  if (typeof verdict !== "string") {
    const refusal = { reason: verdict.reason, kind: "recipient", from: sender, to: read.address } as const;
    return { phase, reply: verdict.reply, refusal };
  }
  recipients.push(verdict);
  return { phase, reply: say.recipientOk };
}

/** After `tarpitcount` recipients each further answer comes late (spec 11.5). */
async function tarpit(talk: Conversation): Promise<void> {
  const { tarpitCount, tarpitDelayMs } = talk.house.controls;
  talk.recipients++;
  if (tarpitCount > 0 && talk.recipients > tarpitCount) await talk.house.sleep(tarpitDelayMs);
}

/** The recipient as it will be queued, or why not. The order is qmail's, then the patches', the dearest question last. */
async function judge(talk: Conversation, { transaction }: Mail, address: Address): Promise<Verdict> {
  const { house, client } = talk;
  if (transaction.senderIsBad) return { reply: say.badSender, reason: "badmailfrom" };
  if (transaction.recipients.length >= house.controls.maxRecipients) {
    return { reply: say.tooManyRecipients, reason: "maxrcpt" };
  }
  const queued = client.relay === null ? address : parseAddress(address + client.relay);
  if (queued === null) return { reply: say.syntax, reason: "syntax" };
  if (client.relay === null && !(await mayReceive(house, address))) return { reply: say.noRelay, reason: "rcpthosts" };
  if (isListed(house.controls.badRcptTo, address)) return { reply: say.badRecipient, reason: "badrcptto" };
  if (house.checkRecipient === null) return queued;
  switch (await house.checkRecipient(queued)) {
    case "yes":
      return queued;
    case "no":
      return { reply: say.noMailbox, reason: "no-mailbox" };
    case "defer":
      return { reply: say.cannotTellMailbox, reason: "mailbox-check" };
  }
}
