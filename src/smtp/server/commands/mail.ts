import { type ByteString, lowerAscii } from "#bytes";
import { parseAddress, type ReversePath } from "#mail";
import { decodeXtext, parseParameters } from "../../grammar/parameters.ts";
import type { Conversation } from "../conversation.ts";
import { isListed, readEnvelopeArgument } from "../envelope-address.ts";
import { isRefused } from "../patterns.ts";
import type { Denial, Phase, Turn } from "../phase.ts";
import * as say from "../say.ts";
import { ownsAddress } from "../submission/sender-rules.ts";

/**
 * MAIL (RFC 5321 §4.1.1.2): starts a transaction, whatever was before. Of the parameters only SIZE says something we act
 * on (RFC 1870 §6.1); BODY, SMTPUTF8, RET, ENVID and unknown ones are taken and ignored: a message passes here as the
 * octets it is.
 */
export function mail(talk: Conversation, phase: Phase, argument: string): Turn {
  const { house, client } = talk;
  if (talk.tls === null && (client.mustSecure || house.controls.tlsOnly.has(house.role))) {
    return { phase, reply: say.tlsFirst, refusal: { reason: "tls", kind: "sender" } };
  }
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
  if (talk.user !== null) return submit(talk, phase, sender, read.parameters);
  const denied = denialOf(talk, sender);
  return { phase: { at: "mail", transaction: { sender, denied, recipients: [] } }, reply: say.senderOk };
}

/** MAIL of who has logged in: the sender must be theirs (J-175), and is shown as control/sendernames says. AUTH= is RFC 4954 §5's. */
function submit(talk: Conversation, phase: Phase, sender: ReversePath, parameters: ByteString): Turn {
  const { user, house } = talk;
  const rules = house.login?.rules();
  const submitter = parameters === "" ? undefined : parseParameters(parameters).get("AUTH");
  if (submitter !== undefined && submitter !== "<>" && decodeXtext(submitter) === null) {
    return { phase, reply: say.badParameter, refusal: { reason: "syntax", kind: "command" } };
  }
  if (
    user !== null &&
    rules !== undefined &&
    rules.check !== "no" &&
    sender !== "" &&
    !ownsAddress(rules, user, sender)
  ) {
    return { phase, reply: say.notYourAddress, refusal: { reason: "owner", kind: "sender", from: sender } };
  }
  const denied = denialOf(talk, sender);
  const shown = parseAddress(rules?.names.get(lowerAscii(sender))?.address ?? sender) ?? sender;
  return {
    phase: { at: "mail", transaction: { sender: shown, writtenAs: sender, denied, recipients: [] } },
    reply: say.senderOk,
  };
}

/** Whether the sender or the HELO name is on a list (spec 11.5). The null sender cannot be: bounces must come back. */
function denialOf({ house, helo }: Conversation, sender: ReversePath): Denial | null {
  const { badHelo, badMailFrom, badMailFromPatterns } = house.controls;
  if (helo !== null && isRefused(badHelo, helo)) return { reply: say.deniedHello, reason: "badhelo" };
  if (isListed(badMailFrom, sender)) return { reply: say.badSender, reason: "badmailfrom" };
  if (sender === "" || !isRefused(badMailFromPatterns, sender)) return null;
  return { reply: say.deniedSender, reason: "badmailfrompatterns" };
}
