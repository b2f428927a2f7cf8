import { createReadStream } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { errorCode } from "#files";
import { logFiles, readStamped, subfolders } from "#log";

/** One line of a service's log. */
export type LogLine = { readonly at: Date; readonly service: string; readonly text: string };

/** The services that have a log folder in `home`, sorted; none if there is no log folder at all. */
export function loggedServices(home: string): readonly string[] {
  try {
    return subfolders(join(home, "log"));
  } catch (error) {
    if (errorCode(error) === "ENOENT") return [];
    throw error;
  }
}

/** Every stamped line of a service's log, oldest first. A file that rotation removes meanwhile is passed over. */
export async function* readLog(home: string, service: string): AsyncGenerator<LogLine> {
  for (const file of logFiles(join(home, "log", service))) {
    const stream = createReadStream(file, "latin1");
    try {
      for await (const line of createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY })) {
        const stamped = readStamped(line);
        if (stamped !== null) yield { ...stamped, service };
      }
    } catch (error) {
      if (errorCode(error) !== "ENOENT") throw error;
    } finally {
      stream.destroy();
    }
  }
}
