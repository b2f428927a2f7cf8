/**
 * What tells the queue that there is mail: its door, and the watch on the drop folder. qmail waited up to 25 minutes when somebody had
 * broken its trigger (spec G9); here it is looked at once a minute, mended, and said.
 */
import { chmodSync, type FSWatcher, mkdirSync, statSync, watch } from "node:fs";
import type { Server } from "node:net";
import { closeServer } from "#net";

/** Anybody may leave a message, nobody but the queue can list them (spec 2.2; 1733 as /tmp but unreadable). */
const dropMode = 0o1733;

/** A trigger that is looked after. `check` never rejects. */
export type Trigger = { check(): Promise<void>; close(): void };

/** Which file a name leads to; null if to none. A number alone would not do: file systems give it to the next one. */
function identity(path: string): string | null {
  try {
    const { ino, birthtimeMs } = statSync(path);
    return `${ino} ${birthtimeMs}`;
  } catch {
    return null; // Gone, or out of reach, which to those who knock is the same.
  }
}

/** Keeps a Unix socket at `path`: `open` listens there, replacing what lies in the way. */
export async function keepDoor(
  path: string,
  open: () => Promise<Server>,
  log: (line: string) => void,
): Promise<Trigger> {
  // Doors that were removed stay with those who are inside.
  const doors = [await open()];
  let own = identity(path);
  return {
    async check() {
      if (identity(path) === own) return;
      try {
        doors.push(await open());
        own = identity(path);
        log("warning: queue/door had gone; made it anew");
      } catch (error) {
        log(`alert: queue/door has gone and cannot be made anew: ${error instanceof Error ? error.message : error}`);
      }
    },
    close() {
      for (const door of doors) void closeServer(door);
    },
  };
}

/** Watches the drop folder, made if need be; `onChange` is called when a message may have come. */
export function keepWatch(folder: string, onChange: () => void, log: (line: string) => void): Trigger {
  const start = (): FSWatcher => {
    mkdirSync(folder, { recursive: true });
    const watcher = watch(folder, (_event, name) => {
      if (name !== null && !name.startsWith(".")) onChange();
    });
    watcher.on("error", () => {}); // The next check finds what happened.
    return watcher;
  };
  let watcher = start();
  let own = identity(folder);
  return {
    async check() {
      const now = identity(folder);
      if (now === own) return;
      watcher.close();
      try {
        watcher = start();
        if (now === null) chmodSync(folder, dropMode);
        own = identity(folder);
        log(`warning: queue/drop had ${now === null ? "gone; made it anew" : "been replaced; watching the new one"}`);
      } catch (error) {
        log(`alert: queue/drop cannot be watched: ${error instanceof Error ? error.message : error}`);
      }
    },
    close: () => watcher.close(),
  };
}
