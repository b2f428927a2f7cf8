/**
 * The auth service (checkpassword's role, kept alive while it is needed): answers "is this right, and who is it?" for SMTP and POP3,
 * and starts a mailbox worker as that user. `local` starts it when somebody asks; it ends when nobody has for a while and no worker is
 * left. Reads the password files of control/ and, as root, the shadow file; sees no message. A worker is reached with a ticket, which
 * the listener carries and cannot make. Failures are counted here, for all listeners together, and kept in `run/auth-state.json`.
 *
 * Options: `listen-fd` the inherited socket (3); `single-uid=1` serve our own uid only; `root=1` serve uid 0 too (a trial start of root
 * alone); `pop3-uid` who may connect to the workers; `idle-seconds` (60); `verbose=1`.
 *
 * Log lines: `pop3 worker trouble uid= gid= reason=` (and `start|end` when verbose), `auth trouble reason=` (a login cannot be checked
 * now; the reason names files and accounts, never a password), `auth ban ip=` (too many wrong passwords from there), `auth unban ip=`.
 */
import { randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  type Identity,
  issueTicket,
  LoginGuard,
  openCertificateCheck,
  openLoginSources,
  openTokenCheck,
  SentCount,
  workerKey,
} from "#auth";
import { fromBytes } from "#bytes";
import { readSetting } from "#control";
import { errorText } from "#files";
import { eventLine } from "#log";
import { closeServer, type Frame, FrameLink } from "#net";
import { serviceNodeFlags } from "#process/memory";
import { type AuthDesk, openAuthDesk } from "./auth-desk.ts";
import {
  authFrames,
  type LoginAnswer,
  type LoginQuestion,
  parseQuestion,
  parseSaslQuestion,
  type SaslAnswer,
  ticketKeyName,
} from "./auth-frames.ts";
import { allowList, allowsMechanism, guardLimits, sendingLimitsOf } from "./auth-settings.ts";
import { loadAuthState, saveAuthState } from "./auth-state.ts";
import { listenOnFd } from "./listen-fd.ts";
import { openWorkerPool, type WorkerPool } from "./local-workers.ts";
import { noteLogin } from "./open-smtp.ts";
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

/**
 * Which files a reader may touch is its uid's business. It starts no program and no thread, and loads no native code: Node's permission
 * model sees to that.
 */
const readerRights = ["--permission", "--allow-fs-read=*", "--allow-fs-write=*"] as const;

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
        ...readerRights,
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

/** Opens the mailbox of somebody who has logged in: a worker of their own, and the ticket that lets this session in there. */
function admission({ home }: ServiceStart, me: Who, pool: WorkerPool, master: Buffer) {
  const gid = process.getgid?.() ?? 0;
  return async (
    who: Identity,
    asked: Pick<LoginQuestion, "ip" | "session" | "isSecure" | "isDoubtful">,
  ): Promise<LoginAnswer> => {
    const refused = refusal(who, me);
    if (refused !== null) return { kind: "later", reason: refused };
    const workerGid = me.single ? gid : who.gid;
    const worker = await pool.at(who.uid, workerGid, asked.isDoubtful);
    if (worker === null) return { kind: "later", reason: `no worker for uid ${who.uid} can be had` };
    const maildir = `${who.home}/${readSetting(home, "popmaildir")}`;
    const facts = { user: who.user, maildir, ip: asked.ip, session: asked.session, tls: asked.isSecure };
    const ticket = issueTicket(facts, workerKey(master, who.uid, workerGid), Date.now());
    return { kind: "yes", user: who.user, worker, ticket };
  };
}

/** What a listener asks for, and what it is told; null: it asks for nothing of ours. */
type Reply = { readonly kind: number; readonly said: SaslAnswer | LoginAnswer | Spent };
type Spent = { readonly kind: "spent"; readonly isGranted: boolean };

/** Answers the frames of one link. Never throws. */
function answers(desk: AuthDesk, spend: (payload: Buffer) => boolean) {
  const counter = desk.openCounter();
  const answer = async ({ kind, id, payload }: Frame): Promise<Reply | null> => {
    if (kind === authFrames.login) {
      const question = parseQuestion(payload);
      const said = question === null ? malformedLogin : await desk.login(question);
      return { kind: authFrames.verdict, said };
    }
    if (kind === authFrames.begin) {
      const question = parseSaslQuestion(payload);
      const said = question === null ? malformed : await counter.begin(id, question);
      return { kind: authFrames.turn, said };
    }
    if (kind === authFrames.respond) {
      return { kind: authFrames.turn, said: (await counter.respond(id, payload)) ?? malformed };
    }
    if (kind !== authFrames.spend) return null;
    return { kind: authFrames.spent, said: { kind: "spent", isGranted: spend(payload) } };
  };
  return { answer, counter };
}

const malformed = { kind: "malformed" } as const;
const malformedLogin: LoginAnswer = { kind: "no", why: "wrong", delayMs: 1_000 };

