import { join } from "node:path";
import { answers } from "../tools/load.ts";
import { freePort, startLogged, stopTree, waitUntil } from "../tools/processes.ts";
import { type Bed, type Contender, type Server, wrapped } from "./server.ts";

const program = join(import.meta.dirname, "..", "bare-server.ts");

async function start(bed: Bed): Promise<Server> {
  const port = await freePort();
  const words = wrapped(bed.wrapper, [process.execPath, program, String(port)]);
  const child = startLogged(words, join(bed.folder, "log"), bed.folder);
  const stop = (): Promise<void> => stopTree(child);
  await waitUntil("the bare server answers", () => answers(port), { withinMs: 10_000, everyMs: 20 });
  return { pid: child.pid, port, inAddress: "you@in.test", newFolder: null, stop };
}

/** The ceiling (`bare-server.ts`), as if it were a server. */
export const bare: Contender = { name: "bare", version: "60 lines of Node, no disk", start };
