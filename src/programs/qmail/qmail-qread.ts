import { once } from "node:events";
import { findHome } from "#control";
import { errorText } from "#files";
import { qreadEntry } from "#operate";
import type { Program } from "#process";
import { openQueueFolder } from "./open-queue-folder.ts";

/** Output is handed on in pieces of about this size. */
const pieceChars = 64 * 1024;

/** `qmail-qread`: every message in the queue with its recipients (spec 2.16). Needs the queue's uid or root. */
export const main: Program = async ({ env, stdout, stderr }) => {
  const opened = openQueueFolder(findHome(env));
  if ("trouble" in opened) {
    stderr.write(`qmail-qread: fatal: ${opened.trouble}\n`);
    return 111;
  }
  if (opened.queue === null) return 0;
  using queue = opened.queue;
  let piece = "";
  try {
    for (const message of queue.messages()) {
      piece += qreadEntry(message);
      if (piece.length < pieceChars) continue;
      if (!stdout.write(piece)) await once(stdout, "drain");
      piece = "";
    }
  } catch (error) {
    stdout.write(piece);
    stderr.write(`qmail-qread: fatal: unable to read the queue: ${errorText(error)}\n`);
    return 111;
  }
  stdout.write(piece);
  return 0;
};
