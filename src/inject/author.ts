import type { ByteString } from "#bytes";
import { quoteAddress, quoteLocalPart } from "#mail";
import {
  type Qualifiers,
  qualifyAddress,
  renderField,
  rewriteAddressField,
  rewriteAddressList,
  special,
  type Token,
  tokenize,
  unquoteTokens,
} from "#message";
import type { InjectEnvironment } from "./environment.ts";
import { type Refusal, unparsableAddress, unparsableLine } from "./refusal.ts";

/** `user@host` as text for a header; the host is left out when it is not known (it is completed like any other address). */
function addressText(user: ByteString, host: ByteString | null): ByteString {
  return host === null ? quoteLocalPart(user) : `${quoteLocalPart(user)}@${host}`;
}

/** Completes one address that did not stand in a header: an argument, or what the environment says. Unquoted; null if it is none. */
export function qualifyText(address: ByteString, qualifiers: Qualifiers): ByteString | null {
  const tokens = tokenize(quoteAddress(address));
  return tokens === null ? null : unquoteTokens(qualifyAddress(tokens, qualifiers));
}

/** The From field made from the environment (spec 7.3), with its LF. */
export function makeFrom(environment: InjectEnvironment, qualifiers: Qualifiers): ByteString | Refusal {
  const { user, host, fullName, letters } = environment;
  const text = addressText(user, host);
  const address = tokenize(text);
  if (address === null) return unparsableLine(`From: ${text}`);
  const named = withName(address, fullName, letters.commentName);
  const list = rewriteAddressList(named, (found) => qualifyAddress(found, qualifiers));
  return list === null ? unparsableLine(`From: ${text}`) : renderField("From", list);
}

function withName(address: readonly Token[], name: ByteString | null, asComment: boolean): readonly Token[] {
  if (name === null) return address;
  if (asComment) return [...address, { kind: "comment", text: name }];
  return [{ kind: "quote", text: name }, special.left, ...address, special.right];
}

/** What QMAILINJECT's letters and the clock make of a sender. */
export type SenderStamp = { readonly unixSeconds: number; readonly unique: number };

/** The envelope sender the environment asks for (spec 7.6): `user@host`, `user-<unixtime>.<pid>@host`, `user-@host-@[]`. */
export function defaultSender(
  environment: InjectEnvironment,
  qualifiers: Qualifiers,
  stamp: SenderStamp,
): ByteString | Refusal {
  const { senderUser, senderHost, letters } = environment;
  const perMessage = letters.senderPerMessage ? `-${stamp.unixSeconds}.${stamp.unique}` : "";
  const user = `${senderUser}${perMessage}${letters.senderPerRecipient ? "-" : ""}`;
  const field = `Return-Path: ${addressText(user, senderHost)}\n`;
  const { field: parsed, addresses } = rewriteAddressField(field, (address) => qualifyAddress(address, qualifiers));
  if (parsed === null) return unparsableLine(field);
  return perRecipient(addresses.at(-1) ?? "", letters.senderPerRecipient);
}

/** Marks a sender for VERP (spec 4.7). The null sender stays null: nothing may come back for a bounce. */
export function perRecipient(sender: ByteString, wanted: boolean): ByteString {
  return wanted && sender !== "" ? `${sender}-@[]` : sender;
}

/** `-f`: qualified like any address; `''` is the null sender. */
export function givenSender(sender: ByteString, qualifiers: Qualifiers): ByteString | Refusal {
  return qualifyText(sender, qualifiers) ?? unparsableLine(sender);
}

/** A recipient argument, qualified. */
export function givenRecipient(recipient: ByteString, qualifiers: Qualifiers): ByteString | Refusal {
  return qualifyText(recipient, qualifiers) ?? unparsableAddress(recipient);
}
