/**
 * The auth service (checkpassword's role, kept alive while it is needed): answers "is this password right, and who is it?", and
 * starts a mailbox worker as that user. `local` starts it when somebody asks; it ends when nobody has for a while and no worker is
 * left. Reads control/poppasswd and, as root, the shadow file; sees no message. A worker is reached with a ticket, which the
 * listener carries and cannot make.
 *
 * Options: `listen-fd` the inherited socket (3); `single-uid=1` serve our own uid only; `root=1` serve uid 0 too (a trial start of root
 * alone); `pop3-uid` who may connect to the workers; `idle-seconds` (60); `verbose=1`.
 *
 * Log lines: `pop3 worker trouble uid= gid= reason=` (and `start|end` when verbose), `auth trouble reason=` (a login cannot be checked
 * now; the reason names files and accounts, never a password).
 */
import { randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { checkLogin, type Identity, issueTicket, type LoginSources, openLoginSources, workerKey } from "#auth";
import { readSetting } from "#control";
import { eventLine } from "#log";
import { closeServer, FrameLink } from "#net";
import { serviceNodeFlags } from "#process/memory";
import { authFrames, type LoginAnswer, parseQuestion, ticketKeyName } from "./auth-frames.ts";
import { listenOnFd } from "./listen-fd.ts";
import { openWorkerPool, type WorkerPool } from "./local-workers.ts";
import type { RunningService, Service, ServiceStart } from "./service.ts";
import { keptCode, rootsCode, workerEnv } from "./worker-env.ts";

const idleSecondsDefault = 60;
const maxWorkers = 200;
/** Passwords under check at a time; each costs 20 MB and 50 ms. Who asks more often waits. */
const maxChecks = 4;
/** Questions that may wait for their turn; more are put off at once. */
const maxWaiting = 256;

type Who = { readonly single: boolean; readonly uid: number; readonly root: boolean };

/** Why this user cannot be served from here, or null. */
function refusal({ uid }: Identity, me: Who): string | null {
  if (me.single && uid !== me.uid) return `Quail runs as uid ${me.uid} here and cannot serve uid ${uid}`;
  return uid === 0 && !(me.single && me.root) ? "uid 0 has no mailbox" : null;
}

function poolOf({ home, options, log }: ServiceStart, me: Who, master: Buffer): WorkerPool {
  const pop3Uid = options.get("pop3-uid");
  const entry = fileURLToPath(new URL("./run.ts", import.meta.url));
  return openWorkerPool(
    {
      folder: join(home, "run", "pop3"),
      cwd: home,
      env: workerEnv(home),
      envFor: (uid, gid) => ({
        ...(me.single ? keptCode(home, "pop3-worker") : rootsCode(home, "pop3-worker", uid)),
        [ticketKeyName]: workerKey(master, uid, gid).toString("base64url"),
      }),
      called: "pop3 worker",
      words: (uid) => [
        ...serviceNodeFlags,
        entry,
        "pop3-worker",
        "listen-fd=3",
        `uid=${uid}`,
        ...(uid === 0 ? ["root=1"] : []),
      ],
      become: !me.single,
      socketUid: me.single || pop3Uid === undefined ? null : Number(pop3Uid),
      log,
      verbose: options.get("verbose") === "1",
      nowMs: Date.now,
    },
    maxWorkers,
  );
}

/** Lets so many in at a time, the others in their order; null when too many wait. */
function turnstile(places: number, waitingMax: number): <T>(job: () => Promise<T>) => Promise<T> | null {
  let free = places;
  const waiting: (() => void)[] = [];
  const run = async <T>(job: () => Promise<T>): Promise<T> => {
    if (free === 0) await new Promise<void>((go) => waiting.push(go));
    else free--;
    try {
      return await job();
    } finally {
      const next = waiting.shift();
      if (next === undefined) free++;
      else next();
    }
  };
  return (job) => (free === 0 && waiting.length >= waitingMax ? null : run(job));
}

/** Answers one question after checking it. Never throws. */
function answers(start: ServiceStart, me: Who, sources: LoginSources, pool: WorkerPool, master: Buffer) {
  const { home } = start;
  const gid = process.getgid?.() ?? 0;
  return async (payload: Buffer): Promise<LoginAnswer> => {
    const question = parseQuestion(payload);
    if (question === null) return { kind: "no" };
    const verdict = await checkLogin(question, sources);
    if (verdict.kind !== "yes") return verdict;
    const { who } = verdict;
    const refused = refusal(who, me);
    if (refused !== null) return { kind: "later", reason: refused };
    const workerGid = me.single ? gid : who.gid;
    const worker = await pool.at(who.uid, workerGid, question.isDoubtful);
    if (worker === null) return { kind: "later", reason: `no worker for uid ${who.uid} can be had` };
    const maildir = `${who.home}/${readSetting(home, "popmaildir")}`;
    const facts = { user: who.user, maildir, ip: question.ip, session: question.session, tls: question.isSecure };
    const ticket = issueTicket(facts, workerKey(master, who.uid, workerGid), Date.now());
    return { kind: "yes", user: who.user, worker, ticket };
  };
}

export const serve: Service = async (start) => {
  const { home, options, log } = start;
  const uid = process.getuid?.() ?? 0;
  const me: Who = { single: uid !== 0 || options.get("single-uid") === "1", uid, root: options.get("root") === "1" };
  const master = randomBytes(32);
  const pool = poolOf(start, me, master);
  const answer = answers(start, me, openLoginSources(home), pool, master);
  const inTurn = turnstile(maxChecks, maxWaiting);
  const idleMs = Number(options.get("idle-seconds") ?? idleSecondsDefault) * 1000;

  const links = new Set<FrameLink>();
  let lastUse = performance.now();
  let underWay = 0;

  const ask = async (payload: Buffer): Promise<LoginAnswer> => {
    underWay++;
    try {
      const turn = inTurn(() => answer(payload));
      return await (turn ?? Promise.resolve<LoginAnswer>({ kind: "later", reason: "too many logins at once" }));
    } catch (error) {
      return { kind: "later", reason: error instanceof Error ? error.message : String(error) };
    } finally {
      underWay--;
      lastUse = performance.now();
    }
  };
  const onSocket = (socket: Socket): void => {
    const link = new FrameLink(socket, {
      frame({ kind, id, payload }) {
        if (kind !== authFrames.login) {
          link.destroy(new Error("not a question of ours"));
          return;
        }
        void ask(payload).then((said) => {
          payload.fill(0);
          if (said.kind === "later") log(eventLine("auth trouble", { reason: said.reason }));
          link.send(authFrames.verdict, id, Buffer.from(JSON.stringify(said)));
        });
      },
      close: () => links.delete(link),
    });
    links.add(link);
  };
  const server = await listenOnFd(Number(options.get("listen-fd") ?? 3), onSocket);
  const sweeper = setInterval(
    () => {
      const isIdle = links.size === 0 && underWay === 0 && pool.living === 0;
      if (!isIdle) lastUse = performance.now();
      else if (performance.now() - lastUse >= idleMs) process.kill(process.pid, "SIGTERM");
    },
    Math.min(5_000, idleMs),
  );

  return {
    async close() {
      clearInterval(sweeper);
      void closeServer(server);
      await pool.close();
      for (const link of links) link.destroy();
    },
  } satisfies RunningService;
};
