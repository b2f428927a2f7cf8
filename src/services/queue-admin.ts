import type { Socket } from "node:net";
import { peerUid } from "#files";
import type { QueueStore } from "#queue";
import type { Outlet, Scheduler } from "#send";

/*
 * run/queue-admin: one JSON line in, one JSON line out, for the queue's owner and root. Requests: {"verb":"metrics"};
 * {"verb":"hold"|"release"|"retry"|"expire"|"renew"|"remove","ids":[...]}; {"verb":"hurry"}. Answers: {"ok":true,...} or
 * {"ok":false,"error":"..."}. Where roles have uids of their own the socket is open to all, and others than those two get the
 * metrics and nothing else.
 */

/** A request may be this long: some ten thousand ids. */
const maxRequestChars = 256 * 1024;
const idleMs = 60_000;

type AdminHouse = {
  readonly store: QueueStore;
  readonly scheduler: Scheduler;
  readonly outlets: { readonly local: Outlet; readonly remote: Outlet };
  /** What front ends have counted. */
  readonly told: ReadonlyMap<string, number>;
  /** True if anybody may connect: then it is asked who it is. */
  readonly isOpen: boolean;
};

/** May this peer change the queue? Who cannot be named may not. */
function mayAct(socket: Socket): boolean {
  const uid = peerUid(socket);
  return uid === 0 || (uid !== null && uid === process.getuid?.());
}

type Verb = (ids: readonly number[], house: AdminHouse) => Record<string, unknown>;

/** A verb that does the same to each message; counts the messages it found something to do for. */
const each = (act: (scheduler: Scheduler, id: number) => number): Verb => {
  return (ids, { scheduler }) => {
    const touched = ids.filter((id) => act(scheduler, id) > 0);
    return { touched, missed: ids.filter((id) => !touched.includes(id)) };
  };
};

const verbs: ReadonlyMap<string, Verb> = new Map<string, Verb>([
  ["hold", each((scheduler, id) => scheduler.hold(id))],
  ["release", each((scheduler, id) => scheduler.release(id))],
  ["retry", each((scheduler, id) => scheduler.retry(id))],
  ["expire", each((scheduler, id) => scheduler.expire(id))],
  ["renew", each((scheduler, id) => scheduler.renew(id))],
  ["remove", each((scheduler, id) => scheduler.remove(id))],
  [
    "hurry",
    (_ids, { scheduler }) => {
      scheduler.hurry();
      return {};
    },
  ],
  ["metrics", (_ids, house) => metrics(house)],
]);

function metrics({ store, scheduler, outlets, told }: AdminHouse): Record<string, unknown> {
  const { counts } = scheduler;
  return {
    // First, so that no front end can pass for the queue.
    ...Object.fromEntries(told),
    messages_accepted_total: counts.accepted,
    message_bytes_accepted_total: counts.acceptedBytes,
    messages_finished_total: counts.finished,
    bounces_total: counts.bounced,
    deliveries_total: counts.deliveries,
    queue: store.counts(),
    deliveries_running: { local: scheduler.inFlight("local"), remote: scheduler.inFlight("remote") },
    courier_ceiling: { local: outlets.local.ceiling(), remote: outlets.remote.ceiling() },
    memory_rss_bytes: process.memoryUsage.rss(),
  };
}

function answer(line: string, house: AdminHouse, acts: boolean): Record<string, unknown> {
  try {
    const request = JSON.parse(line) as { readonly verb?: unknown; readonly ids?: unknown };
    const verb = verbs.get(String(request.verb));
    if (verb === undefined) return { ok: false, error: `unknown verb ${String(request.verb)}` };
    if (!acts && request.verb !== "metrics") return { ok: false, error: "only root and the queue's owner may do that" };
    const ids = Array.isArray(request.ids) ? request.ids.map(Number).filter(Number.isSafeInteger) : [];
    return { ok: true, ...verb(ids, house) };
  } catch (error) {
    return { ok: false, error: error instanceof Error ? error.message : String(error) };
  }
}

/** Serves one connection; requests come one after the other. */
export function serveQueueAdmin(socket: Socket, house: AdminHouse): void {
  let text = "";
  const acts = !house.isOpen || mayAct(socket);
  socket.setEncoding("utf8");
  socket.setTimeout(idleMs, () => socket.destroy());
  socket.on("error", () => {}); // The client went away; there is nobody to tell.
  socket.on("data", (chunk: string) => {
    text += chunk;
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n")) {
      socket.write(`${JSON.stringify(answer(text.slice(0, end), house, acts))}\n`);
      text = text.slice(end + 1);
    }
    if (text.length > maxRequestChars) socket.destroy();
  });
}
