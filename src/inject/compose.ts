import { type ByteString, lowerAscii } from "#bytes";
import { type Address, type Envelope, parseAddress, quoteAddress, type ReversePath } from "#mail";
import { dateDigits, mailDate, type Qualifiers, qualifiersFrom } from "#message";
import { defaultSender, givenRecipient, givenSender, makeFrom, perRecipient } from "./author.ts";
import type { InjectControl } from "./control.ts";
import type { InjectEnvironment } from "./environment.ts";
import { type HeaderPass, passHeader } from "./header-pass.ts";
import type { InjectOptions } from "./options.ts";
import { addressTooLong, type Refusal, unparsableAddress, unparsableLine } from "./refusal.ts";

/** Everything that decides what becomes of a header, besides the header. */
export type ComposeFacts = {
  readonly options: InjectOptions;
  readonly environment: InjectEnvironment;
  readonly control: InjectControl;
  readonly now: Date;
  /** The number in a Message-ID: a process id, or another number no message of this second has (`uniqueNumber`). */
  readonly unique: number;
};

/** A message ready to go but for its body. */
export type Composed = {
  /** All fields, without the empty line that ends them. */
  readonly header: ByteString;
  readonly envelope: Envelope;
};

/** Fields that make a message a resent one (RFC 822 §4.2). */
const resentMarks: readonly ByteString[] = ["sender", "from", "reply-to", "to", "cc", "bcc", "date", "message-id"].map(
  (name) => `resent-${name}`,
);

/** Completes a header as qmail-inject does (spec 7): generated fields first, then the user's; and the envelope from both. */
export function compose(fields: readonly ByteString[], facts: ComposeFacts): Composed | Refusal {
  const qualifiers = qualifiersFrom(facts.control);
  if ("unparsable" in qualifiers) return unparsableLine(qualifiers.unparsable);
  const pass = passHeader(fields, qualifiers, facts.environment.letters);
  if ("refusal" in pass) return pass;
  const isResent = resentMarks.some((name) => pass.seen.has(name));
  const generated = generatedFields(pass, isResent, qualifiers, facts);
  if (typeof generated !== "string") return generated;
  const envelope = makeEnvelope(pass, isResent, qualifiers, facts);
  if ("refusal" in envelope) return envelope;
  return { header: generated + pass.saved.join(""), envelope };
}

/** Date, Message-ID, From and `Cc: recipient list not shown: ;` where they are missing, or their Resent- counterparts (spec 7.3). */
function generatedFields(
  pass: HeaderPass,
  isResent: boolean,
  qualifiers: Qualifiers,
  facts: ComposeFacts,
): ByteString | Refusal {
  const { environment, control, now, unique } = facts;
  const prefix = isResent ? "Resent-" : "";
  const isMissing = (name: ByteString): boolean => !pass.seen.has(lowerAscii(prefix) + name);
  let made = "";
  if (isMissing("date")) made += `${prefix}Date: ${mailDate(now)}\n`;
  if (isMissing("message-id")) made += `${prefix}Message-ID: <${dateDigits(now)}.${unique}.qmail@${control.idHost}>\n`;
  if (isMissing("from")) {
    const from = makeFrom(environment, qualifiers);
    if (typeof from !== "string") return from;
    made += prefix + from;
  }
  if (isMissing("to") && isMissing("cc")) made += `${prefix}Cc: recipient list not shown: ;\n`;
  return isResent ? made : made + followUpTo(pass, control);
}

/** Mail-Followup-To for the lists the user reads (spec 7.7); later fields first, as qmail writes it. */
function followUpTo(pass: HeaderPass, control: InjectControl): ByteString {
  if (control.followUpLists.size === 0 || pass.seen.has("mail-followup-to")) return "";
  const addresses = pass.toAndCc.toReversed().flat();
  if (!addresses.some((address) => control.followUpLists.has(lowerAscii(address)))) return "";
  return `Mail-Followup-To: ${addresses.map(quoteAddress).join(",\n  ")}\n`;
}

function makeEnvelope(
  pass: HeaderPass,
  isResent: boolean,
  qualifiers: Qualifiers,
  facts: ComposeFacts,
): Envelope | Refusal {
  const sender = chooseSender(pass, qualifiers, facts);
  if (typeof sender !== "string") return sender;
  const given = facts.options.recipients.map((recipient) => givenRecipient(recipient, qualifiers));
  const refused = given.find((recipient) => typeof recipient !== "string");
  if (refused !== undefined) return refused;
  const inHeader = isResent ? pass.resentRecipients : pass.recipients;
  const texts = [...given, ...(facts.options.recipientsFrom === "arguments" ? [] : inHeader)] as ByteString[];
  const recipients: Address[] = [];
  for (const text of texts) {
    const recipient = parseAddress(text);
    if (recipient === null) return notAnAddress(text);
    if (recipient !== "") recipients.push(recipient);
  }
  const path: ReversePath | null = sender === "" ? "" : parseAddress(sender);
  return path === null ? notAnAddress(sender) : { sender: path, recipients };
}

/** -f, then Return-Path, then what the environment says (spec 7.6). */
function chooseSender(pass: HeaderPass, qualifiers: Qualifiers, facts: ComposeFacts): ByteString | Refusal {
  const { options, environment, now, unique } = facts;
  if (options.sender !== null) return givenSender(options.sender, qualifiers);
  if (pass.returnPath !== null) return perRecipient(pass.returnPath, environment.letters.senderPerRecipient);
  return defaultSender(environment, qualifiers, { unixSeconds: Math.floor(now.getTime() / 1000), unique });
}

const notAnAddress = (text: ByteString): Refusal =>
  text.includes("\0") ? unparsableAddress(text.replaceAll("\0", "?")) : addressTooLong;

/** The line `-n` puts on top. */
export function returnPathLine(sender: ReversePath): ByteString {
  return `Return-Path: <${quoteAddress(sender)}>\n`;
}
