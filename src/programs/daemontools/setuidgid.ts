import { errorText } from "#files";
import { getopt, type NewUser, type Program, type ProgramCall, UsageError } from "#process";
import { needAccount } from "./account.ts";

/**
 * `setuidgid [-s] ACCOUNT PROGRAM [ARG ...]`: runs the program as that account, with its gid as the only group (`-s`, of
 * daemontools-encore: with all of its groups).
 */
export const main: Program = async (call) => {
  const parsed = getopt(call.args, "s");
  const [name, program, ...args] = "problem" in parsed ? [] : parsed.rest;
  if (name === undefined || program === undefined || "problem" in parsed) {
    throw new UsageError("setuidgid: usage: setuidgid account child");
  }
  const { uid, gid } = needAccount("setuidgid", name);
  becomeAccount(call, "setuidgid", { uid, gid, account: parsed.options.length > 0 ? name : null });
  return call.exec([program, ...args], { lastOf: "setuidgid" });
};

/** This process becomes that user, or the program ends with why it cannot. */
export function becomeAccount(call: ProgramCall, program: string, user: NewUser): void {
  const fail = (why: string): never => {
    throw new UsageError(`${program}: fatal: unable to become uid ${user.uid}: ${why}`, 111);
  };
  if (call.become === null) {
    // Inside a process that is others', too: it is that user already, or never will be.
    if (process.getuid?.() !== user.uid || user.uid === 0) fail("permission denied");
    return;
  }
  try {
    call.become(user);
  } catch (error) {
    fail(errorText(error));
  }
}
