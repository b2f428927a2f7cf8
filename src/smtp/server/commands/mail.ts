import { parseParameters } from "../../grammar/parameters.ts";
import type { Conversation } from "../conversation.ts";
import { isListed, readEnvelopeArgument } from "../envelope-address.ts";
import type { Phase, Turn } from "../phase.ts";
import * as say from "../say.ts";

/**
 * MAIL (RFC 5321 §4.1.1.2): starts a transaction, whatever was before. Of the parameters only SIZE says something we act
 * on (RFC 1870 §6.1); BODY, SMTPUTF8, RET, ENVID and unknown ones are taken and ignored: a message passes here as the
 * octets it is.
 */
export function mail(talk: Conversation, phase: Phase, argument: string): Turn {
  const { house, client } = talk;
  if (house.role === "submission" && client.relay === null) {
    return { phase, reply: say.authenticationRequired, refusal: { reason: "auth", kind: "sender" } };
  }
  const read = readEnvelopeArgument(house, argument);
  if (read === null) return { phase, reply: say.syntax, refusal: { reason: "syntax", kind: "command" } };
  const sender = read.address;
  const size = read.parameters === "" ? undefined : parseParameters(read.parameters).get("SIZE");
  if (size !== undefined && client.maxBytes > 0 && Number(size) > client.maxBytes) {
    return { phase, reply: say.tooBig, refusal: { reason: "size", kind: "sender", from: sender, bytes: Number(size) } };
  }
  const senderIsBad = isListed(house.controls.badMailFrom, sender);
  return { phase: { at: "mail", transaction: { sender, senderIsBad, recipients: [] } }, reply: say.senderOk };
}
