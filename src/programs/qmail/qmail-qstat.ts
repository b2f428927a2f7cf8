import { findHome } from "#control";
import { countQueue } from "#operate";
import type { Program } from "#process";
import { openQueueFolder } from "./open-queue-folder.ts";

/** `qmail-qstat`: how many messages are in the queue, and how many of them nobody has looked at yet (spec 2.16). */
export const main: Program = async ({ env, stdout, stderr }) => {
  const home = findHome(env);
  const opened = openQueueFolder(home);
  if ("trouble" in opened) {
    stderr.write(`qmail-qstat: fatal: ${opened.trouble}\n`);
    return 111;
  }
  const { messages, unprocessed } = countQueue(home, opened.queue);
  opened.queue?.[Symbol.dispose]();
  stdout.write(`messages in queue: ${messages}\nmessages in queue but not yet preprocessed: ${unprocessed}\n`);
  return 0;
};
