import { resolve } from "node:path";
import { errorText } from "#files";
import { type Program, UsageError } from "#process";
import { tidyWhenQuiet } from "#process/memory";
import { Keeper } from "#supervise/classic";
import { DeskError, HeldFolder, stateFolder } from "#supervise/directory";
import { inheritedFds } from "./inherited-fds.ts";

/** What signals to supervise itself mean, as control bytes (daemontools-encore). */
const meanings = [
  ["SIGTERM", "dx"],
  ["SIGINT", "dx"],
  ["SIGTSTP", "p"],
  ["SIGCONT", "c"],
] as const;

/**
 * `supervise DIR`: keeps `./run` in DIR running and obeys `DIR/supervise/control` (spec 2). Ends when it is told to by `x`, with 0; 111 if the
 * directory cannot be had.
 */
export const main: Program = async ({ args, cwd, env, stderr }) => {
  const [name, ...more] = args;
  if (name === undefined || more.length > 0) throw new UsageError("supervise: usage: supervise dir");
  const path = resolve(cwd, name);
  const say = (line: string): void => void stderr.write(`${line}\n`);
  let keeper: Keeper;
  try {
    const folder = new HeldFolder(name, path);
    keeper = await Keeper.open({ folder, state: stateFolder(env, path), env, fds: inheritedFds(env), say });
  } catch (error) {
    const why = error instanceof DeskError ? error.message : `unable to chdir to ${name}: ${errorText(error)}`;
    say(`supervise: fatal: ${why}`);
    return 111;
  }
  for (const [signal, commands] of meanings) process.on(signal, () => keeper.hear(commands));
  tidyWhenQuiet();
  await keeper.ended;
  return 0;
};
