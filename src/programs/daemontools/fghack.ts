import { type ChildProcess, spawn } from "node:child_process";
import { errorText } from "#files";
import { type Program, UsageError } from "#process";

/** The program gets one end of a pipe as each of the descriptors 3 to this one: a daemon closes some of them, hardly all. */
const lastFd = 30;

/**
 * `fghack PROGRAM ...`: runs a program that puts itself into the background, and stays until all that came of it has ended: until nobody
 * holds the pipes open any more (spec 7). Exits as the program did; 111 if that crashed.
 */
export const main: Program = async ({ args, cwd, env, stderr }) => {
  const [file, ...words] = args;
  if (file === undefined) throw new UsageError("fghack: usage: fghack child");
  const pipes = Array.from({ length: lastFd - 2 }, () => "pipe" as const);
  let child: ChildProcess;
  try {
    child = spawn(file, words, { cwd, env, stdio: ["inherit", "inherit", "inherit", ...pipes] });
  } catch (error) {
    return cannotRun(error);
  }
  for (const pipe of child.stdio.slice(3)) {
    pipe?.on("error", () => {});
    if (pipe !== null && pipe !== undefined && "resume" in pipe) pipe.resume();
  }
  return new Promise((done) => {
    child.once("error", (error) => done(cannotRun(error)));
    child.once("close", (code, signal) => {
      if (signal === null) return done(code ?? 0);
      stderr.write("fghack: fatal: child crashed\n");
      done(111);
    });
  });

  function cannotRun(error: unknown): number {
    stderr.write(`fghack: fatal: unable to run ${file}: ${errorText(error)}\n`);
    return 111;
  }
};
