import { open, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { fsyncDirectory } from "#files";

/** Which step of replacing a file failed, and what the system said. */
export type ReplaceTrouble = { readonly step: "open" | "write" | "move"; readonly cause: unknown };

/**
 * Replaces `path` by way of `temporary` in the same folder: write, fsync, rename, fsync of the folder. Null when done. Readers
 * see the old content or the new; after a trouble the old one stays. Unlike `writeFileDurable` it names the step, as the
 * classic compilers of tables do.
 */
export async function replaceFile(
  path: string,
  temporary: string,
  content: Uint8Array,
): Promise<ReplaceTrouble | null> {
  let step: ReplaceTrouble["step"] = "open";
  try {
    const handle = await open(temporary, "w", 0o644);
    step = "write";
    try {
      await handle.writeFile(content);
      await handle.chmod(0o644); // whatever the umask: the daemons that look things up are not who compiled them
      await handle.sync();
    } finally {
      await handle.close();
    }
    step = "move";
    await rename(temporary, path);
    await fsyncDirectory(dirname(path));
    return null;
  } catch (cause) {
    return { step, cause };
  }
}
