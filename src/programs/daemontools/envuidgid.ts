import { type Program, UsageError } from "#process";
import { needAccount } from "./account.ts";

/** `envuidgid ACCOUNT PROGRAM [ARG ...]`: runs the program with the account's numbers in UID and GID, as who it is. */
export const main: Program = async ({ args: [name, program, ...args], env, exec }) => {
  if (name === undefined || program === undefined) {
    throw new UsageError("envuidgid: usage: envuidgid account child");
  }
  const { uid, gid } = needAccount("envuidgid", name);
  const numbers = { UID: String(uid), GID: String(gid) };
  return exec([program, ...args], { lastOf: "envuidgid", env: { ...env, ...numbers } });
};
