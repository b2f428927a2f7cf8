/**
 * A mailbox worker (qmail-pop3d, kept alive): serves POP3 sessions of one uid, as that uid and nothing else. Takes connections from
 * the listener, on a socket it inherits; each begins with a ticket of the auth service, which says whose mailbox it is.
 *
 * Options: `listen-fd` (3); `uid` who we must be; `root=1` serve as uid 0 (a trial start of root alone); `idle-seconds` end after so long
 * without a session (60). Environment: the tickets' key. Control files: timeoutpop3d, popexactsizes.
 *
 * Log lines:
 *
 *     pop3 session end session= user= ip= tls= how=quit|hangup|timeout|... messages= retr= retr-bytes= top= top-bytes= deleted= ms=
 *     pop3 worker refuse reason=ticket        somebody came without one: never in peace
 *     pop3 session trouble session= user= reason=        something nobody foresaw; nothing was changed
 */
import type { Socket } from "node:net";
import { maxTicketBytes, type Ticket, ticketReader } from "#auth";
import { readSetting } from "#control";
import { eventLine } from "#log";
import { closeServer, LineWire } from "#net";
import { serveMailbox } from "#pop3";
import { ticketKeyName } from "./auth-frames.ts";
import { listenOnFd } from "./listen-fd.ts";
import type { RunningService, Service } from "./service.ts";

const idleSecondsDefault = 60;
/** The listener has the ticket in hand when it connects. */
const ticketMs = 10_000;
const umask = 0o077;

/** Throws if this process is somebody it must not be. */
function checkUser(options: ReadonlyMap<string, string>): void {
  const uid = process.getuid?.();
  const wanted = options.get("uid");
  if (wanted !== undefined && Number(wanted) !== uid) throw new Error(`started as uid ${uid} instead of ${wanted}`);
  if (uid === 0 && options.get("root") !== "1") throw new Error("pop3-worker invoked as uid 0, terminating");
}

function takeKey(): Buffer {
  const text = process.env[ticketKeyName];
  if (text === undefined) throw new Error(`${ticketKeyName} is missing: the auth service starts this one`);
  delete process.env[ticketKeyName];
  return Buffer.from(text, "base64url");
}

export const serve: Service = async ({ home, options, log }) => {
  checkUser(options);
  process.umask(umask);
  const readTicket = ticketReader(takeKey());
  const idleMs = Number(options.get("idle-seconds") ?? idleSecondsDefault) * 1000;
  const sockets = new Set<Socket>();
  let idle: NodeJS.Timeout | undefined;
  const watchIdle = (): void => {
    clearTimeout(idle);
    if (sockets.size === 0) idle = setTimeout(() => process.kill(process.pid, "SIGTERM"), idleMs);
  };

  const session = async (wire: LineWire, { user, maildir, ip, session: id, tls }: Ticket): Promise<void> => {
    const begun = performance.now();
    wire.timeoutMs = readSetting(home, "timeoutpop3d") * 1000;
    try {
      const { end, messages, retr, retrBytes, top, topBytes, deleted } = await serveMailbox(wire, {
        maildir,
        dialect: "current",
        now: Date.now,
        exactSizes: readSetting(home, "popexactsizes"),
      });
      const counts = { messages, retr, "retr-bytes": retrBytes, top, "top-bytes": topBytes, deleted };
      const ms = Math.round(performance.now() - begun);
      log(eventLine("pop3 session end", { session: id, user, ip, tls: tls ? 1 : 0, how: end, ...counts, ms }));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      log(eventLine("pop3 session trouble", { session: id, user, reason }));
      wire.socket.destroy();
    }
  };

  const meet = async (socket: Socket): Promise<void> => {
    sockets.add(socket);
    clearTimeout(idle);
    socket.once("close", () => {
      sockets.delete(socket);
      watchIdle();
    });
    const wire = new LineWire(socket, ticketMs);
    const line = await wire.readLine(maxTicketBytes).catch(() => null); // Silence or rubbish: the same as no ticket.
    const ticket = line === null ? null : readTicket(line, Date.now());
    if (ticket === null) {
      // A knock that says nothing is the pool asking whether we are there.
      if (line !== null) log(eventLine("pop3 worker refuse", { reason: "ticket" }));
      socket.destroy();
      return;
    }
    await session(wire, ticket);
    await wire.end();
  };

  const server = await listenOnFd(Number(options.get("listen-fd") ?? 3), (socket) => void meet(socket), true);
  watchIdle();
  return {
    async close() {
      clearTimeout(idle);
      void closeServer(server);
      // A session that is cut has changed nothing.
      for (const socket of sockets) socket.destroy();
    },
  } satisfies RunningService;
};
