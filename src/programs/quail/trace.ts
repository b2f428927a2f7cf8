import { findHome } from "#control";
import { errorText } from "#files";
import { queueEntry, queueFacts, shown, traceMessage, traceText } from "#operate";
import { type Program, UsageError } from "#process";
import type { QueuedMessage } from "#queue";
import { openQueueFolder } from "../qmail/open-queue-folder.ts";

const usage = "usage: quail trace ID [--json]";

/** The message if it is still queued and we may look; the logs tell the rest. */
function stillQueued(home: string, id: number): QueuedMessage | null {
  const opened = openQueueFolder(home);
  if ("trouble" in opened || opened.queue === null) return null;
  using queue = opened.queue;
  return queue.message(id);
}

/**
 * `quail trace ID`: the story of one message out of all logs, and what is left of it in the queue. `qp N` in a log line is the number
 * to trace next (a bounce, a forward). Exit code 1 if no line tells of it.
 */
export const main: Program = async ({ args, env, stdout, stderr }) => {
  const words = args.filter((word) => word !== "--json");
  const id = /^[0-9]{1,15}$/.test(words[0] ?? "") ? Number(words[0]) : 0;
  if (words.length !== 1 || id === 0) throw new UsageError(usage);
  const home = findHome(env);
  try {
    const story = await traceMessage(home, id);
    const queued = stillQueued(home, id);
    if (args.includes("--json")) {
      const lines = story.map(({ text, ...line }) => ({ ...line, text: shown(text) }));
      stdout.write(`${JSON.stringify({ id, lines, queued: queued === null ? null : queueFacts(queued) }, null, 2)}\n`);
    } else {
      stdout.write(traceText(story));
      if (queued !== null)
        stdout.write(`${story.length === 0 ? "" : "\n"}still in the queue:\n${queueEntry(queued, new Date())}`);
      if (story.length === 0) stderr.write(`quail trace: no line in ${home}/log tells of message ${id}\n`);
    }
    return story.length === 0 ? 1 : 0;
  } catch (error) {
    stderr.write(`quail trace: fatal: ${errorText(error)}\n`);
    return 111;
  }
};
