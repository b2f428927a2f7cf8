import type { Socket } from "node:net";
import { fromBytes, toBytes } from "#bytes";
import { type Address, type DeliveryJob, type Fate, type Outcome, temporary } from "#mail";
import { type ConnectFailure, FrameLink } from "#net";
import { localFrames, type Resolved } from "./courier/local-questions.ts";
import { type CourierLink, type CourierResult, linkCourier } from "./courier-link.ts";
import type { Outlet } from "./scheduler.ts";

/*
 * The two outlets as the queue service sees them. Remote: `remote` processes knock and are linked. Local: ask the `local` service
 * who a recipient is and where that user's worker listens (RESOLVE), then hand the job to the worker.
 */

/** An answer is used again for this long: a burst to one user asks once; an edit of users/assign is seen within a second. */
const resolvedMs = 1_000;
const maxResolved = 2_000;
/** Pause before the `local` service is looked for again. */
const reconnectMs = 200;
/** A link to a worker that has had nothing to do for this long is let go, so that the worker can go home. */
const idleWorkerMs = 30_000;
/** Local deliveries handed out at a time, whatever control/concurrencylocal says. */
const localCeiling = 10_000;

/** Where `remote` processes are linked as they knock. */
export type RemoteOutlet = Outlet & { admit(socket: Socket): void; close(): void };

/** The remote outlet: the least busy process gets the next job. */
export function remoteOutlet(onChange: () => void): RemoteOutlet {
  const links = new Set<CourierLink>();
  return {
    ceiling: () => {
      let sum = 0;
      for (const link of links) sum += link.ceiling();
      return sum;
    },
    admit(socket) {
      const link = linkCourier(socket, () => {
        if (link.closed()) links.delete(link);
        onChange();
      });
      links.add(link);
    },
    async deliver(job) {
      let best: CourierLink | null = null;
      for (const link of links) {
        if (link.ceiling() > link.busy() && (best === null || link.busy() < best.busy())) best = link;
      }
      return best === null ? "lost" : best.deliver({ ...job, route: null });
    },
    close() {
      for (const link of links) link.close();
    },
  };
}

/** How the local outlet reaches others. */
export type LocalHouse = {
  readonly connect: (path: string) => Promise<Socket | ConnectFailure>;
  readonly localSocket: string;
  readonly nowMs: () => number;
  readonly onChange: () => void;
};

/** A user's worker, by the path of its socket. */
type Worker = { linking: Promise<CourierLink | null>; link: CourierLink | null; usedAtMs: number };

type Desk = { readonly link: FrameLink; readonly asked: Map<number, (answer: Resolved | null) => void> };

/** The local outlet. Looks for the `local` service until it is there; `close` ends that. */
export function localOutlet(house: LocalHouse): Outlet & { close(): void } {
  const known = new Map<string, { readonly answer: Resolved; readonly until: number }>();
  const workers = new Map<string, Worker>();
  let desk: Desk | null = null;
  let nextId = 1;
  let closed = false;
  let timer: NodeJS.Timeout | null = null;

  const seek = async (): Promise<void> => {
    const socket = await house.connect(house.localSocket);
    if (closed) {
      if ("write" in socket) socket.destroy();
      return;
    }
    if (!("write" in socket)) {
      timer = setTimeout(() => void seek(), reconnectMs);
      return;
    }
    const asked: Desk["asked"] = new Map();
    const link = new FrameLink(socket, {
      frame({ kind, id, payload }) {
        if (kind !== localFrames.resolved) return;
        const settle = asked.get(id);
        asked.delete(id);
        settle?.(parseResolved(payload));
      },
      close() {
        desk = null;
        for (const settle of asked.values()) settle(null);
        if (!closed) timer = setTimeout(() => void seek(), reconnectMs);
        house.onChange();
      },
    });
    desk = { link, asked };
    house.onChange();
  };
  void seek();

  const resolve = (recipient: Address): Promise<Resolved | null> | Resolved => {
    const remembered = known.get(recipient);
    if (remembered !== undefined && remembered.until > house.nowMs()) return remembered.answer;
    const at = desk;
    if (at === null) return Promise.resolve(null);
    const id = nextId++ >>> 0;
    return new Promise<Resolved | null>((settle) => {
      at.asked.set(id, settle);
      at.link.send(localFrames.resolve, id, toBytes(recipient));
    }).then((answer) => {
      if (known.size >= maxResolved) known.clear();
      if (answer?.kind === "route") known.set(recipient, { answer, until: house.nowMs() + resolvedMs });
      return answer;
    });
  };

  const workerAt = (path: string): Promise<CourierLink | null> => {
    const there = workers.get(path);
    if (there !== undefined) {
      there.usedAtMs = house.nowMs();
      return there.linking;
    }
    const worker: Worker = { linking: Promise.resolve(null), link: null, usedAtMs: house.nowMs() };
    worker.linking = house.connect(path).then((socket) => {
      if (!("write" in socket)) {
        workers.delete(path);
        return null;
      }
      const link = linkCourier(socket, () => {
        if (link.closed()) workers.delete(path);
      });
      worker.link = link;
      return link;
    });
    workers.set(path, worker);
    return worker.linking;
  };

  const attempt = async (job: Omit<DeliveryJob, "route">): Promise<CourierResult | "no worker"> => {
    const answer = await resolve(job.recipient);
    if (answer === null) return "lost";
    if (answer.kind === "outcome") return { fate: answer.fate, text: answer.text };
    const worker = await workerAt(answer.worker);
    return worker === null ? "no worker" : worker.deliver({ ...job, route: answer.route });
  };

  const letGo = setInterval(() => {
    for (const [path, { link, usedAtMs }] of workers) {
      if (link === null || link.busy() > 0 || house.nowMs() - usedAtMs < idleWorkerMs) continue;
      workers.delete(path);
      link.close();
    }
  }, idleWorkerMs / 3).unref();

  return {
    ceiling: () => (desk === null ? 0 : localCeiling),
    async deliver(job) {
      const first = await attempt(job);
      if (first !== "no worker") return first;
      // An idle worker left between the answer and our knock: ask again, which starts another.
      known.delete(job.recipient);
      const second = await attempt(job);
      return second === "no worker" ? temporary("Unable to run qmail-local.\n") : second;
    },
    close() {
      closed = true;
      clearInterval(letGo);
      if (timer !== null) clearTimeout(timer);
      desk?.link.end();
      for (const worker of workers.values()) void worker.linking.then((link) => link?.close());
    },
  };
}

const fates: ReadonlyMap<unknown, Fate> = new Map([
  ["done", "done"],
  ["temporary", "temporary"],
  ["permanent", "permanent"],
]);

/** The `local` service runs as root and is ours, but what it says is still checked: nonsense is temporary. */
function parseResolved(payload: Buffer): Resolved {
  const nonsense: Outcome & { readonly kind: "outcome" } = {
    kind: "outcome",
    ...temporary("Internal qmail-lspawn bug. (#4.3.0)\n"),
  };
  try {
    const said = JSON.parse(fromBytes(payload)) as Partial<Record<string, unknown>>;
    if (said.kind === "route" && typeof said.worker === "string" && typeof said.route === "object") {
      return said as unknown as Resolved;
    }
    const fate = fates.get(said.fate);
    return fate === undefined ? nonsense : { kind: "outcome", fate, text: String(said.text ?? "") };
  } catch {
    return nonsense;
  }
}
