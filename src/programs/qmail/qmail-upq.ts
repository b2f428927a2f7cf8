import { join } from "node:path";
import { findHome } from "#control";
import type { Program } from "#process";

/**
 * `qmail-upq`: moves the files of a queue that was made before qmail split its folders (spec 2.20). Quail's queue has no such folders, so
 * there is nothing to move; what an upgrade script wants to hear is that all is well.
 */
export const main: Program = async ({ env, stdout }) => {
  const queue = join(findHome(env), "queue");
  stdout.write(`qmail-upq: nothing to do for ${queue}; 'quail import queue DIR' takes in the queue of a qmail\n`);
  return 0;
};
