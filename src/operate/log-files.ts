import { createReadStream, readdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { errorCode } from "#files";
import { readStamped } from "#log";

/** One line of a service's log. */
export type LogLine = { readonly at: Date; readonly service: string; readonly text: string };

/** Rotated files have the TAI64N stamp of their end in their names, so names sort by time; `current` comes last. */
const rotated = /^@[0-9a-f]{24}\.[a-z]$/;

/** Files of one log folder, oldest first. */
function filesOf(folder: string): readonly string[] {
  const names = readdirSync(folder);
  const old = names.filter((name) => rotated.test(name)).sort();
  return [...old, ...(names.includes("current") ? ["current"] : [])].map((name) => join(folder, name));
}

/** The services that have a log folder in `home`, sorted; none if there is no log folder at all. */
export function loggedServices(home: string): readonly string[] {
  try {
    return readdirSync(join(home, "log"), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name)
      .sort();
  } catch (error) {
    if (errorCode(error) === "ENOENT") return [];
    throw error;
  }
}

/** Every stamped line of a service's log, oldest first. A file that rotation removes meanwhile is passed over. */
export async function* readLog(home: string, service: string): AsyncGenerator<LogLine> {
  for (const file of filesOf(join(home, "log", service))) {
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
