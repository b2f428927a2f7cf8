/**
 * The POP3 listener: talks to clients until they have logged in, then passes octets between them and a worker of their own uid. Knows
 * no password's truth (the auth service does), reads no mailbox and none of the password files.
 *
 * Options: `listen=IP:PORT` (further ones as `listen2=`), `listen-fd=N`, the same with `tls-` in front (TLS from the first octet on), `reuse-port=1`. Control files: me, popplaintext, popapop,
 * concurrencypop3, concurrencyperhost. Log lines; the worker says more of a session, in local's log:
 *
 *     pop3d listening address= port= tls=1
 *     pop3d refuse ip= reason=full|host-full|controls|tls                 a connection got no session
 *     pop3d tls-failed session= ip= reason=                               a handshake after STLS came to nothing
 *     pop3d login session= ip= user= tls=0|1
 *     pop3d login refused session= ip= user= reason=wrong|too-many         as the client wrote the name
 *     pop3d login trouble session= ip= user= reason=
 *     pop3d session end session= ip= user= tls= how= bytes-in= bytes-out= ms=      user=- without login
 */
import { createServer, type Server, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type { ByteString } from "#bytes";
import { readSetting } from "#control";
import { eventLine } from "#log";
import { closeServer, connectUnix, LineWire, plainIp } from "#net";
import {
  greeting,
  type LoginHouse,
  type LoginTalk,
  type LoginTry,
  newLoginTalk,
  nextLogin,
  type PopSasl,
  say,
} from "#pop3";
import { channelFacts, type TlsFact, type TlsServer, tlsServer } from "#tls";
import { type AuthClient, openAuthClient } from "./ask-auth.ts";
import type { LoginAnswer, LoginQuestion } from "./auth-frames.ts";
import { type Relayed, relay } from "./pop3-relay.ts";
import type { RunningService, Service } from "./service.ts";
import { listenPlaces, type Where } from "./smtpd-listen.ts";

/** A client that has not logged in may be silent so long, and take so long in all: it holds a slot of everybody's. */
const loginIdleMs = 60_000;
const loginLimitMs = 300_000;
const maxTries = 3;
const connectMs = 5_000;
const backlog = 1024;
/** Control files are read this often at most. */
const controlsMs = 1_000;

type Controls = {
  readonly me: ByteString;
  readonly plainFromAll: boolean;
  readonly apop: boolean;
  readonly sessions: number;
  readonly sessionsPerHost: number;
  /** control/authmechanisms without PLAIN, which POP3 has with or without it. */
  readonly mechanisms: readonly string[];
  /** control/tlsonly: no login in the clear. */
  readonly tlsOnly: boolean;
};

function loadControls(home: string): Controls {
  return {
    me: readSetting(home, "me") ?? "localhost",
    plainFromAll: readSetting(home, "popplaintext"),
    apop: readSetting(home, "popapop"),
    sessions: readSetting(home, "concurrencypop3"),
    sessionsPerHost: readSetting(home, "concurrencyperhost"),
    mechanisms: (readSetting(home, "authmechanisms") ?? []).map((name) => name.toUpperCase()),
    tlsOnly: (readSetting(home, "tlsonly") ?? []).includes("pop3"),
  };
}

/** What all connections share. */
type Front = {
  readonly log: (line: string) => void;
  readonly controls: () => Controls;
  readonly auth: AuthClient;
  readonly clients: Map<Socket, string>;
  readonly nextId: () => string;
  readonly tls: TlsServer;
};

const isLoopback = (ip: string): boolean => ip.startsWith("127.") || ip === "::1";

/** The files' content, read again after a while. */
function keptFor(home: string): () => Controls {
  let kept: { readonly controls: Controls; readonly atMs: number } | null = null;
  return () => {
    const nowMs = performance.now();
    if (kept === null || nowMs - kept.atMs > controlsMs) kept = { controls: loadControls(home), atMs: nowMs };
    return kept.controls;
  };
}

/** Session ids that no other process started within weeks of this one gives. */
function sessionIds(): () => string {
  const prefix = (Math.floor(Date.now() / 1000) * 4096 + (process.pid % 4096)).toString(36).slice(-8);
  let count = 0;
  return () => `p${prefix}-${++count}`;
}

/** Closes a connection that gets no session. */
function turnAway({ log }: Front, socket: Socket, ip: string, reason: string): void {
  log(eventLine("pop3d refuse", { ip, reason }));
  socket.on("error", () => {}); // Nobody is left to tell.
  socket.end(say.tooManySessions);
  setTimeout(() => socket.destroy(), connectMs).unref();
  socket.resume();
}

/** A new connection. */
function meet(front: Front, socket: Socket, isSecure: boolean): void {
  if (socket.remoteAddress === undefined) {
    socket.destroy(); // It has gone already.
    return;
  }
  const ip = plainIp(socket.remoteAddress);
  let controls: Controls;
  try {
    controls = front.controls();
  } catch (error) {
    front.log(`alert: pop3d: ${error instanceof Error ? error.message : error}`);
    turnAway(front, socket, ip, "controls");
    return;
  }
  const { clients } = front;
  const ofHost = isLoopback(ip) ? 0 : [...clients.values()].filter((other) => other === ip).length;
  if (clients.size >= controls.sessions || ofHost >= controls.sessionsPerHost) {
    turnAway(front, socket, ip, clients.size >= controls.sessions ? "full" : "host-full");
    return;
  }
  clients.set(socket, ip);
  socket.once("close", () => clients.delete(socket));
  void (isSecure ? secureFirst(front, controls, socket, ip) : serveClient(front, controls, socket, ip, null));
}

/** TLS before the greeting (RFC 8314 §3.2). */
async function secureFirst(front: Front, controls: Controls, socket: Socket, ip: string): Promise<void> {
  socket.on("error", () => {}); // The handshake tells, and nobody else is there to.
  const secured = await front.tls.secure(() => socket);
  if (secured.kind === "secure") return serveClient(front, controls, secured.socket, ip, secured.fact);
  front.log(eventLine("pop3d refuse", { ip, reason: "tls", said: secured.reason }));
  socket.destroy();
}

/** STLS, if there is a certificate (RFC 2595 §4). */
function startTlsOf({ tls, log }: Front, facts: Facts, channel: Channel): LoginHouse["startTls"] {
  if (!tls.isOffered()) return null;
  return async (goAhead) => {
    const secured = await tls.secure(goAhead);
    if (secured.kind === "secure") {
      channel.fact = secured.fact;
      return secured.socket;
    }
    log(eventLine("pop3d tls-failed", { ...facts, reason: secured.reason }));
    return secured.kind;
  };
}

/** A session from its greeting to its end. */
type Facts = { readonly session: string; readonly ip: string };
/** What is known of the connection's TLS, now. */
type Channel = { fact: TlsFact | null };
type Over = { readonly how: string; readonly user: ByteString; readonly relayed: Relayed };

const nothing: Relayed = { fromClient: 0, toClient: 0 };

async function serveClient(
  front: Front,
  controls: Controls,
  socket: Socket,
  ip: string,
  fact: TlsFact | null,
): Promise<void> {
  const begun = performance.now();
  const isSecure = fact !== null;
  const channel: Channel = { fact };
  const facts: Facts = { session: front.nextId(), ip };
  const wire = new LineWire(socket, loginIdleMs);
  const inClear = !isSecure && controls.tlsOnly;
  const timestamp =
    controls.apop && !inClear
      ? `<${process.pid}.${Math.floor(Date.now() / 1000)}.${facts.session}@${controls.me}>`
      : null;
  wire.write(greeting(timestamp));
  const house: LoginHouse = {
    dialect: "current",
    timestamp,
    takesPlain: (now) => now || (!controls.tlsOnly && (controls.plainFromAll || isLoopback(ip))),
    startTls: isSecure ? null : startTlsOf(front, facts, channel),
    sasl: saslFor(front, controls, facts, channel),
  };
  const talk = newLoginTalk(wire, isSecure);
  const limit = setTimeout(() => socket.destroy(), loginLimitMs);
  let over: Over;
  try {
    over = await letIn(front, house, talk, facts, limit);
  } catch (error) {
    front.log(`alert: pop3d: ${error instanceof Error ? error.message : error}`);
    over = { how: "failed", user: "", relayed: nothing };
    socket.destroy();
  }
  clearTimeout(limit);
  const { user, how, relayed } = over;
  const bytes = { "bytes-in": relayed.fromClient, "bytes-out": relayed.toClient };
  const ms = Math.round(performance.now() - begun);
  front.log(eventLine("pop3d session end", { ...facts, user, tls: talk.isSecure ? 1 : 0, how, ...bytes, ms }));
}

/** Mechanisms by which a password is proved without being shown. */
const strong = /^(?:CRAM-MD5|SCRAM-SHA-(?:1|256))$/;

/** The mechanisms of control/authmechanisms, relayed to the auth service. Those with channel binding or a certificate need TLS. */
function saslFor(
  { auth }: Front,
  { mechanisms, me, plainFromAll, tlsOnly }: Controls,
  { session, ip }: Facts,
  channel: Channel,
): PopSasl {
  const offers = (isSecure: boolean): readonly string[] => {
    if (tlsOnly && !isSecure) return [];
    const takesPlain = isSecure || plainFromAll || isLoopback(ip);
    const { tlsExporter, certificate } = channelFacts(channel.fact);
    return mechanisms.filter((name) => {
      if (name.endsWith("-PLUS")) return tlsExporter !== null;
      if (name === "EXTERNAL") return certificate.length > 0;
      return name !== "PLAIN" && (takesPlain || strong.test(name));
    });
  };
  return {
    offers,
    async run(mechanism, initial, isSecure, ask) {
      const offersPlus = offers(isSecure).some((name) => name.endsWith("-PLUS"));
      const asked = { mechanism, initial, ip, session, isSecure, hostName: me, purpose: "mailbox" as const };
      const { answer, talk } = await auth.begin({ ...asked, offersPlus, ...channelFacts(channel.fact) });
      let said = answer;
      while (said.kind === "challenge") {
        const response = await ask(said.data);
        if (response === null) {
          talk.cancel();
          return null;
        }
        said = await talk.next(response);
        response.fill(0);
      }
      if (said.kind === "malformed") return null;
      return said.kind === "known" ? { kind: "later", reason: "no mailbox was asked for", login: said.login } : said;
    },
  };
}

/** Takes logins until one is right; then the session is the worker's. */
async function letIn(
  front: Front,
  house: LoginHouse,
  talk: LoginTalk,
  facts: Facts,
  limit: NodeJS.Timeout,
): Promise<Over> {
  const close = async (how: string): Promise<Over> => {
    await talk.wire.end();
    return { how, user: "", relayed: nothing };
  };
  for (let tries = 0; tries < maxTries; tries++) {
    const step = await nextLogin(talk, house);
    if (step.kind === "end") return close(step.end);
    const answer =
      step.kind === "sasl" ? step.verdict : await front.auth.ask(questionOf(step.claim, facts, talk.isSecure, false));
    const login = step.kind === "sasl" ? step.verdict.login : step.claim.login;
    const note = (words: string, more: Readonly<Record<string, string | number>>): void =>
      front.log(eventLine(`pop3d ${words}`, { ...facts, user: login, ...more }));
    if (answer.kind === "no") {
      note("login refused", { reason: answer.why });
      await sleep(answer.delayMs);
      if (answer.why === "wrong") {
        talk.wire.write(say.refusedCoded);
        continue;
      }
      talk.wire.write(say.tooManyFailures);
      return close("too-many-failures");
    }
    if (answer.kind === "later") {
      note("login trouble", { reason: answer.reason });
      talk.wire.write(say.later);
      continue;
    }
    note("login", { tls: talk.isSecure ? 1 : 0 });
    const again = step.kind === "sasl" ? null : questionOf(step.claim, facts, talk.isSecure, true);
    const entered = await enter(front, answer, again);
    if (entered === null) {
      note("login trouble", { reason: "the mailbox worker cannot be reached" });
      talk.wire.write(say.mailboxLater);
      return close("no-worker");
    }
    clearTimeout(limit);
    return { how: "served", user: answer.user, relayed: await handOver(talk.wire, entered) };
  }
  return close("too-many-failures");
}

type Admitted = Extract<LoginAnswer, { readonly kind: "yes" }>;
type Entered = { readonly worker: Socket; readonly ticket: string };

function questionOf(claim: LoginTry, facts: Facts, isSecure: boolean, isDoubtful: boolean): LoginQuestion {
  return { ...claim, ...facts, isSecure, isDoubtful };
}

/**
 * Connects to the worker. It may have ended just now, for nobody needed it: then auth is asked once more, where there is a question that
 * can be asked again.
 */
async function enter(front: Front, answer: Admitted, question: LoginQuestion | null): Promise<Entered | null> {
  const worker = await reach(answer.worker);
  if (worker !== null) return { worker, ticket: answer.ticket };
  if (question === null) return null;
  const again = await front.auth.ask(question);
  if (again.kind !== "yes") return null;
  const other = await reach(again.worker);
  return other === null ? null : { worker: other, ticket: again.ticket };
}

async function reach(path: string): Promise<Socket | null> {
  const worker = await connectUnix(path, connectMs);
  if (!("write" in worker)) return null;
  worker.on("error", () => {}); // Its close follows, which the relay sees.
  return worker;
}

/** From here on the worker talks to the client; what the client said ahead of its time goes along. */
async function handOver(wire: LineWire, { worker, ticket }: Entered): Promise<Relayed> {
  await wire.flush().catch(() => {}); // It has gone: the relay sees that too.
  const ahead: Buffer[] = [];
  while (wire.unreadBytes > 0) ahead.push((await wire.readSome()) ?? Buffer.alloc(0));
  const client: Duplex = wire.release();
  if (!(client instanceof Socket)) throw new Error("a client that is no socket");
  worker.write(Buffer.concat([Buffer.from(`${ticket}\n`), ...ahead]));
  const hasEnded = client.readableEnded;
  const relaying = relay(client, worker);
  if (hasEnded) worker.end();
  const relayed = await relaying;
  return { ...relayed, fromClient: relayed.fromClient + ahead.reduce((sum, piece) => sum + piece.length, 0) };
}

function listen(front: Front, { isSecure, ...where }: Where): Promise<Server> {
  // Half-open, because a client may end its side behind QUIT and still wants its answers.
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => meet(front, socket, isSecure));
  return new Promise((done, failed) => {
    server.once("error", (cause) => failed(new Error(`unable to listen: ${cause.message}`, { cause })));
    server.listen({ ...where, backlog }, () => {
      const at = server.address();
      if (at !== null && typeof at === "object") {
        front.log(eventLine("pop3d listening", { address: at.address, port: at.port, tls: isSecure ? 1 : undefined }));
      }
      server.removeAllListeners("error");
      server.on("error", (error) => front.log(`alert: pop3d: ${error.message}`));
      done(server);
    });
  });
}

export const serve: Service = async ({ home, options, log }) => {
  const controls = keptFor(home);
  controls(); // A wrong one is told now.
  const auth = openAuthClient(home);
  const front: Front = {
    log,
    controls,
    auth,
    clients: new Map(),
    nextId: sessionIds(),
    tls: tlsServer({ home, alert: (problem) => log(`alert: pop3d: ${problem}`), alpn: "pop3" }),
  };
  const servers = await Promise.all(listenPlaces(options).map((where) => listen(front, where)));
  return {
    async close() {
      for (const server of servers) void closeServer(server);
      // A session that is cut has changed nothing.
      for (const socket of front.clients.keys()) socket.destroy();
      auth.close();
      await sleep(0);
    },
  } satisfies RunningService;
};
