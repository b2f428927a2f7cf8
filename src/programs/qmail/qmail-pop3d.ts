import { resolve } from "node:path";
import { utf8ToByteString } from "#bytes";
import { joinStreams, LineWire } from "#net";
import { classicIdleMs, say, serveMailbox } from "#pop3";
import type { Program } from "#process";
import { leaveWire } from "./leave-wire.ts";

/**
 * `qmail-pop3d maildir`: serves a Maildir, named from the working directory, to a POP3 client that has logged in (spec 2.18). Run by
 * checkpassword, as the user; never as root.
 */
export const main: Program = async (call) => {
  if (process.getuid?.() === 0) {
    call.stderr.write("qmail-pop3d invoked as uid 0, terminating\n");
    return 1;
  }
  const [name] = call.args;
  if (name === undefined) {
    call.stdout.write(say.noMaildir);
    return 0;
  }
  const wire = new LineWire(joinStreams(call.stdin, call.stdout), classicIdleMs);
  const maildir = utf8ToByteString(resolve(call.cwd, name));
  await serveMailbox(wire, { maildir, dialect: "classic", now: Date.now });
  await leaveWire(wire);
  return 0;
};
