import { accessSync, constants } from "node:fs";
import { join } from "node:path";
import { errorText } from "#files";
import { type QueueReader, readQueue } from "#queue";

/**
 * The queue of `home` for a listing tool: a reader (null while no message was ever queued), or what stands in the way in qmail's
 * words. The caller closes the reader.
 */
export function openQueueFolder(home: string): { readonly queue: QueueReader | null } | { readonly trouble: string } {
  const folder = join(home, "queue");
  try {
    accessSync(folder, constants.X_OK);
  } catch (error) {
    return { trouble: `unable to chdir: ${folder}: ${errorText(error)}` };
  }
  try {
    return { queue: readQueue(home) };
  } catch (error) {
    return { trouble: `unable to open ${join(folder, "queue.db")}: ${errorText(error)}` };
  }
}
