import type { Program, ProgramCall } from "#process";
import { biffText } from "./biff.ts";
import { variable } from "./repost.ts";
import { writeToTerminals } from "./terminals.ts";

const utmpPath = "/var/run/utmp";
/** A few lines of a terminal come from the very beginning of a message. */
const beginningBytes = 16 * 1024;

async function beginningOf(call: ProgramCall): Promise<string> {
  let text = "";
  for await (const bytes of call.stdin) {
    text += (bytes as Buffer).toString("latin1");
    if (text.length >= beginningBytes) break;
  }
  return text.slice(0, beginningBytes);
}

/** `qbiff`: tells the user on his terminals that mail has come, if he wants to know (`biff y`). Exits 0, always (spec 2.15). */
export const main: Program = async (call) => {
  const [user, local, sender] = ["USER", "LOCAL", "SENDER"].map((name) => variable(call, name));
  if (user === undefined || local === undefined || sender === undefined) return 0;
  const text = biffText(local, sender, await beginningOf(call));
  writeToTerminals({ utmp: utmpPath, dev: "/dev", uid: process.getuid?.() ?? -1 }, user, text);
  return 0;
};
