import { resolve } from "node:path";
import { utf8ToByteString } from "#bytes";
import { makeMaildir } from "#mailbox";
import type { Program } from "#process";
import { fatal } from "./repost.ts";

/** `maildirmake name`: makes a Maildir (spec 2.15). */
export const main: Program = async (call) => {
  const [name] = call.args;
  if (name === undefined) {
    call.stderr.write("maildirmake: usage: maildirmake name\n");
    return 100;
  }
  try {
    makeMaildir(utf8ToByteString(resolve(call.cwd, name)), utf8ToByteString(name));
    return 0;
  } catch (error) {
    return fatal(call, "maildirmake", error instanceof Error ? error.message : String(error), 111);
  }
};
