import { statSync } from "node:fs";
import { join } from "node:path";
import { findHome } from "#control";
import { errorText } from "#files";
import type { Program } from "#process";
import { askTcpto } from "#remote";

/** `qmail-tcpto`: the hosts that did not answer lately, one a line (spec 2.16). Asks the remote service over `run/remote`. */
export const main: Program = async ({ env, stdout }) => {
  const home = findHome(env);
  const die = (doing: string, error: unknown): number => {
    stdout.write(`fatal: unable to ${doing}: ${errorText(error)}\n`);
    return 111;
  };
  try {
    statSync(join(home, "queue"));
  } catch (error) {
    return die("chdir", error);
  }
  try {
    for (const { address, secondsAgo, count } of await askTcpto(home))
      stdout.write(`${address} timed out ${secondsAgo} seconds ago; # recent timeouts: ${count}\n`);
  } catch (error) {
    return die("open tcpto", error);
  }
  return 0;
};