/** Counts of what users send; `spend` reads `user NUL recipients`. */
function sendingDesk(home: string, sent: SentCount): (payload: Buffer) => boolean {
  return (payload) => {
    const [user = "", recipients = ""] = fromBytes(payload).split("\0");
    const limits = sendingLimitsOf(home, user);
    return limits === null || sent.spend(user, Number(recipients), limits, Date.now());
  };
}

/** POP before SMTP, where control/popbeforesmtp says so: this address may relay for a while. */
function openRelayFor({ home, log }: ServiceStart, ip: string): void {
  const minutes = readSetting(home, "popbeforesmtp");
  if (minutes === 0) return;
  try {
    noteLogin(home, ip, Math.floor(Date.now() / 1000), minutes);
  } catch (error) {
    log(eventLine("auth trouble", { reason: `cannot write control/open-smtp: ${errorText(error)}` }));
  }
}

export const serve: Service = async (start) => {
  const { home, options, log } = start;
  const uid = process.getuid?.() ?? 0;
  const me: Who = { single: uid !== 0 || options.get("single-uid") === "1", uid, root: options.get("root") === "1" };
  const master = randomBytes(32);
  const pool = poolOf(start, me, master);
  const kept = loadAuthState(home);
  const guard = new LoginGuard(() => guardLimits(home), allowList(home), kept.guard);
  const sent = new SentCount(kept.sent);
  const save = (): void => {
    try {
      saveAuthState(home, { seed: kept.seed, guard: guard.state(Date.now()), sent: sent.state(Date.now()) });
    } catch (error) {
      log(eventLine("auth trouble", { reason: `cannot keep its state: ${errorText(error)}` }));
    }
  };
  save(); // The seed must be there for the next process, however this one ends.
  const sources = openLoginSources(home);
  const desk = openAuthDesk({
    sources,
    guard,
    seed: Buffer.from(kept.seed, "base64url"),
    allows: (mechanism) => allowsMechanism(home, mechanism),
    token: openTokenCheck(home, sources),
    certificate: openCertificateCheck(home, sources),
    admit: admission(start, me, pool, master),
    seen: (ip) => openRelayFor(start, ip),
    log,
  });
  const inTurn = turnstile(maxChecks, maxWaiting);
  const idleMs = Number(options.get("idle-seconds") ?? idleSecondsDefault) * 1000;

  const links = new Set<FrameLink>();
  let lastUse = performance.now();
  let underWay = 0;
  let isChanged = false;

  const ask = async (link: FrameLink, frame: Frame, answer: ReturnType<typeof answers>["answer"]): Promise<void> => {
    underWay++;
    isChanged = true;
    try {
      const turn = inTurn(() => answer(frame));
      const reply = turn === null ? tooBusy(frame) : await turn.catch((error: unknown) => cannot(frame, error));
      if (reply === null) {
        link.destroy(new Error("not a question of ours"));
        return;
      }
      const { said } = reply;
      if (said.kind === "later") log(eventLine("auth trouble", { reason: said.reason }));
      link.send(reply.kind, frame.id, Buffer.from(JSON.stringify(said)));
    } finally {
      frame.payload.fill(0);
      underWay--;
      lastUse = performance.now();
    }
  };
  const onSocket = (socket: Socket): void => {
    const { answer, counter } = answers(desk, sendingDesk(home, sent));
    const link: FrameLink = new FrameLink(socket, {
      frame(frame) {
        if (frame.kind === authFrames.cancel) counter.cancel(frame.id);
        else void ask(link, frame, answer);
      },
      close() {
        counter.close();
        links.delete(link);
      },
    });
    links.add(link);
  };
  const server = await listenOnFd(Number(options.get("listen-fd") ?? 3), onSocket);
  const sweeper = setInterval(
    () => {
      if (isChanged) save();
      isChanged = false;
      const isIdle = links.size === 0 && underWay === 0 && pool.living === 0;
      if (!isIdle) lastUse = performance.now();
      else if (performance.now() - lastUse >= idleMs) process.kill(process.pid, "SIGTERM");
    },
    Math.min(5_000, idleMs),
  );

  return {
    async close() {
      clearInterval(sweeper);
      save();
      void closeServer(server);
      await pool.close();
      for (const link of links) link.destroy();
    },
  } satisfies RunningService;
};

/** The frame kind of the answer to a question. */
const answerKind = (kind: number): number => {
  if (kind === authFrames.login) return authFrames.verdict;
  return kind === authFrames.spend ? authFrames.spent : authFrames.turn;
};

const tooBusy = ({ kind }: Frame): Reply => ({
  kind: answerKind(kind),
  said: { kind: "later", reason: "too many logins at once" },
});

const cannot = ({ kind }: Frame, error: unknown): Reply => ({
  kind: answerKind(kind),
  said: { kind: "later", reason: errorText(error) },
});
