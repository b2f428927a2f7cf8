import { Socket } from "node:net";
import { type Program, UsageError } from "#process";
import { type Supervised, startSupervise, stopSupervise } from "./supervised.ts";
import { stopWanted } from "./until-stopped.ts";

const wrongUsage = 1;

/**
 * `spipe DIR1 DIR2 ...`: supervises a pipeline: each folder's service writes to the next one's input. Started from the last to the
 * first, so that nobody writes to nobody; stopped (INT, QUIT, TERM) from the first to the last, so that all that was written is read.
 */
export const main: Program = async (call) => {
  const { args, stderr } = call;
  if (args.length === 0) {
    stderr.write("spipe: Error: Too few command-line arguments\n");
    throw new UsageError("usage: spipe dir1 dir2 ...", wrongUsage);
  }
  const { stopped, forget } = stopWanted(call);
  const parts: Supervised[] = [];
  let next: Socket | "inherit" = "inherit";
  for (const folder of args.toReversed()) {
    const isFirst = parts.length === args.length - 1;
    const part: Supervised = startSupervise(call, folder, [isFirst ? "inherit" : "pipe", next, "inherit"]);
    parts.unshift(part);
    // The one behind it has its own copy now; ours would keep its input open for ever.
    if (next instanceof Socket) next.destroy();
    const { stdin } = part.child;
    next = stdin instanceof Socket ? stdin : "inherit";
    stdin?.on("error", () => {}); // Nothing is written to it by us.
  }
  const allEnded = Promise.all(parts.map(({ ended }) => ended));
  await Promise.race([stopped, allEnded]);
  for (const part of parts) await stopSupervise(call, part);
  forget();
  return 0;
};
