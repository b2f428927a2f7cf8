import { type ByteString, utf8ToByteString } from "#bytes";
import { datagramTo } from "#files";
import { decimalStamp, microsNow } from "#log";
import type { Program } from "#process";

/** syslog(3)'s numbers: the facility mail, and what a line's first word makes of it. */
const mailFacility = 2;
const priorities = [
  ["warning:", 4],
  ["alert:", 1],
] as const;
const info = 6;
/** syslog cuts long lines, or worse; the rest goes into a line of its own. */
const maxTextBytes = 799;

/** One entry for syslog, without the frame that tells tag and time. */
export type SyslogEntry = { readonly priority: number; readonly text: ByteString };

/**
 * A log line as splogger hands it on (spec 2.19): unprintables as `?`, in pieces of 799 bytes, each with the same time stamp (seconds.micros),
 * from the second on with a `+`. Nothing for an empty line.
 */
export function sploggerEntries(line: ByteString, stamp: string): readonly SyslogEntry[] {
  const clean = line.replace(/[^\x20-\x7e]/g, "?");
  const priority = priorities.find(([word]) => clean.startsWith(word))?.[1] ?? info;
  const pieces = clean.match(new RegExp(`.{1,${maxTextBytes}}`, "g")) ?? [];
  return pieces.map((piece, at) => ({ priority, text: `${stamp}${at === 0 ? " " : "+"}${piece}` }));
}

const months = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

/** RFC 3164's frame, as syslog(3) writes it to /dev/log: local time, the day padded with a blank. */
function framed(facility: number, tag: ByteString, { priority, text }: SyslogEntry, now: Date): Buffer {
  const day = String(now.getDate()).padStart(2);
  const time = now.toTimeString().slice(0, 8);
  return Buffer.from(`<${facility * 8 + priority}>${months[now.getMonth()]} ${day} ${time} ${tag}: ${text}`, "latin1");
}

/**
 * `splogger [tag [facility]]`: hands each line of stdin to syslog, with its own time stamp in front, until stdin ends (spec 2.19).
 * What syslog does not take is lost, as with the original: a log must not stop the mail.
 */
export const main: Program = async ({ args, env, stdin, stderr }) => {
  const [tag = "splogger", number = ""] = args;
  const facility = /^[0-9]+/.test(number) ? Number.parseInt(number, 10) : mailFacility;
  const socket = datagramTo(env.SYSLOG_SOCKET ?? "/dev/log");
  if (socket === null) {
    stderr.write("splogger: fatal: unable to reach syslog: Linux and the package koffi are needed\n");
    return 111;
  }
  const hand = (line: ByteString): void => {
    for (const entry of sploggerEntries(line, decimalStamp(microsNow()))) {
      socket.send(framed(facility, utf8ToByteString(tag), entry, new Date()));
    }
  };
  let rest = "";
  for await (const chunk of stdin) {
    const lines = (rest + (chunk as Buffer).toString("latin1")).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) hand(line);
    // A line without end is handed on in pieces, so that none fills the memory.
    for (; rest.length >= maxLineChars; rest = rest.slice(maxLineChars)) hand(rest.slice(0, maxLineChars));
  }
  // As the original: a last line without its LF is no line.
  socket.close();
  return 0;
};

/** A line longer than this is taken for several. */
const maxLineChars = 64 * 1024;
