/**
 * A delivery worker (qmail-local of old, kept alive): delivers one uid's mail, as that uid and nothing else. Takes connections
 * from the queue on a listening socket it inherits; reads the users' .qmail files and control/defaultdelivery; writes users'
 * mailboxes; runs users' programs; knocks at the queue's door (or QMAILQUEUE) with what they forward.
 *
 * Options: `listen-fd` the inherited socket (3); `idle-seconds` end after so long without connection and work (60);
 * `allow-programs=0` program lines wait; `root=1` deliver as uid 0 (a trial start of root alone); `uid` who we must be;
 * `concurrency` deliveries at a time (120); `default-delivery` instead of control/defaultdelivery (qmail-start's argument).
 *
 * Log lines: `maildir trouble path= reason=` (behind `Temporary error on maildir delivery`), `local delivery trouble msg= to=
 * reason=` (something nobody foresaw; the delivery waits).
 */
import { createServer, type Server, type Socket } from "node:net";
import { hostname } from "node:os";
import { liveControls, readSetting } from "#control";
import { errorText } from "#files";
import { deliverLocally, type LocalHouse, readProgramLimits } from "#local";
import { eventLine } from "#log";
import type { DeliveryJob, Outcome } from "#mail";
import { DurableBatch, maildirName } from "#mailbox";
import { closeServer } from "#net";
import { findProgram } from "#programs";
import { type Courier, serveCourier } from "#send/courier";

import type { Service } from "./service.ts";

const listenFdDefault = 3;
const idleSecondsDefault = 60;
const concurrencyDefault = 120;
/** Files a worker makes are for their owner (qmail-start's umask). */
const umask = 0o077;

/** A whole number above 0 from the options, else the default. */
function numberOption(options: ReadonlyMap<string, string>, name: string, fallback: number): number {
  const word = options.get(name);
  if (word === undefined) return fallback;
  if (!/^[1-9][0-9]{0,8}$/.test(word)) throw new Error(`${name} must be a whole number above 0`);
  return Number(word);
}

/** Throws if this process is somebody it must not be: it delivers with all the rights it has. */
function checkUser(options: ReadonlyMap<string, string>): void {
  const uid = process.getuid?.();
  const wanted = options.get("uid");
  if (wanted !== undefined && Number(wanted) !== uid) throw new Error(`started as uid ${uid} instead of ${wanted}`);
  if (uid === 0 && options.get("root") !== "1") throw new Error("Not allowed to perform deliveries as root.");
}

/** The way into the queue. Its code is loaded when the first forward is sent: most users never forward. */
async function openForwarding(home: string) {
  const { callerOrigin, posterFor } = await import("#inject");
  return { door: await posterFor(process.env, home), origin: callerOrigin() };
}

function openHouse(home: string, options: ReadonlyMap<string, string>, log: (line: string) => void) {
  let forwarding: ReturnType<typeof openForwarding> | null = null;
  const host = hostname();
  const given = options.get("default-delivery");
  const house: LocalHouse = {
    forwarding() {
      forwarding ??= openForwarding(home).catch((error: unknown) => {
        forwarding = null; // The next one tries again.
        throw error;
      });
      return forwarding;
    },
    defaultDelivery: liveControls(home, ["defaultdelivery"], () => given ?? readSetting(home, "defaultdelivery")),
    programs: findProgram,
    allowRoot: options.get("root") === "1",
    allowPrograms: options.get("allow-programs") !== "0",
    programLimitMs: () => readSetting(home, "programtimeout") * 1000,
    programLimits: () => readProgramLimits(home),
    env: { ...process.env, QUAIL_HOME: home },
    keeper: { batch: new DurableBatch(), complain: log },
    maildirName: (job, copy) => maildirName(job, host, copy),
    now: () => new Date(),
  };
  return { house, close: async () => (await forwarding)?.door.close() };
}

function listenOn(fd: number, onSocket: (socket: Socket) => void): Promise<Server> {
  const server = createServer(onSocket);
  return new Promise((done, failed) => {
    server.once("error", failed);
    server.listen({ fd }, () => {
      server.off("error", failed);
      done(server);
    });
  });
}

export const serve: Service = async ({ home, options, log }) => {
  checkUser(options);
  process.umask(umask);
  const idleMs = numberOption(options, "idle-seconds", idleSecondsDefault) * 1000;
  const concurrency = numberOption(options, "concurrency", concurrencyDefault);
  const { house, close: closeHouse } = openHouse(home, options, log);

  const deliver = async (job: DeliveryJob): Promise<Outcome> => {
    try {
      return await deliverLocally(job, house);
    } catch (error) {
      log(eventLine("local delivery trouble", { msg: job.queueId, to: job.recipient, reason: errorText(error) }));
      throw error; // The courier reports it as temporary.
    }
  };

  const couriers = new Set<Courier>();
  let underWay = 0;
  let idle: NodeJS.Timeout | undefined;
  const watchIdle = (): void => {
    clearTimeout(idle);
    // A link that broke leaves deliveries under way; they are finished first.
    if (couriers.size === 0 && underWay === 0) idle = setTimeout(() => process.kill(process.pid, "SIGTERM"), idleMs);
  };

  const server = await listenOn(numberOption(options, "listen-fd", listenFdDefault), (socket) => {
    const courier = serveCourier(
      socket,
      (job) => {
        underWay++;
        return deliver(job).finally(() => {
          underWay--;
          watchIdle();
        });
      },
      concurrency,
    );
    couriers.add(courier);
    watchIdle();
    void courier.closed.then(() => {
      couriers.delete(courier);
      watchIdle();
    });
  });
  watchIdle();

  return {
    async close() {
      clearTimeout(idle);
      const closed = [...couriers].map((courier) => {
        courier.end();
        return courier.closed;
      });
      await Promise.all([closeServer(server), ...closed]);
      await closeHouse();
    },
  };
};
