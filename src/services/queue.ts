/**
 * The queue service: the store and the scheduler in one process (qmail-queue, qmail-send and qmail-clean of old). Opens
 * `queue/door` (anyone on this host may post), `queue/remote` (couriers of the remote channel knock), `run/queue-admin` (look at
 * and act on the queue); knocks at `run/local`. Touches no network, runs no program, reads no user's file.
 *
 * Options: `role-uids=UID,UID` who else may say in whose name they post, beside control/roleuids; `admin=PATH` where in the home
 * the admin socket is made, open to all who ask for metrics, if `run/` is not ours; `verbose=1`.
 */
import { closeSync, mkdirSync, openSync } from "node:fs";
import type { Socket } from "node:net";
import { join } from "node:path";
import { toBytes } from "#bytes";
import { flockFile, peerUid } from "#files";
import { type Address, done, type Origin, type ReversePath, receivedByQueue, temporary } from "#mail";
import { mailDate } from "#message";
import { closeServer, connectUnix, listenUnix } from "#net";
import { type DoorAnswer, type DoorHouse, doorPath, dropFolder, type Incoming, serveDoor, takeDrops } from "#qmtp";
import {
  type BodyGatherer,
  bodyGathering,
  type MessageRecord,
  type NewMessage,
  openReserve,
  openStore,
  prepareBodies,
  type QueueStore,
} from "#queue";
import {
  destinationOf,
  localOutlet,
  owedBounce,
  owedNotice,
  remoteOutlet,
  type Scheduler,
  startScheduler,
} from "#send";
import { loadRouting, type Routing, routeRecipient, stripVirtualPrefix } from "#users";
import { ceilingWatch } from "./courier-ceilings.ts";
import { heldChannels } from "./held-channels.ts";
import { serveQueueAdmin } from "./queue-admin.ts";
import { guestBook } from "./queue-guests.ts";
import { type QueueSettings, queueSettings } from "./queue-settings.ts";
import { keepDoor, keepWatch } from "./queue-triggers.ts";
import type { Service } from "./service.ts";

/** Full disk, I/O error: qmail-queue's word for it (spec 2.2, exit 53). */
/** Somebody who is not of the house may be silent at the door for so long (as long as with qmail-qmqpd). */
const guestIdleMs = 3_600_000;
const noRoom: DoorAnswer = { ...temporary("qq write error or disk full (#4.3.0)"), queueId: null };

/** How often the drop folder is looked at although nobody said so, in milliseconds (qmail's 1500 s rescan, shorter). */
const dropScanMs = 60_000;

/** Names of front ends' counters that are kept. */
const maxTold = 200;

/** The copy of an original in a bounce is made in pieces of this size. */
const copyPieceBytes = 256 * 1024;

