import { mkdirSync } from "node:fs";
import type { ByteString } from "#bytes";
import { diskPath, errorText } from "#files";

/** Makes a Maildir: the folder and its `tmp`, `new`, `cur`, all mode 0700. Throws an Error in maildirmake's words. */
export function makeMaildir(path: ByteString, shown: ByteString = path): void {
  const make = (folder: ByteString, called: ByteString): void => {
    try {
      mkdirSync(diskPath(folder), { mode: 0o700 });
    } catch (cause) {
      throw new Error(`unable to mkdir ${called}: ${errorText(cause)}`, { cause });
    }
  };
  make(path, shown);
  for (const part of ["tmp", "new", "cur"]) make(`${path}/${part}`, `${shown}/${part}`);
}
