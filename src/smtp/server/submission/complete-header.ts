/**
 * What a submission server does to a header (RFC 6409 §8): adds what is missing, takes out what nobody may see, and sees to it that
 * nobody signs with another's name. The body is not touched.
 */
import { type ByteString, lowerAscii, toBytes } from "#bytes";
import { quoteAddress, type ReversePath } from "#mail";
import { dateDigits, fieldKey, HeaderSplitter, mailDate, rewriteAddressField } from "#message";
import { ownsAddress, type SenderRules } from "./sender-rules.ts";

/** What the completion depends on besides the header. */
export type Submission = {
  readonly rules: SenderRules;
  /** Who has logged in; null: a client that may relay without. */
  readonly user: ByteString | null;
  readonly sender: ReversePath;
  readonly now: Date;
  /** A number no other message of this second has. */
  readonly unique: string;
};

/** Why a message is refused for its header. */
export type HeaderRefusal = "not-your-from" | "bad-from";

/** Recipients that nobody may know of (RFC 5322 §3.6.3), and what only the last server writes. */
const dropped: ReadonlySet<ByteString> = new Set(["bcc", "resent-bcc", "return-path"]);
/** Fields that say whose the message is. */
const authors: ReadonlySet<ByteString> = new Set(["from", "sender"]);

/** Is every address of the field the user's own? */
function judge(field: ByteString, user: ByteString, rules: SenderRules): HeaderRefusal | null {
  const { field: parsed, addresses } = rewriteAddressField(field, (address) => address);
  // What we cannot read another may read as anybody's name.
  if (parsed === null) return "bad-from";
  if (addresses.length === 0 || addresses.includes("")) return "bad-from";
  return addresses.every((address) => ownsAddress(rules, user, address)) ? null : "not-your-from";
}

const quoted = (name: ByteString): ByteString => `"${name.replace(/["\\]/g, "\\$&").replace(/[\r\n]/g, " ")}"`;

/** The From that others should see (control/sendernames), else null. */
function shownFrom({ rules, sender, user }: Submission): ByteString | null {
  const shown = user === null || rules.keepsHeader ? undefined : rules.names.get(lowerAscii(sender));
  if (shown === undefined) return null;
  const address = quoteAddress(shown.address);
  return shown.name === "" ? `From: ${address}\n` : `From: ${quoted(shown.name)} <${address}>\n`;
}

/** The address of a user who wrote none. */
const addressOf = (user: ByteString, { defaultHost }: SenderRules): ByteString =>
  quoteAddress(user.includes("@") ? user : `${user}@${defaultHost}`);

/** Completes the fields of a header; or why the message is refused. */
export function completeFields(fields: readonly ByteString[], submission: Submission): ByteString | HeaderRefusal {
  const { rules, user, now, unique } = submission;
  const shown = shownFrom(submission);
  const seen = new Set<ByteString>();
  let kept = "";
  for (const field of fields) {
    const key = fieldKey(field);
    if ((dropped.has(key) && !rules.keepsHeader) || (key === "from" && shown !== null)) continue;
    if (user !== null && rules.check === "both" && authors.has(key)) {
      const refusal = judge(field, user, rules);
      if (refusal !== null) return refusal;
    }
    seen.add(key);
    kept += field;
  }
  if (rules.keepsHeader) return kept;
  let made = "";
  if (!seen.has("date")) made += `Date: ${mailDate(now)}\n`;
  if (!seen.has("message-id")) made += `Message-ID: <${dateDigits(now)}.${unique}.quail@${rules.idHost}>\n`;
  if (shown !== null) made += shown;
  else if (!seen.has("from") && user !== null) made += `From: ${addressOf(user, rules)}\n`;
  return made + kept;
}

/** Completes the beginning of a message, which holds its whole header; what follows the header comes out as it went in. */
export function completeHead(head: Buffer, submission: Submission): Buffer | HeaderRefusal {
  const splitter = new HeaderSplitter();
  const { fields, body } = splitter.push(head) ?? splitter.end();
  const completed = completeFields(fields, submission);
  if (completed === "not-your-from" || completed === "bad-from") return completed;
  // A message that is all header has no empty line; with none behind it, what was added still ends in one LF.
  return Buffer.concat([toBytes(completed), body]);
}
