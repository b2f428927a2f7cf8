/**
 * The SMTP server: listens, lets clients in by control/tcp.smtp and the limits, and has `#smtp` talk to each. Opens `queue/door`
 * for messages and `run/local` to ask for mailboxes; reads control files, writes none.
 *
 * Options: `listen=IP:PORT` (also `[v6]:PORT`, `PORT`; further ones as `listen2=`, `listen3=`), `listen-fd=N` (an inherited
 * listener), the same with `tls-` in front (`tls-listen=`: TLS from the first octet on, RFC 8314), `reuse-port=1`, `role=smtp|submission`, `processes=N` (how many share the work: each takes its part of
 * control/concurrencyincoming); `filter=1`: messages go to the filter's door; `smtp:KEY=` and `submission:KEY=`: both roles in one process, see `smtpd-roles.ts`. Log lines: those of a session in `smtp/server/session-log.ts`, and
 *
 *     smtpd listening address=127.0.0.1 port=25 tls=1
 *     smtpd refuse ip=192.0.2.1 reason=full|host-full|rules|proxy|controls|tls
 *         a connection got no session: all slots taken, too many from its host, denied by control/tcp.smtp, no PROXY
 *         header from where one is required, control files unreadable (the alert before it says which), TLS did not come about
 *         where it is spoken from the start
 *     alert: smtpd: ...       an admin is wanted: a control file cannot be used; a session met a bug
 */
import type { Server } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { liveControls } from "#control";
import { closeServer } from "#net";
import { Admission, askLocal, type House, say } from "#smtp";
import { tlsServer } from "#tls";
import { openRelayTable } from "./open-smtp.ts";
import type { RunningService, Service, ServiceStart } from "./service.ts";
import { loadSmtpdControls, type SmtpdControls, smtpdControlFiles } from "./smtpd-controls.ts";
import { openSmtpdDoors } from "./smtpd-doors.ts";
import { listenFor, listenPlaces } from "./smtpd-listen.ts";
import { currentControls, type Front, meet } from "./smtpd-meet.ts";
import { serveRoles } from "./smtpd-roles.ts";
import { newTally } from "./smtpd-tally.ts";

/** Messages under way may take this long to end when the service is told to. */
const closingMs = 10_000;
const lastLinesMs = 200;
const sweepMs = 5_000;
/** When more than nine in ten slots are taken, who has waited this long for its next command has to go. */
const stressShare = 0.9;
const stressWaitMs = 60_000;

/** Starts listening. Throws with one sentence if control files are missing or wrong, or an address cannot be had. */
const serveRole: Service = async (start) => {
  const role = start.options.get("role") === "submission" ? "submission" : "smtp";
  const controls = liveControls(start.home, smtpdControlFiles, makeLoader(start));
  refuseOpenRelay(start, role, controls());
  const local = askLocal(start.home);
  const front: Front = {
    log: start.log,
    role,
    share: Math.max(1, Number(start.options.get("processes") ?? 1)),
    controls,
    doors: openSmtpdDoors(start.home, start.options.get("filter") === "1"),
    check: local.ask,
    admission: new Admission(),
    sessions: new Set(),
    nextId: sessionIds(),
    tally: newTally(role),
    hasRead: openRelayTable(start.home),
    tls: tlsServer({ home: start.home, alert: (problem) => start.log(`alert: smtpd: ${problem}`) }),
  };
  const servers = await Promise.all(
    listenPlaces(start.options).map((where) =>
      listenFor(where, (socket) => meet(front, socket, where.isSecure), start.log),
    ),
  );
  const sweeper = setInterval(() => {
    sweep(front);
    tell(front);
  }, sweepMs);
  return {
    async close() {
      clearInterval(sweeper);
      await closeAll(front, servers);
      local.close();
      tell(front);
      await front.doors.close();
    },
  } satisfies RunningService;
};

export const serve: Service = serveRoles(serveRole);

/** Reads the control files; a tcp.smtp gone wrong while we run leaves the rules that were, as a failed tcprules does (U-052). */
function makeLoader({ home, log }: ServiceStart): () => SmtpdControls {
  let last: SmtpdControls | null = null;
  return () => {
    last = loadSmtpdControls(home, last?.rules ?? null, (problem) => log(`alert: smtpd: ${problem}`));
    return last;
  };
}

function refuseOpenRelay({ home }: ServiceStart, role: House["role"], { smtp }: SmtpdControls): void {
  if (role === "submission" || smtp.rcptHosts !== null || smtp.openRelay) return;
  throw new Error(
    `there is no ${home}/control/rcpthosts, and without it anyone could send anything to anyone: ` +
      `write your domains into it, one a line (or "yes" into control/openrelay if an open relay is what you want)`,
  );
}

/** Session ids that no other process started within weeks of this one gives: start time and pid, then a count. */
function sessionIds(): () => string {
  const prefix = (Math.floor(Date.now() / 1000) * 4096 + (process.pid % 4096)).toString(36).slice(-8);
  let count = 0;
  return () => `${prefix}-${++count}`;
}

/**
 * Ends sessions that hold a slot for nothing: a command line that trickles in for longer than one read may take, and, when slots
 * are scarce, whoever has been silent for a minute.
 */
function sweep(front: Front): void {
  const controls = currentControls(front);
  if (controls === null) return;
  const scarce = front.admission.inAll > (controls.sessions / front.share) * stressShare;
  for (const { talk } of front.sessions) {
    const waited = talk.waitingSince === null ? 0 : Date.now() - talk.waitingSince;
    if (waited > talk.wire.timeoutMs + sweepMs) talk.hangUp(say.timeout, "timeout");
    else if (scarce && waited > stressWaitMs) talk.hangUp(say.tooManySessions, "stress");
  }
}

function tell({ tally, doors }: Front): void {
  const counted = tally.take();
  if (counted !== null) doors.tell(counted);
}

/** Stops listening, sends waiting clients away, lets messages under way end, cuts what is left after that. */
async function closeAll(front: Front, servers: readonly Server[]): Promise<void> {
  for (const server of servers) void closeServer(server); // Closed for good when its last connection is; nothing waits for that.
  for (const { talk } of front.sessions) talk.hangUp(say.shuttingDown, "shutdown");
  const patience = new AbortController();
  const timer = sleep(closingMs, undefined, { signal: patience.signal }).catch(() => {}); // Aborted: all are gone.
  await Promise.race([Promise.all([...front.sessions].map(({ over }) => over)), timer]);
  patience.abort();
  for (const { socket } of front.sessions) socket.destroy();
  // Sessions that wait for the queue cannot be hurried; the rest log their end and are gone at once.
  await sleep(front.sessions.size > 0 ? lastLinesMs : 0);
}
