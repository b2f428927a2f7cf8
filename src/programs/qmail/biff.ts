import type { ByteString } from "#bytes";

/** How much of a message a terminal is shown. */
const shownChars = 78;
const unprintable = /[^\x20-\x7e]/g;
const subject = /^subject:/i;

/**
 * What qbiff writes on a terminal: bell, who it is to and from, the beginning of subject and body in one line. `beginning` is
 * the first part of the message. Nothing a peer sent can move the cursor: what is not printable ASCII shows as `_`.
 */
export function biffText(local: ByteString, sender: ByteString, beginning: ByteString): ByteString {
  const end = beginning.startsWith("\n") ? 0 : (beginning.search(/\n\n/) + 1 || beginning.length + 1) - 1;
  const fields = beginning.slice(0, end).split("\n");
  const about = fields.find((field) => subject.test(field))?.replace(subject, "") ?? "";
  const body = beginning.slice(end);
  const words = `${about} ${body}`.replace(/[ \t\r\n]+/g, " ").trim();
  const who = `*** TO <${local}> FROM <${sender}>`.replace(unprintable, "_");
  return `\r\n\x07${who}\r\n${words.replace(unprintable, "_").slice(0, shownChars)}\r\n`;
}
