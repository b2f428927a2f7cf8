import { accessSync, constants, statSync } from "node:fs";
import { resolve } from "node:path";
import { errorText } from "#files";
import { type Program, UsageError } from "#process";
import { tidyWhenQuiet } from "#process/memory";
import { reapOrphans, superviseMany } from "#supervise/classic";

/** Throws what keeps one from changing to a directory. */
function enter(path: string): void {
  if (!statSync(path).isDirectory()) throw Object.assign(new Error("not a directory"), { code: "ENOTDIR" });
  accessSync(path, constants.X_OK);
}

/**
 * `svscan [DIR]`: supervises every service directory in DIR, by default this one, in this one process (spec 4). TERM and INT end all, each
 * service before its log; HUP and ALRM look for new directories at once. Killed, it leaves everything at work; the next one takes over.
 */
export const main: Program = async ({ args, cwd, env, stderr }) => {
  const [name = ".", ...more] = args;
  if (more.length > 0) throw new UsageError("svscan: usage: svscan [ dir ]");
  const directory = resolve(cwd, name);
  const say = (line: string): void => void stderr.write(`${line}\n`);
  try {
    enter(directory);
  } catch (error) {
    say(`svscan: fatal: unable to chdir to ${name}: ${errorText(error)}`);
    return 111;
  }
  return scanUntilTold({ directory, env, stdin: 0, stdout: 1, stderr: 2, say });
};

/** Runs an svscan until TERM or INT, and until everything below it has ended; 0. */
export async function scanUntilTold(parts: Parameters<typeof superviseMany>[0]): Promise<number> {
  const told = Promise.withResolvers<void>();
  let isTold = false;
  const stopReaping = reapOrphans();
  // Heard from the first moment on: what is started now is ended in order, too.
  let hurry = (): void => {};
  const tell = (): void => {
    if (isTold) hurry();
    isTold = true;
    told.resolve();
  };
  process.on("SIGTERM", tell);
  process.on("SIGINT", tell);
  const supervision = await superviseMany(parts);
  process.on("SIGHUP", () => void supervision.look());
  process.on("SIGALRM", () => void supervision.look());
  tidyWhenQuiet();
  await told.promise;
  hurry = () => supervision.command("+k");
  await supervision.stop();
  stopReaping();
  return 0;
}
