import { closeSync, openSync, readdirSync, readSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import type { ByteString } from "#bytes";
import { errorText } from "#files";
import type { Program } from "#process";
import { fatal } from "./repost.ts";

/** How often a terminal is drawn anew, in milliseconds. */
const everyMs = 30_000;
/** Subject and text of one message on the screen: two lines of a terminal. */
const shownChars = 158;
/** The header's beginning and a few words of the body are in here. */
const beginningBytes = 16 * 1024;
/** More new messages than this are more than any terminal has lines for. */
const maxMessages = 500;

const clearScreen = "\x1b[;H\x1b[;J";
const bold = (text: string): string => `\x1b[1m${text}\x1b[0m`;
const unprintable = /[^\x20-\x7e]/g;

/** The value of the first field of this name. */
function fieldOf(header: ByteString, name: string): ByteString {
  const line = header.split("\n").find((field) => field.toLowerCase().startsWith(`${name}:`));
  return line === undefined ? "" : line.slice(name.length + 1).trim();
}

/** One message as it is listed: who from and to in bold, then the beginning of subject and text. Nothing in it moves the cursor. */
export function watchEntry(beginning: ByteString): string {
  const end = beginning.startsWith("\n") ? 0 : (beginning.search(/\n\n/) + 1 || beginning.length + 1) - 1;
  const header = beginning.slice(0, end);
  const sender = fieldOf(header, "return-path").replace(/^<(.*)>$/, "$1");
  const recipient = fieldOf(header, "delivered-to");
  const words = `${fieldOf(header, "subject")} ${beginning.slice(end)}`.replace(/[ \t\r\n]+/g, " ").trim();
  const who = `FROM ${sender} TO <${recipient}>`.replace(unprintable, "?");
  return `${bold(who)}\n${words.replace(unprintable, "?").slice(0, shownChars)}\n\n`;
}

function beginningOf(path: string): ByteString {
  const fd = openSync(path, "r");
  try {
    const bytes = Buffer.alloc(beginningBytes);
    return bytes.toString("latin1", 0, readSync(fd, bytes, 0, beginningBytes, 0));
  } finally {
    closeSync(fd);
  }
}

/** The new messages of a Maildir as a screen, oldest first; one that another reader takes away meanwhile is left out. */
export function watchScreen(maildir: string): string {
  const folder = join(maildir, "new");
  const found = readdirSync(folder)
    .filter((name) => !name.startsWith("."))
    .flatMap((name) => {
      const mtimeMs = statSync(join(folder, name), { throwIfNoEntry: false })?.mtimeMs;
      return mtimeMs === undefined ? [] : [{ name, mtimeMs }];
    })
    .sort((a, b) => a.mtimeMs - b.mtimeMs);
  const entries = found.slice(0, maxMessages).map(({ name }) => {
    try {
      return watchEntry(beginningOf(join(folder, name)));
    } catch {
      return ""; // Gone, or not ours to read.
    }
  });
  return clearScreen + entries.join("");
}

/** Resolves after `ms`, at once when the signal comes. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    if (signal.aborted) return done();
    const timer = setTimeout(finish, ms);
    function finish(): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", finish);
      done();
    }
    signal.addEventListener("abort", finish, { once: true });
  });
}

/** `maildirwatch`: lists the new mail of MAILDIR on a terminal, anew every 30 seconds, until it is stopped (spec 2.15). */
export const main: Program = async (call) => {
  const { MAILDIR } = call.env;
  if (MAILDIR === undefined) return fatal(call, "maildirwatch", "MAILDIR not set", 111);
  const maildir = resolve(call.cwd, MAILDIR);
  while (!call.signal.aborted) {
    try {
      call.stdout.write(watchScreen(maildir));
    } catch (error) {
      return fatal(call, "maildirwatch", `unable to scan ${MAILDIR}/new: ${errorText(error)}`, 111);
    }
    await pause(everyMs, call.signal);
  }
  return 0;
};
