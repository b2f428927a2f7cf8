/**
 * The local service (qmail-lspawn of old): says whose mail a local recipient is and where that user's delivery worker listens
 * (RESOLVE), and whether there is such a recipient (EXISTS). Opens `run/local` for the queue and for smtpd; starts workers as the
 * user they deliver for, never as root. Looks at names and folders; sees no message.
 *
 * Options: `queue-uid` who may connect to the workers (else: our own uid); `asker-uid` and `gid` what uid and group may ask here (else: we, the home's);
 * `single-uid=1` serve our own uid only, which is the rule when we are not root; `allow-programs=0`, `idle-seconds` and any
 * option not named here go on to the workers; `passwd` another passwd file; `nss=0` no name service; `alias` the alias
 * account's name; `break` the delimiter; `verbose=1`.
 *
 * It also starts the `auth` service when somebody asks for it (WHERE-IS-AUTH, `auth-frames.ts`): who may become any user is here, and
 * a process that nobody needs is not kept. `pop3-uid` says who may connect to that (else: our own uid).
 *
 * Log lines: those of `local-workers.ts`; `local trouble reason=` (a control file is wrong, a question could not be answered);
 * `local serving single-uid=0|1` when verbose.
 */
import { chmodSync, chownSync, mkdirSync, statSync } from "node:fs";
import type { Socket } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { fromBytes, toBytes } from "#bytes";
import { liveControls, readNumber } from "#control";
import { errorText } from "#files";
import { eventLine } from "#log";
import { type Address, type LocalRoute, localPartOf, type Outcome, parseAddress, temporary } from "#mail";
import { closeServer, FrameLink, listenUnix } from "#net";
import { serviceNodeFlags } from "#process/memory";
import { localFrames, type Resolved } from "#send/courier";
import {
  findUser,
  loadRouting,
  openUserSources,
  type Routing,
  recipientExists,
  routingFiles,
  type SourceChoices,
  type UserSources,
} from "#users";
import { authFrames } from "./auth-frames.ts";
import { openWorkerPool, type WorkerPool } from "./local-workers.ts";
import type { RunningService, Service, ServiceStart } from "./service.ts";
import { keptCode, rootsCode, workerEnv } from "./worker-env.ts";

/** A look-up that hangs (a dead file server, a silent directory) ends as temporary after this long. */
const resolveMs = 60_000;
/** smtpd's client is waiting at RCPT (RFC 5321 §4.5.3.2.3 gives it 5 minutes; qmail's users expect seconds). */
const existsMs = 15_000;
/** Questions of one link that may be open at a time; more is no asker of ours. */
const maxOpen = 20_000;
/** A routed recipient has an address and a prefix; nothing longer is looked at. */
const maxQuestionBytes = 4_096;
/** The queue asks again at once for a recipient only when it could not reach the worker. */
const doubtMs = 1_000;
const maxRemembered = 2_000;
const sayAgainMs = 60_000;
/** control/localworkers: delivery workers at a time (control/workers counts SMTP servers). */
const workersDefault = 200;

const noWorker = temporary("Unable to run qmail-local.");
const tooLate = temporary("Temporary failure in qmail-lspawn.");

/** Options that are this service's own; all others are the workers'. */
const ownOptions: ReadonlySet<string> = new Set(
  "ready-fd parent-fd queue-uid pop3-uid asker-uid gid single-uid passwd nss alias break uid listen-fd".split(" "),
);

/** The program a worker is: entry, role. A test gives another. */
export type WorkerProgram = readonly [entry: string, ...words: string[]];

const runEntry = fileURLToPath(new URL("./run.ts", import.meta.url));
const workerProgram: WorkerProgram = [runEntry, "local-worker"];