export const serve: Service = async ({ home, log, options }) => {
  const lock = takeMutex(home);
  const { settings, routing: firstRouting } = readControls(home, log);
  let routing = firstRouting;
  const channels = heldChannels(home, settings.concurrency, log);
  await prepareBodies(home);
  const store = openStore(home, log, openReserve(home));
  const gather = bodyGathering(home, log);
  const ownUid = process.getuid?.() ?? 0;
  const roleUids = new Set([...settings.roleUids, ...uidsOf(options.get("role-uids"))]);

  const couriersChanged = (): void => {
    tellLowCeilings();
    scheduler.wake();
  };
  const remote = remoteOutlet(couriersChanged);
  const local = localOutlet({
    connect: connectUnix,
    localSocket: join(home, "run", "local"),
    nowMs: Date.now,
    onChange: couriersChanged,
  });
  const tellLowCeilings = ceilingWatch({ concurrency: settings.concurrency, outlets: { local, remote }, log });

  const routed = (recipients: readonly Address[]): NewMessage["recipients"] =>
    recipients.map((recipient) => {
      const { channel, address } = routeRecipient(recipient, routing);
      return { channel, address, destination: destinationOf(channel, address) };
    });

  const reportHouse = (): ReportHouse => ({ gather, store, ownUid, routed, routing, settings });
  const scheduler: Scheduler = startScheduler({
    store,
    outlets: { local, remote },
    log,
    nowMs: Date.now,
    concurrency: channels.concurrency,
    destinationConcurrency: settings.destinationConcurrency,
    senders: () => senders,
    lifetimeSeconds: settings.lifetimeSeconds,
    composeBounce: (record) => composeReport(owedBounce, record, store.failures(record.id), reportHouse()),
    delayNotices: {
      afterSeconds: settings.delayNoticeSeconds,
      compose: (record) => composeReport(owedNotice, record, store.deferred(record.id), reportHouse()),
    },
  });

  /** A message whose bytes are complete: the answer to who brought it. */
  const enqueue = (message: NewMessage, uid: number): Promise<DoorAnswer> =>
    new Promise((answer) => {
      scheduler.accept(message, uid, (error) => {
        answer(error === null ? { ...done(), queueId: message.id } : noRoom); // The store has said why in the log.
      });
    });

  /** Messages that are coming in or wait for their answer. */
  let senders = 0;
  /** What front ends have counted, all together. */
  const told = new Map<string, number>();
  const doorHouse: DoorHouse = {
    holdIn: join(home, "queue"), // The only folder we may write to.
    begin({ origin, sender, recipients }) {
      senders++;
      const id = store.nextId();
      const bornAtMs = Date.now();
      const body = gather(id);
      body.write(toBytes(receivedByQueue(id, origin, mailDate(new Date(bornAtMs)))));
      return {
        write: body.write,
        abort() {
          senders--;
          body.abort();
        },
        async end() {
          try {
            const stored = await body.end();
            if (stored === null) return noRoom;
            return await enqueue({ id, bornAtMs, sender, body: stored, recipients: routed(recipients) }, origin.uid);
          } finally {
            senders--;
          }
        },
      } satisfies Incoming;
    },
    trouble(error) {
      log(
        `alert: unable to queue a message: ${error instanceof Error ? (error.stack ?? error.message).replace(/\s*\n\s*/g, " / ") : error}`,
      );
    },
    hear(counters) {
      for (const [name, count] of counters) {
        if (told.has(name) || told.size < maxTold) told.set(name, (told.get(name) ?? 0) + count);
      }
    },
  };

  let taking: Promise<void> | null = null;
  let takeAgain = false;
  const takeIn = (): void => {
    // What is dropped during a round may have come too late for it.
    takeAgain = true;
    taking ??= (async () => {
      while (takeAgain) {
        takeAgain = false;
        await takeDrops(home, takeOne, log);
      }
    })().finally(() => {
      taking = null;
    });
  };
  const takeOne: Parameters<typeof takeDrops>[1] = async (envelope, message) => {
    const incoming = doorHouse.begin(envelope);
    incoming.write(message);
    return (await incoming.end()).fate === "done";
  };

  const clients = new Set<Socket>();
  const mayComeIn = guestBook();
  const letIn = (socket: Socket): void => {
    clients.add(socket);
    socket.once("close", () => clients.delete(socket));
    // Who is there counts, not what it says: only our own roles may speak for others.
    const uid = peerUid(socket);
    const trusted = uid === null || uid === 0 || uid === ownUid || roleUids.has(uid);
    if (trusted) serveDoor(socket, doorHouse);
    else if (mayComeIn(uid, socket)) serveDoor(socket, { ...onBehalfOf(uid, doorHouse), idleMs: guestIdleMs });
    else socket.destroy(); // Its message is put off, not refused.
  };
  const door = await keepDoor(doorPath(home), () => listenUnix(doorPath(home), letIn, 0o666), log);
  const couriers = await listenUnix(join(home, "queue", "remote"), (socket) => remote.admit(socket), 0o660);
  const isOpen = options.has("admin");
  const admin = await listenUnix(
    join(home, options.get("admin") ?? "run/queue-admin"),
    (socket) => serveQueueAdmin(socket, { store, scheduler, outlets: { local, remote }, told, isOpen }),
    isOpen ? 0o666 : 0o600,
  );
  takeIn();
  const watcher = keepWatch(dropFolder(home), takeIn, log);
  const look = async (): Promise<void> => {
    await door.check();
    await watcher.check();
    takeIn();
  };
  const scan = setInterval(() => void look(), Number(options.get("scan-ms") ?? dropScanMs));
  if (options.get("verbose") === "1") log(`queue: at work in ${home}`);

  let closing: Promise<void> | null = null;
  return {
    reload() {
      try {
        routing = loadRouting(home);
      } catch (error) {
        const file = String(error instanceof Error ? error.message : error).includes("virtualdomains")
          ? "virtualdomains"
          : "locals";
        log(`alert: unable to reread control/${file}`);
      }
      channels.reload();
      scheduler.wake();
    },
    hurry: () => scheduler.hurry(),
    close: () => (closing ??= close()),
  };
  async function close(): Promise<void> {
    clearInterval(scan);
    watcher.close();
    await taking;
    door.close();
    await scheduler.stop();
    await hangUp(clients);
    local.close();
    remote.close();
    void closeServer(couriers);
    void closeServer(admin);
    store.close();
    closeSync(lock);
  }
};

