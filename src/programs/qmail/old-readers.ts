import type { Program } from "#process";

/** The mail reader behind each name; the first that is installed runs. */
const readers: ReadonlyMap<string, readonly string[]> = new Map([
  ["elq", ["elm"]],
  ["pinq", ["pine", "alpine"]],
  ["qail", ["Mail", "mail"]],
]);

/** What `exec` gives for a program that is not there. */
const notThere = 100;

/**
 * `elq`, `pinq`, `qail`: move the mail in MAILDIR to the mbox MAIL (maildir2mbox), then run a mail reader that knows mbox
 * files only: elm, pine or Mail, with the same arguments. If the move fails the reader does not run.
 */
export const main: Program = async (call) => {
  const moved = await call.exec(["maildir2mbox"]);
  if (moved !== 0) return moved;
  const names = readers.get(call.name) ?? [];
  for (const name of names) {
    const code = await call.exec([name, ...call.args]);
    if (code !== notThere) return code;
  }
  call.stderr.write(`${call.name}: fatal: ${names.join(" and ")} cannot be found; the mail is in ${call.env.MAIL}\n`);
  return 111;
};
