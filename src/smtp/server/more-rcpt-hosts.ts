import { join } from "node:path";
import { type ByteString, toBytes } from "#bytes";
import { openCdb } from "#files";

/**
 * Looks keys up in control/morercpthosts.cdb, as it is at this moment (spec Q-022: the compiled file alone counts). Opened for
 * each question: only domains that are not in rcpthosts come here, and a file replaced meanwhile needs no watching.
 */
export function searchMoreRcptHosts(home: string): (keys: readonly ByteString[]) => Promise<boolean> {
  const path = join(home, "control", "morercpthosts.cdb");
  return async (keys) => {
    const cdb = await openCdb(path);
    if (cdb === null) return false;
    try {
      for (const key of keys) if ((await cdb.get(toBytes(key))) !== null) return true;
      return false;
    } finally {
      await cdb.close();
    }
  };
}
