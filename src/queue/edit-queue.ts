import { join } from "node:path";
import type { ByteString } from "#bytes";
import type { Address } from "#mail";
import { openDatabase } from "#sql";
import { type Channel, channelNumbers } from "./records.ts";
import { migrations } from "./schema.ts";

/** Where a recipient goes from now on. */
export type NewRoute = { readonly address: Address; readonly channel: Channel; readonly destination: ByteString };

/** A queue open for changes of routes, while its service does not run. The caller holds the service's lock, and closes it. */
export type QueueEditor = Disposable & {
  /**
   * Gives each unfinished recipient of a message the route that `route` says (null: as it is); due now. Returns how many changed. One
   * COMMIT.
   */
  reroute(id: number, route: (address: Address) => NewRoute | null, nowMs: number): number;
};

/** Opens the queue of `home`, which must be there. */
export function editQueue(home: string): QueueEditor {
  const database = openDatabase(join(home, "queue", "queue.db"), migrations);
  const unfinished = database.prepare(
    "SELECT idx, address, channel FROM recipient WHERE message = ? AND state IN (0, 3) ORDER BY idx",
  );
  const change = database.prepare(
    "UPDATE recipient SET address = ?, channel = ?, destination = ?, due = ? WHERE message = ? AND idx = ?",
  );
  return {
    reroute(id, route, nowMs) {
      let touched = 0;
      database.exec("BEGIN IMMEDIATE");
      for (const row of unfinished.all(id)) {
        const to = route(String(row.address) as Address);
        if (to === null || (to.address === row.address && channelNumbers[to.channel] === row.channel)) continue;
        change.run(to.address, channelNumbers[to.channel], to.destination, nowMs, id, Number(row.idx));
        touched++;
      }
      database.exec("COMMIT");
      return touched;
    },
    [Symbol.dispose]: () => database.close(),
  };
}