/** `101,102` as numbers. */
function uidsOf(word = ""): readonly number[] {
  return word
    .split(",")
    .filter((uid) => /^[0-9]+$/.test(uid))
    .map(Number);
}

/** What is read at start. Throws with qmail-send's words; the log gets file and reason. */
function readControls(home: string, log: (line: string) => void): { settings: QueueSettings; routing: Routing } {
  try {
    return { settings: queueSettings(home), routing: loadRouting(home) };
  } catch (cause) {
    log(`warning: ${cause instanceof Error ? cause.message : cause}`);
    throw new Error("unable to read controls", { cause });
  }
}

/** Takes the singleton lock (queue/lock/sendmutex). Throws with qmail-send's words when another has it. */
function takeMutex(home: string): number {
  mkdirSync(join(home, "queue", "lock"), { recursive: true, mode: 0o700 });
  let fd: number;
  try {
    fd = openSync(join(home, "queue", "lock", "sendmutex"), "a", 0o600);
  } catch (cause) {
    throw new Error("unable to open mutex", { cause });
  }
  if (flockFile(fd) === false) throw new Error("qmail-send is already running");
  return fd;
}

/** Ends connections so that answers already given still arrive; a peer that does not read is cut off after a second. */
async function hangUp(clients: ReadonlySet<Socket>): Promise<void> {
  const gone = [...clients].map((socket) => new Promise<void>((done) => socket.once("close", () => done())));
  for (const socket of clients) socket.end();
  const timer = setTimeout(() => {
    for (const socket of clients) socket.destroy();
  }, 1_000);
  await Promise.all(gone);
  clearTimeout(timer);
}

/** A stranger's messages are that user's, whatever the envelope claims. */
function onBehalfOf(uid: number, house: DoorHouse): DoorHouse {
  const origin: Origin = { invoker: "user", uid };
  const { holdIn, trouble = () => {} } = house;
  return {
    begin: (envelope) => house.begin({ ...envelope, origin }),
    trouble,
    ...(holdIn === undefined ? {} : { holdIn }),
  };
}

type ReportHouse = {
  readonly gather: (id: number) => BodyGatherer;
  readonly store: QueueStore;
  readonly ownUid: number;
  readonly routed: (recipients: readonly Address[]) => NewMessage["recipients"];
  readonly routing: Routing;
  readonly settings: QueueSettings;
};

/** The bounce or delay notice `record` owes, routed, its body durable if it is large (S3). */
async function composeReport(
  owed: typeof owedNotice,
  record: MessageRecord,
  recipients: Parameters<typeof owedNotice>[1],
  house: ReportHouse,
): Promise<{ readonly message: NewMessage; readonly uid: number } | null> {
  const { store, ownUid } = house;
  const id = store.nextId();
  const bornAtMs = Date.now();
  const bounce = owed(record, recipients, house.settings.bounce, {
    id,
    origin: { invoker: "bounce", uid: ownUid },
    now: new Date(bornAtMs),
    read: (offset, length) => store.read(record, offset, length),
    shown: (recipient) => stripVirtualPrefix(recipient, house.routing),
    retryUntil: new Date(record.agedFromMs + house.settings.lifetimeSeconds * 1000),
  });
  if (bounce === null) return null;
  const body = house.gather(id);
  body.write(bounce.head);
  for (let at = 0; at < bounce.copyBytes; at += copyPieceBytes) {
    body.write(store.read(record, at, Math.min(copyPieceBytes, bounce.copyBytes - at)));
  }
  body.write(bounce.tail);
  const stored = await body.end();
  if (stored === null) throw new Error("unable to write its body");
  const sender: ReversePath = bounce.sender;
  const message: NewMessage = { id, bornAtMs, sender, body: stored, recipients: house.routed([bounce.recipient]) };
  return { message, uid: ownUid };
}
