import { openSync } from "node:fs";
import { resolve } from "node:path";
import { errorText, lockDescriptor, processCalls } from "#files";
import { getopt, type Program, UsageError } from "#process";

/**
 * `setlock [-nNxX] FILE PROGRAM [ARG ...]`: runs the program while it holds an exclusive flock(2) on the file, which is made if it is
 * missing and never changed. The lock ends when the last process that has the descriptor does. `-n`: do not wait; `-x`: end
 * silently with 0 when there is no lock to be had.
 */
export const main: Program = async ({ args, cwd, exec }) => {
  const parsed = getopt(args, "nNxX");
  const usage = "setlock: usage: setlock [ -nNxX ] file program [ arg ... ]";
  if ("problem" in parsed) throw new UsageError(`setlock: ${parsed.problem}\n${usage}`);
  const [file, program, ...rest] = parsed.rest;
  if (file === undefined || program === undefined) throw new UsageError(usage);
  const wish = (letter: string): boolean =>
    parsed.options.findLast(([one]) => one.toLowerCase() === letter)?.[0] === letter;
  const isQuiet = wish("x");
  const give = (text: string): number => {
    if (isQuiet) return 0;
    throw new UsageError(`setlock: fatal: ${text}`, 111);
  };

  let fd: number;
  try {
    fd = openSync(resolve(cwd, file), "a", 0o600);
  } catch (error) {
    return give(`unable to open ${file}: ${errorText(error)}`);
  }
  const got = lockDescriptor(fd, wish("n") ? "now" : "wait");
  if (got === null) return give(`unable to lock ${file}: ${errorText({ code: "ENOLCK" })}`);
  if (!got) return give(`unable to lock ${file}: ${errorText({ code: "EAGAIN" })}`);
  processCalls()?.keepOpen(fd);
  return exec([program, ...rest], { lastOf: "setlock", held: processCalls() === null ? [fd] : [] });
};
