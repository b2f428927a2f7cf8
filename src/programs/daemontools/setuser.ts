import { displayText } from "#bytes";
import { type Program, UsageError } from "#process";
import { needAccount, shellOf } from "./account.ts";
import { becomeAccount } from "./setuidgid.ts";

/**
 * `setuser ACCOUNT PROGRAM [ARG ...]` (daemontools-encore): runs the program as that account, with all of its groups, in its home, with
 * HOME, USER, SHELL, UID and GID of the account in the environment.
 */
export const main: Program = async (call) => {
  const [name, program, ...args] = call.args;
  if (name === undefined || program === undefined) throw new UsageError("setuser: usage: setuser account child");
  const { uid, gid, home } = needAccount("setuser", name);
  const cwd = displayText(home);
  becomeAccount(call, "setuser", { uid, gid, account: name });
  const env = { ...call.env, HOME: cwd, USER: name, SHELL: shellOf(name), UID: String(uid), GID: String(gid) };
  return call.exec([program, ...args], { lastOf: "setuser", cwd, env });
};
