/** What a first start has written, on the disk before the queue takes a message. */
import { type Dirent, existsSync } from "node:fs";
import { open, readdir } from "node:fs/promises";
import { join } from "node:path";

/** Folders of a home whose files decide where mail goes. Not the mailboxes: a delivery sees to its own. */
const deciding = ["", "control", "users", "alias"] as const;

async function sync(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Syncs the settings, users and aliases of a home, and the folders they lie in: a power cut in the first seconds left them empty, and with an
 * empty control/smtproutes or locals mail that was accepted bounces. Throws what the disk says.
 */
export async function makeDurable(home: string): Promise<void> {
  const isDeciding = (name: string, entry: Dirent): boolean => entry.isFile() && name !== "";
  for (const name of deciding) {
    const folder = join(home, name);
    if (!existsSync(folder)) continue;
    const entries = await readdir(folder, { withFileTypes: true });
    await Promise.all(
      entries.filter((entry) => isDeciding(name, entry)).map((entry) => sync(join(folder, entry.name))),
    );
    await sync(folder);
  }
}
