import type { ByteString } from "#bytes";
import { fieldKey, type Qualifiers, qualifyAddress, rewriteAddressField } from "#message";
import type { InjectLetters } from "./environment.ts";
import { type Refusal, unparsableLine } from "./refusal.ts";

/** What one walk over the fields of a header has found out. */
export type HeaderPass = {
  /** Names of the fields that were there, in lower case; those a letter replaces do not count. */
  readonly seen: ReadonlySet<ByteString>;
  /** Fields that stay, in order, rewritten where they hold addresses. */
  readonly saved: readonly ByteString[];
  /** To, Cc, Bcc and Apparently-To addresses. */
  readonly recipients: readonly ByteString[];
  /** Resent-To, Resent-Cc and Resent-Bcc addresses. */
  readonly resentRecipients: readonly ByteString[];
  /** To and Cc addresses, field by field. */
  readonly toAndCc: readonly (readonly ByteString[])[];
  /** What Return-Path says; null if there is none or it is empty. */
  readonly returnPath: ByteString | null;
};

type AddressField = "to-cc" | "other-recipients" | "resent-recipients" | "senders" | "return-path";

/** Fields whose addresses are rewritten (spec 7.2). */
const addressFields: ReadonlyMap<ByteString, AddressField> = new Map<ByteString, AddressField>([
  ["to", "to-cc"],
  ["cc", "to-cc"],
  ["bcc", "other-recipients"],
  ["apparently-to", "other-recipients"],
  ["resent-to", "resent-recipients"],
  ["resent-cc", "resent-recipients"],
  ["resent-bcc", "resent-recipients"],
  ["sender", "senders"],
  ["from", "senders"],
  ["reply-to", "senders"],
  ["return-receipt-to", "senders"],
  ["errors-to", "senders"],
  ["resent-sender", "senders"],
  ["resent-from", "senders"],
  ["resent-reply-to", "senders"],
  ["return-path", "return-path"],
]);

const deletedFields: ReadonlySet<ByteString> = new Set(["bcc", "resent-bcc", "return-path", "content-length"]);

/** Fields that are as good as absent because the user wants them made anew or ignored. */
function ignoredFields(letters: InjectLetters): ReadonlySet<ByteString> {
  const ignored = new Set<ByteString>();
  if (letters.replaceFrom) ignored.add("from");
  if (letters.replaceMessageId) ignored.add("message-id");
  if (letters.ignoreReturnPath) ignored.add("return-path");
  return ignored;
}

/**
 * Walks over a header once: rewrites, collects, leaves out (spec 7.2). A sender field that cannot be parsed refuses the
 * message. A recipient field that cannot be parsed stays as it is, as in notqmail: mail people have been sending for
 * years with a broken Cc goes out to the others; an unparsable Bcc is still never shown.
 */
export function passHeader(
  fields: readonly ByteString[],
  qualifiers: Qualifiers,
  letters: InjectLetters,
): HeaderPass | Refusal {
  const ignored = ignoredFields(letters);
  const seen = new Set<ByteString>();
  const saved: ByteString[] = [];
  const recipients: ByteString[][] = [];
  const resentRecipients: ByteString[][] = [];
  const toAndCc: ByteString[][] = [];
  let returnPath: ByteString | null = null;
  for (const field of fields) {
    const key = fieldKey(field);
    if (ignored.has(key)) continue;
    seen.add(key);
    const kind = addressFields.get(key);
    if (kind === undefined) {
      if (!deletedFields.has(key)) saved.push(field);
      continue;
    }
    const rewritten = rewriteAddressField(field, (address) => qualifyAddress(address, qualifiers));
    const addresses = rewritten.addresses.filter((address) => address !== "");
    switch (kind) {
      case "to-cc":
        toAndCc.push(addresses);
        recipients.push(addresses);
        break;
      case "other-recipients":
        recipients.push(addresses);
        break;
      case "resent-recipients":
        resentRecipients.push(addresses);
        break;
      case "return-path":
        if (rewritten.field === null) return unparsableLine(field);
        // The list is read from its end, so the last address is the one qmail comes upon first.
        returnPath ??= rewritten.addresses.at(-1) ?? null;
        break;
      case "senders":
        if (rewritten.field === null) return unparsableLine(field);
        break;
    }
    if (!deletedFields.has(key)) saved.push(rewritten.field ?? field);
  }
  return {
    seen,
    saved,
    recipients: recipients.flat(),
    resentRecipients: resentRecipients.flat(),
    toAndCc,
    returnPath,
  };
}
