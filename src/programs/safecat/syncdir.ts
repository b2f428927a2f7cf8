import { resolve } from "node:path";
import { errorText, fsyncDirectory } from "#files";
import { type Program, UsageError } from "#process";

/**
 * `syncdir DIR ...`: makes the entries of folders durable, for scripts that have made, renamed or removed a file and must not go on before
 * a power cut could undo it. (The original of that name was a library that did so behind every program's back.)
 */
export const main: Program = async ({ args, cwd, stderr }) => {
  if (args.length === 0) throw new UsageError("syncdir: usage: syncdir dir ...");
  let code = 0;
  for (const folder of args) {
    try {
      await fsyncDirectory(resolve(cwd, folder));
    } catch (error) {
      stderr.write(`syncdir: fatal: unable to sync ${folder}: ${errorText(error)}\n`);
      code = 111;
    }
  }
  return code;
};
