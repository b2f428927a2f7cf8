import { readdirSync } from "node:fs";
import { errorCode } from "#files";
import { dropFolder } from "#qmtp";
import type { QueueReader } from "#queue";

/** Whole messages that injectors left while the queue service was down (names without a dot). */
function countDrops(home: string): number {
  try {
    return readdirSync(dropFolder(home)).filter((name) => !name.startsWith(".")).length;
  } catch (error) {
    // No drop folder yet, or one that only the queue may list: nothing to be counted by us.
    if (errorCode(error) === "ENOENT" || errorCode(error) === "EACCES") return 0;
    throw error;
  }
}

/** Messages in the queue, those waiting in the drop folder included: as in qmail, where `todo` counts in both numbers. */
export function countQueue(
  home: string,
  queue: QueueReader | null,
): { readonly messages: number; readonly unprocessed: number } {
  const unprocessed = countDrops(home);
  return { messages: (queue?.count() ?? 0) + unprocessed, unprocessed };
}