/** JSON in ASCII alone, so that it reads the same whatever the reader takes its bytes for. */
function asciiJson(value: unknown): Buffer {
  const text = JSON.stringify(value).replace(
    /[\x7f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return toBytes(text);
}

/** The promise's value, or `late` if it takes longer than `ms`. The work itself goes on. */
async function within<T>(ms: number, work: Promise<T>, late: T): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<T>((resolve) => {
    timer = setTimeout(() => resolve(late), ms);
  });
  try {
    return await Promise.race([work, deadline]);
  } finally {
    clearTimeout(timer);
  }
}

/** How this start may deliver: as any user, or as one uid alone. */
type Reach = { readonly single: boolean; readonly uid: number; readonly gid: number };

function reachOf(options: ReadonlyMap<string, string>): Reach {
  const uid = process.getuid?.() ?? 0;
  return { single: uid !== 0 || options.get("single-uid") === "1", uid, gid: process.getgid?.() ?? 0 };
}

/** With one uid there is no becoming anybody else: their mail waits for a start that can. */
function refuseOthers({ uid: own }: Reach): (route: LocalRoute) => Outcome | null {
  return ({ user, uid }) =>
    uid === own
      ? null
      : temporary(`Quail runs as uid ${own} here and cannot deliver to user ${user}, uid ${uid}. (#4.3.5)`);
}

function sourcesOf({ home, options }: ServiceStart, reach: Reach): UserSources {
  const choices: { -readonly [K in keyof SourceChoices]: SourceChoices[K] } = {
    // Delivering as root is for a trial start that runs nobody's programs, and for no other.
    superuser: reach.single && options.get("allow-programs") === "0",
  };
  if (reach.single) choices.refusal = refuseOthers(reach);
  if (options.get("nss") === "0") choices.nameService = null;
  const [passwd, aliasName, breakCharacter] = ["passwd", "alias", "break"].map((name) => options.get(name));
  if (passwd !== undefined) choices.passwd = passwd;
  if (aliasName !== undefined) choices.aliasName = aliasName;
  if (breakCharacter !== undefined) choices.breakCharacter = breakCharacter;
  return openUserSources(home, choices);
}

function poolOf({ home, options, log }: ServiceStart, reach: Reach, program: WorkerProgram): WorkerPool {
  const passedOn = [...options].filter(([key]) => !ownOptions.has(key)).map(([key, value]) => `${key}=${value}`);
  const queueUid = options.get("queue-uid");
  return openWorkerPool(
    {
      folder: join(home, "run", "worker"),
      cwd: home,
      env: workerEnv(home),
      envFor: (uid) => (reach.single ? keptCode(home, "local-worker") : rootsCode(home, "local-worker", uid)),
      words: (uid, gid) => [
        ...serviceNodeFlags,
        ...program,
        ...["listen-fd=3", `uid=${uid}`, `gid=${gid}`],
        // Only a trial start gets here with uid 0 (`superuser` above); the worker wants to hear it too.
        ...(uid === 0 ? ["root=1"] : []),
        ...passedOn,
      ],
      become: !reach.single,
      socketUid: reach.single || queueUid === undefined ? null : Number(queueUid),
      log,
      verbose: options.get("verbose") === "1",
      nowMs: Date.now,
    },
    readNumber(home, "localworkers") || workersDefault,
  );
}

/** The one process of the `auth` service: as us, for it becomes who logs in. */
function authOf({ home, options, log }: ServiceStart, reach: Reach): WorkerPool {
  const pop3Uid = options.get("pop3-uid");
  const passedOn = ["pop3-uid", "verbose", "root"].flatMap((name) => {
    const word = options.get(name);
    return word === undefined ? [] : [`${name}=${word}`];
  });
  const words = ["auth", "listen-fd=3", ...(reach.single ? ["single-uid=1"] : []), ...passedOn];
  return openWorkerPool(
    {
      folder: join(home, "run", "auth"),
      cwd: home,
      env: { ...workerEnv(home), ...(reach.single ? keptCode(home, "auth") : rootsCode(home, "auth", reach.uid)) },
      called: "auth",
      words: () => [...serviceNodeFlags, runEntry, ...words],
      become: false,
      socketUid: reach.single || pop3Uid === undefined ? null : Number(pop3Uid),
      log,
      verbose: options.get("verbose") === "1",
      nowMs: Date.now,
    },
    1,
  );
}

/** Answers WHERE-IS-AUTH: the path of its socket; empty if it cannot be started now. */
function whereIsAuth(auth: () => WorkerPool, reach: Reach, trouble: (error: unknown) => void): Answer {
  return async (payload) => {
    try {
      const isDoubtful = payload.length > 0;
      return Buffer.from((await auth().at(reach.uid, reach.gid, isDoubtful)) ?? "");
    } catch (error) {
      trouble(error);
      return Buffer.alloc(0);
    }
  };
}

/** True if this recipient was asked for a moment ago. */
function askedJustNow(): (recipient: string) => boolean {
  const asked = new Map<string, number>();
  return (recipient) => {
    const now = Date.now();
    const before = asked.get(recipient);
    if (asked.size >= maxRemembered) asked.clear();
    asked.set(recipient, now);
    return before !== undefined && now - before < doubtMs;
  };
}

/** Answers RESOLVE. */
function resolution(sources: UserSources, pool: WorkerPool, reach: Reach, trouble: (error: unknown) => void): Answer {
  const again = askedJustNow();
  const late: Resolved = { kind: "outcome", ...tooLate };
  const resolve = async (recipient: string): Promise<Resolved> => {
    try {
      const found = await findUser(localPartOf(recipient), sources);
      if (found.kind === "outcome") return { kind: "outcome", ...found.outcome };
      const { uid, gid } = found.route;
      const worker = await pool.at(uid, reach.single ? reach.gid : gid, again(recipient));
      return worker === null ? { kind: "outcome", ...noWorker } : { kind: "route", route: found.route, worker };
    } catch (error) {
      trouble(error);
      return late;
    }
  };
  return async (payload) => {
    const tooLong = payload.length > maxQuestionBytes;
    return asciiJson(tooLong ? late : await within(resolveMs, resolve(fromBytes(payload)), late));
  };
}

/** Opens `run/local` for our own roles: as root, for a uid (smtpd, by owning it) and a group (the queue). */
async function listen(start: ServiceStart, reach: Reach, onSocket: (socket: Socket) => void) {
  const { home, options } = start;
  const path = join(home, "run", "local");
  const made = mkdirSync(join(home, "run"), { recursive: true });
  if (made !== undefined) chmodSync(join(home, "run"), 0o755); // our umask is tight
  const server = await listenUnix(path, onSocket, 0o600);
  if (!reach.single) {
    chownSync(path, Number(options.get("asker-uid") ?? reach.uid), Number(options.get("gid") ?? statSync(home).gid));
    chmodSync(path, 0o660);
  }
  return server;
}

type Answer = (payload: Buffer) => Promise<Buffer>;

/** Answers EXISTS. */
function existence(sources: UserSources, routing: () => Routing, trouble: (error: unknown) => void): Answer {
  const look = async (address: Address): Promise<"yes" | "no" | "defer"> => {
    try {
      return await recipientExists(address, routing(), sources);
    } catch (error) {
      trouble(error);
      return "defer";
    }
  };
  return async (payload) => {
    const address = parseAddress(fromBytes(payload));
    // No address of ours is that long, or has a NUL.
    return toBytes(address === null ? "no" : await within(existsMs, look(address), "defer"));
  };
}

/** Answers the questions of one link after the other's; a link that asks what nobody of ours would is cut. */
function answerOn(socket: Socket, table: ReadonlyMap<number, readonly [reply: number, Answer]>): FrameLink {
  let open = 0;
  const link = new FrameLink(socket, {
    frame({ kind, id, payload }) {
      const [reply, answer] = table.get(kind) ?? [];
      if (reply === undefined || answer === undefined || ++open > maxOpen) {
        link.destroy(new Error("not a question of ours"));
        return;
      }
      void answer(payload).then((said) => {
        open--;
        link.send(reply, id, said);
      });
    },
    close: () => {},
  });
  return link;
}

/** Says the same trouble once a minute: a wrong control file is in the way of every address asked about. */
function sayOnce(log: (line: string) => void): (error: unknown) => void {
  let last = { line: "", atMs: 0 };
  return (error) => {
    const line = eventLine("local trouble", { reason: errorText(error) });
    if (line === last.line && Date.now() - last.atMs < sayAgainMs) return;
    last = { line, atMs: Date.now() };
    log(line);
  };
}

/** The service, with the worker program as an argument. */
export async function serveLocal(start: ServiceStart, program: WorkerProgram): Promise<RunningService> {
  const { home, log, options } = start;
  process.umask(0o077);
  const reach = reachOf(options);
  const sources = sourcesOf(start, reach);
  const routing = liveControls(home, routingFiles, () => loadRouting(home));
  routing();
  const pool = poolOf(start, reach, program);
  const trouble = sayOnce(log);
  let authPool: WorkerPool | null = null;
  const auth = (): WorkerPool => {
    authPool ??= authOf(start, reach);
    return authPool;
  };
  const table = new Map<number, readonly [number, Answer]>([
    [localFrames.resolve, [localFrames.resolved, resolution(sources, pool, reach, trouble)]],
    [localFrames.exists, [localFrames.existence, existence(sources, routing, trouble)]],
    [authFrames.where, [authFrames.there, whereIsAuth(auth, reach, trouble)]],
  ]);
  const links = new Set<FrameLink>();
  const server = await listen(start, reach, (socket) => {
    const link = answerOn(socket, table);
    links.add(link);
    socket.once("close", () => links.delete(link));
  });
  if (options.get("verbose") === "1") log(eventLine("local serving", { "single-uid": reach.single ? 1 : 0 }));

  return {
    reload() {
      try {
        pool.max = readNumber(home, "localworkers") || workersDefault;
        routing(); // It follows its files by itself; but a wrong one is told now.
      } catch (error) {
        trouble(error);
      }
    },
    async close() {
      void closeServer(server);
      for (const link of links) link.end();
      await Promise.all([pool.close(), authPool?.close()]);
      for (const link of links) link.destroy();
    },
  };
}

export const serve: Service = (start) => serveLocal(start, workerProgram);
