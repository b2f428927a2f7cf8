import { chownSync, existsSync, readFileSync, statSync } from "node:fs";
import { type ByteString, toBytes } from "#bytes";
import { errorCode, writeFileDurable } from "#files";

/** A file's text; "" if it is missing. Throws what the disk says. */
export function readSecretFile(path: string): ByteString {
  try {
    return readFileSync(path, "latin1");
  } catch (error) {
    if (errorCode(error) === "ENOENT") return "";
    throw error;
  }
}

/** Replaces a file that only its owner may read. Root may write it for services that run as somebody else: it stays its owner's, or is the home's. */
export async function writeSecretFile(home: string, path: string, text: ByteString): Promise<void> {
  const owner = statSync(existsSync(path) ? path : home);
  await writeFileDurable(path, toBytes(text), 0o600);
  if (process.getuid?.() === 0) chownSync(path, owner.uid, owner.gid);
}
