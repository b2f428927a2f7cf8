import { rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { type ByteString, toBytes } from "#bytes";
import { type ControlFile, checkText, type Problem } from "#control";
import { fsyncDirectory, writeFileDurable } from "#files";

/** Files with keys or passwords in them: for their owner only, unless they have another mode already. */
export const secrets: ReadonlySet<string> = new Set([
  "poppasswd",
  "servercert.pem",
  "clientcert.pem",
  "srs_secrets",
  "batvkey",
  "ldappassword",
]);

/** Whether a control file holds what nobody should read over an admin's shoulder. */
export const isSecret = (name: string): boolean => secrets.has(name);

/** What became of a change: written, or refused because of errors in it. Warnings come along either way. */
export type Changed = { readonly written: boolean; readonly problems: readonly Problem[] };

async function modeOf(path: string, name: string): Promise<number> {
  try {
    return (await stat(path)).mode & 0o777;
  } catch {
    return secrets.has(name) ? 0o600 : 0o644; // No such file yet; any other trouble shows when it is written.
  }
}

/**
 * Writes control/`name`, durably and all at once, unless its content has errors (`force` writes it all the same). Throws what the
 * disk says.
 */
export async function changeSetting(
  home: string,
  change: { readonly name: string; readonly file: ControlFile; readonly content: ByteString; readonly force: boolean },
): Promise<Changed> {
  const problems = checkText(change.name, change.file, change.content);
  if (!change.force && problems.some(({ level }) => level === "error")) return { written: false, problems };
  const path = join(home, "control", change.name);
  await writeFileDurable(path, toBytes(change.content), await modeOf(path, change.name));
  return { written: true, problems };
}

/** Removes control/`name`, durably; its default applies. False if there was none. */
export async function unsetSetting(home: string, name: string): Promise<boolean> {
  const path = join(home, "control", name);
  try {
    await rm(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
  await fsyncDirectory(join(home, "control"));
  return true;
}

/** What has to be done for a change to count, in words. */
export function reloadAdvice(file: ControlFile): string {
  const readers = file.usedBy.join(", ");
  if (readers === "") return "nothing here reads this file";
  switch (file.reload) {
    case "live":
      return `${readers}: in force from the next connection or delivery on`;
    case "HUP":
      return `${readers}: send SIGHUP to reread it; messages in the queue keep their route`;
    case "no":
      return `${readers}: restart to read it`;
  }
}
