import { Readable } from "node:stream";
import { renderCredentials } from "#auth";
import { utf8ToByteString } from "#bytes";
import { joinStreams, LineWire } from "#net";
import { classicIdleMs, greeting, type LoginHouse, newLoginTalk, nextLogin, say } from "#pop3";
import type { Program, ProgramCall } from "#process";
import { leaveWire } from "./leave-wire.ts";

/** What qmail-popup ends with, however it ends. */
const over = 1;
const firstSignalCode = 128;

/**
 * `qmail-popup hostname subprogram [arg ...]`: the part of a POP3 server before login (spec 2.18). Greets, takes a login, hands it to
 * the subprogram (checkpassword) on descriptor 3, and stands aside: the rest of the conversation is the subprogram's.
 */
export const main: Program = async (call) => {
  const [hostname, ...words] = call.args;
  const [program, ...rest] = words;
  if (hostname === undefined || program === undefined) {
    call.stdout.write(say.popupUsage);
    return over;
  }
  const timestamp = `<${process.pid}.${Math.floor(Date.now() / 1000)}@${utf8ToByteString(hostname)}>`;
  const wire = new LineWire(joinStreams(call.stdin, call.stdout), classicIdleMs);
  wire.write(greeting(timestamp));
  const house: LoginHouse = { dialect: "classic", timestamp, takesPlain: () => true, startTls: null };
  const step = await nextLogin(newLoginTalk(wire), house);
  const credentials = step.kind === "try" ? renderCredentials(step.claim) : null;
  if (credentials === null) {
    // Too long for any checkpassword, which would refuse it.
    if (step.kind === "try") wire.write(say.refused);
    await standAside(call, wire);
    return over;
  }
  await standAside(call, wire);
  const code = await call.exec([program, ...rest], { inputs: new Map([[3, Readable.from([credentials])]]) });
  credentials.fill(0);
  if (code >= firstSignalCode) call.stdout.write(say.childCrashed);
  else if (code !== 0) call.stdout.write(say.refused);
  return over;
};

/** Leaves the connection to whoever reads it next; commands that came ahead of their time are still to be read. */
async function standAside(call: ProgramCall, wire: LineWire): Promise<void> {
  const ahead = await leaveWire(wire);
  if (ahead.length > 0) call.stdin.unshift(ahead);
}
