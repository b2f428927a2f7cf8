/**
 * The remote service (qmail-rspawn): knocks at the queue's `queue/remote` and delivers what it is given over SMTP; listens on
 * `run/remote` for qmail-tcpto and qmail-tcpok only. Reads public control files, asks DNS, writes no files.
 *
 * Options: `concurrency`: deliveries at a time; unless told 120, or control/concurrencyremote if that is more (the queue bounds
 * all remote processes together by that file). `name`: the socket in `run/`, `remote-2` for a second process; `socket`: where in the home it is made,
 * if `run/` is not ours (and `run/remote` leads there). `program`
 * (QMAILREMOTE): a program to run for each delivery.
 *
 * Log lines: `remote: queue lost`, `remote: queue found`, `remote: unable to read control files reason=...` (at most one a minute);
 *
 *     remote: tls host=mx.there.test ip=192.0.2.1 version=TLSv1.3 cipher=TLS_AES_256_GCM_SHA384 verified=false
 *     remote: tls failed host=mx.there.test ip=192.0.2.1 reason=ERR_SSL_NO_SHARED_CIPHER required=false       tried again in the clear
 */
import { join } from "node:path";
import { ControlError, readSetting } from "#control";
import { eventLine } from "#log";
import { closeServer, connectUnix } from "#net";
import { deliverByProgram, makeDeliver, openWorld, type RemoteWorld, serveTcpto } from "#remote";
import { type Courier, serveCourier } from "#send/courier";
import type { Service } from "./service.ts";

/** qmail's conf-spawn; more if control/concurrencyremote asks for more, so that nothing is capped in silence (spec G37). */
const usualConcurrency = 120;
/** Pauses between knocks while the queue is away, in milliseconds: doubling from the first to the last. */
const firstPauseMs = 50;
const lastPauseMs = 2_000;
const complaintPauseMs = 60_000;

/** Passes settings on, and logs why they cannot be read. */
function withComplaints(world: RemoteWorld, log: (line: string) => void): RemoteWorld {
  let complainedAtMs = Number.NEGATIVE_INFINITY;
  const settings = (): ReturnType<RemoteWorld["settings"]> => {
    try {
      return world.settings();
    } catch (error) {
      if (error instanceof ControlError && Date.now() - complainedAtMs > complaintPauseMs) {
        complainedAtMs = Date.now();
        log(eventLine("remote: unable to read control files", { reason: error.message }));
      }
      throw error;
    }
  };
  return { ...world, settings, log };
}

export const serve: Service = async ({ home, options, log }) => {
  const concurrency = Number(
    options.get("concurrency") ?? Math.max(usualConcurrency, readSetting(home, "concurrencyremote")),
  );
  if (!Number.isInteger(concurrency) || concurrency < 1) throw new Error("concurrency must be a whole number above 0");
  const world = withComplaints(openWorld(home), log);
  const program = options.get("program") ?? process.env.QMAILREMOTE ?? "";
  if (program !== "" && process.permission?.has("child") === false)
    throw new Error("QMAILREMOTE is set, but this service may not start programs");
  const deliver = program === "" ? makeDeliver(world) : deliverByProgram(program, process.env);
  const socket = options.get("socket") ?? join("run", options.get("name") ?? "remote");
  const tcpto = await serveTcpto(join(home, socket), world.deadHosts);

  const stop = new AbortController();
  let courier: Courier | null = null;

  /** Serves the queue for as long as there is one, and knocks again when it comes back. */
  async function serveQueue(): Promise<void> {
    let pauseMs = firstPauseMs;
    while (!stop.signal.aborted) {
      const socket = await connectUnix(join(home, "queue", "remote"));
      if ("kind" in socket) {
        await pause(pauseMs, stop.signal);
        pauseMs = Math.min(pauseMs * 2, lastPauseMs);
        continue;
      }
      pauseMs = firstPauseMs;
      log("remote: queue found");
      courier = serveCourier(socket, deliver, concurrency);
      if (stop.signal.aborted) courier.end();
      await courier.closed;
      courier = null;
      if (!stop.signal.aborted) log("remote: queue lost");
    }
  }

  const serving = serveQueue();
  return {
    async close() {
      stop.abort();
      courier?.end();
      await serving;
      world.pool.close();
      await closeServer(tcpto);
    },
  };
};

/** Waits; at most until the service is told to stop. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      done();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", end);
  });
}
