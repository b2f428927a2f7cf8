import type { ByteString } from "#bytes";
import { type LineWire, WireError } from "#net";

/** A server's answer to one command. */
export type ServerReply = {
  /** 200..599, from the last line (RFC 5321 §4.2.1). What is no reply at all counts as `garbageCode`: a temporary refusal. */
  readonly code: number;
  /** All lines as they came, CR removed, each with its LF: at most 5000 octets (spec 2.8). */
  readonly text: ByteString;
  /** Its last line does not begin as a reply must: the conversation is out of step. */
  readonly isGarbage: boolean;
};

/** RFC 5321 §4.5.3.1.5 allows 512 octets; real servers send more. */
const maxLineBytes = 2048;
/** What is kept of a reply for the report (qmail-remote's HUGESMTPTEXT). */
const maxTextChars = 5000;
/** A reply of more lines than this is an attack. */
const maxLines = 1000;
/** What a reply that is none counts as: 451, local error in processing. */
export const garbageCode = 451;
/** RFC 5321 §3.8: the server is about to close the connection, whatever was asked. */
export const closingCode = 421;

const replyLine = /^([2-5][0-9][0-9])(-)?/;

/**
 * Reads one reply, of several lines perhaps. The wire's timeout is for the whole of it too, so that a server which sends an
 * octet now and then does not hold us for ever. Throws WireError; `closed` when the server hangs up in the middle.
 */
export async function readReply(wire: LineWire): Promise<ServerReply> {
  const deadline = setTimeout(() => wire.socket.destroy(), wire.timeoutMs);
  try {
    return await readLines(wire);
  } finally {
    clearTimeout(deadline);
  }
}

async function readLines(wire: LineWire): Promise<ServerReply> {
  let text = "";
  for (let count = 0; count < maxLines; count++) {
    const line = await wire.readLine(maxLineBytes);
    if (line === null) throw new WireError("closed", "server hung up");
    if (text.length < maxTextChars) text = `${text}${line.replaceAll("\r", "")}\n`.slice(0, maxTextChars);
    const match = replyLine.exec(line);
    if (match === null) return { code: garbageCode, text, isGarbage: true };
    if (match[2] === undefined) return { code: Number(match[1]), text, isGarbage: false };
  }
  throw new WireError("too-long", "reply of too many lines");
}

/** What EHLO says the server can do: keyword in upper case -> its parameters as written (RFC 5321 §4.1.1.1). */
export type Extensions = ReadonlyMap<string, string>;

/** Reads the lines after the first of a 250 reply to EHLO. `250-SIZE 1000` gives `SIZE` -> `1000`. */
export function parseExtensions(text: ByteString): Extensions {
  const extensions = new Map<string, string>();
  for (const line of text.split("\n").slice(1)) {
    const match = /^250[- ]([A-Za-z0-9][A-Za-z0-9-]*)(?:[ =](.*))?$/.exec(line);
    if (match?.[1] !== undefined) extensions.set(match[1].toUpperCase(), match[2] ?? "");
  }
  return extensions;
}
