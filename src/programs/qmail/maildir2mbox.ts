import { resolve } from "node:path";
import { utf8ToByteString } from "#bytes";
import { maildirToMbox } from "#mailbox";
import type { Program } from "#process";
import { fatal } from "./repost.ts";

/** `maildir2mbox`: moves the mail in MAILDIR to the end of the mbox MAIL, by way of MAILTMP (spec 2.15). */
export const main: Program = async (call) => {
  const { MAILDIR, MAIL, MAILTMP } = call.env;
  if (MAILDIR === undefined) return fatal(call, "maildir2mbox", "MAILDIR not set", 111);
  if (MAIL === undefined) return fatal(call, "maildir2mbox", "MAIL not set", 111);
  if (MAILTMP === undefined) return fatal(call, "maildir2mbox", "MAILTMP not set", 111);
  // The original goes to the Maildir first, so that is where relative names begin.
  const maildir = resolve(call.cwd, MAILDIR);
  const path = (name: string): string => utf8ToByteString(resolve(maildir, name));
  try {
    await maildirToMbox({
      maildir: utf8ToByteString(maildir),
      mbox: path(MAIL),
      temporary: path(MAILTMP),
      warn: (line) => call.stderr.write(Buffer.from(`maildir2mbox: warning: ${line}\n`, "latin1")),
    });
    return 0;
  } catch (error) {
    return fatal(call, "maildir2mbox", error instanceof Error ? error.message : String(error), 111);
  }
};
