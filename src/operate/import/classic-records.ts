import { type ByteString, fromBytes } from "#bytes";
import { type Address, parseAddress, type ReversePath } from "#mail";

/*
 * The files of a classic queue (spec 4.1): records of a letter and a text, each ended by NUL. `F` sender, `T` recipient, `D` a
 * recipient that is done; `u` and `p` are who queued it.
 */

/** One record. */
export type QueueRecord = { readonly letter: string; readonly text: ByteString };

/** A recipient of local/ID or remote/ID. */
export type ChannelRecipient = { readonly address: Address; readonly isDone: boolean };

/** A file that is not what it should be: what is wrong, as the end of a sentence that begins with the file's name. */
export class DamagedFile extends Error {}

/** Splits a file into records. Throws DamagedFile if the last one has no end: a recipient could be lost. */
export function parseRecords(bytes: Buffer): readonly QueueRecord[] {
  const parts = fromBytes(bytes).split("\0");
  if (parts.pop() !== "") throw new DamagedFile("ends in the middle of a record");
  return parts.map((part) => ({ letter: part.slice(0, 1), text: part.slice(1) }));
}

function addressOf(text: ByteString): Address {
  const address = parseAddress(text);
  if (address === null) throw new DamagedFile("holds an address that is too long");
  return address;
}

const senderOf = (text: ByteString): ReversePath => (text === "" ? "" : addressOf(text));

/** todo/ID (or intd/ID, the same file): the envelope as it was queued. */
export function parseTodo(bytes: Buffer): { readonly sender: ReversePath; readonly recipients: readonly Address[] } {
  let sender: ReversePath | null = null;
  const recipients: Address[] = [];
  for (const { letter, text } of parseRecords(bytes)) {
    if (letter === "F") sender = senderOf(text);
    else if (letter === "T") recipients.push(addressOf(text));
    else if (letter !== "u" && letter !== "p") throw new DamagedFile(`holds a record that is none ("${letter}")`);
  }
  if (sender === null) throw new DamagedFile("names no sender");
  return { sender, recipients };
}

/** info/ID: the sender. */
export function parseInfo(bytes: Buffer): ReversePath {
  const [first] = parseRecords(bytes);
  if (first?.letter !== "F") throw new DamagedFile("names no sender");
  return senderOf(first.text);
}

/** local/ID or remote/ID. */
export function parseChannel(bytes: Buffer): readonly ChannelRecipient[] {
  return parseRecords(bytes).map(({ letter, text }) => {
    if (letter !== "T" && letter !== "D") throw new DamagedFile(`holds a record that is none ("${letter}")`);
    return { address: addressOf(text), isDone: letter === "D" };
  });
}

/** One failure of bounce/ID. */
export type RecordedFailure = { readonly address: Address; readonly report: ByteString };

/** Stands where bounce/ID (which no crash spares) does not say who failed. */
const unknownRecipient = "unknown recipient" as Address;

/**
 * bounce/ID: paragraphs, each `<address>:` LF report, divided by blank lines. What is in no such paragraph belongs to the one
 * before it: nothing of the text is lost.
 */
export function parseBounce(bytes: Buffer): readonly RecordedFailure[] {
  const failures: { address: Address; report: ByteString }[] = [];
  for (const paragraph of fromBytes(bytes).replaceAll("\0", "_").split("\n\n")) {
    const text = paragraph.replace(/\n+$/, "");
    if (text === "") continue;
    const named = /^<([^\n]*)>:(?:\n|$)/.exec(text);
    const address = named === null ? null : parseAddress(named[1] ?? "");
    const last = failures.at(-1);
    if (named !== null && address !== null) failures.push({ address, report: `${text.slice(named[0].length)}\n` });
    else if (last !== undefined) last.report += `/\n${text}\n`;
    else failures.push({ address: unknownRecipient, report: `${text}\n` });
  }
  return failures;
}
