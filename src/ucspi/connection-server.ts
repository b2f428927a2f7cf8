import type { Socket } from "node:net";
import { errorText } from "#files";
import { type Networks, plainIp, type TcpPeer, type TcpRule } from "#net";
import { type Protocol, ucspiEnvironment, underRule } from "./environment.ts";
import { bareFacts, type Ends, endsOf, type Facts, gatherFacts, type Inquiry, needsNoAnswer } from "./facts.ts";
import { type ListenAt, type Listener, type ListenFailure, openListener } from "./listener.ts";
import { takeProxyHeader } from "./proxy-header.ts";
import type { RuleBook } from "./rule-database.ts";
import type { ServerLog } from "./server-log.ts";

/** Wait statuses of the original's child for a connection that got no program. */
const deniedStatus = 100 << 8;
const droppedStatus = 111 << 8;
/** Connections without a process of their own have numbers that no process can have (Linux: at most 2^22). */
const firstNumber = 2 ** 22 + 1;
const lastNumber = 2 ** 31 - 1;

/** Serves a connection that was let in. `started` is told its number before anything else of it is logged. */
export type Serve = (connection: {
  readonly socket: Socket;
  readonly env: NodeJS.ProcessEnv;
  /** To go by, for what gets no process. */
  readonly number: number;
  readonly started: (pid: number) => void;
}) => Promise<number | { readonly trouble: string }>;

/** What a server is told. */
export type ServerSettings = {
  readonly at: readonly ListenAt[];
  readonly backlog: number;
  /** Connections at once, asked whenever it matters, so that it may change. */
  readonly limit: () => number;
  /** Connections at once from one address (IPv6: one /64). */
  readonly limitPerHost: () => number;
  readonly noDelay: boolean;
  readonly banner: Buffer;
  readonly inquiry: Inquiry;
  readonly protocol: Protocol;
  /** Rules: their name for messages, and the book of this moment. */
  readonly rules: {
    readonly path: string;
    readonly mayBeMissing: boolean;
    readonly book: () => RuleBook | null;
  } | null;
  /** Peers whose PROXY protocol header is believed. */
  readonly proxies: Networks | null;
  /** The environment that connections add to. */
  readonly env: NodeJS.ProcessEnv;
  readonly log: ServerLog;
  readonly serve: Serve;
};

type Judgement = { readonly facts: Facts; readonly env: NodeJS.ProcessEnv; readonly verdict: TcpRule["verdict"] };

/** A server of connections: accepts up to its limit, asks, judges by rules, serves. */
export class ConnectionServer {
  readonly #settings: ServerSettings;
  readonly #perHost = new Map<string, number>();
  /** Accepted although there was no room: they wait here where the kernel could not be told to keep them. */
  readonly #waiting: Socket[] = [];
  #listeners: readonly Listener[] = [];
  #running = 0;
  #number = firstNumber;
  #isStopping = false;
  #whenIdle: (() => void) | null = null;

  constructor(settings: ServerSettings) {
    this.#settings = settings;
  }

  /** Listens, but accepts nothing before `admit`. The first port, or what went wrong. */
  async open(): Promise<number | ListenFailure> {
    const { at, backlog } = this.#settings;
    const opened = await Promise.all(at.map((one) => openListener(one, backlog, (socket) => this.#accept(socket))));
    this.#listeners = opened.filter((one) => "port" in one);
    const failed = opened.find((one) => "step" in one);
    if (failed !== undefined) {
      this.stop();
      return failed;
    }
    this.#pause();
    return this.#listeners[0]?.port ?? 0;
  }

  /** Accepts as many as the limit allows: to begin with, and when it has changed. */
  admit(): void {
    const { log, limit } = this.#settings;
    log.status(this.#running, limit());
    this.#next();
  }

  /** Accepts no more. Connections that are served go on. */
  stop(): void {
    this.#isStopping = true;
    for (const listener of this.#listeners) listener.close();
    for (const socket of this.#waiting.splice(0)) socket.destroy();
  }

  /** Resolves when no connection is served. */
  idle(): Promise<void> {
    if (this.#running === 0) return Promise.resolve();
    return new Promise((done) => {
      this.#whenIdle = done;
    });
  }

  #accept(socket: Socket): void {
    // A connection that breaks is noticed by whoever reads or writes it.
    socket.on("error", () => {});
    if (this.#isStopping) socket.destroy();
    else if (this.#running >= this.#settings.limit()) this.#keepWaiting(socket);
    else this.#begin(socket);
  }

  #keepWaiting(socket: Socket): void {
    this.#pause();
    if (this.#waiting.length < this.#settings.backlog) this.#waiting.push(socket);
    else socket.destroy();
  }

  #begin(socket: Socket): void {
    const { log, limit } = this.#settings;
    this.#running++;
    log.status(this.#running, limit());
    if (this.#running >= limit()) this.#pause();
    void this.#attend(socket).finally(() => {
      this.#running--;
      log.status(this.#running, limit());
      if (this.#running === 0) this.#whenIdle?.();
      this.#next();
    });
  }

  #next(): void {
    if (this.#isStopping) return;
    const { limit } = this.#settings;
    while (this.#running < limit()) {
      const socket = this.#waiting.shift();
      if (socket === undefined) break;
      this.#begin(socket);
    }
    if (this.#running < limit()) for (const listener of this.#listeners) listener.resume();
    else this.#pause();
  }

  #pause(): void {
    for (const listener of this.#listeners) listener.pause();
  }

  #takeNumber(): number {
    const number = this.#number;
    this.#number = number === lastNumber ? firstNumber : number + 1;
    return number;
  }

  /** One connection from accept to close. Never throws. */
  async #attend(socket: Socket): Promise<void> {
    const { log, serve } = this.#settings;
    const number = this.#takeNumber();
    const host = hostKey(socket);
    let pid = number;
    let status = droppedStatus;
    try {
      const judged = this.#enter(host) ? await this.#judge(socket) : { trouble: `too many connections from ${host}` };
      const started = (its: number): void => {
        pid = its;
        log.from(pid, "facts" in judged ? judged.facts.remoteIp : plainIp(socket.remoteAddress ?? ""));
        if ("facts" in judged) log.verdict(pid, judged.facts, judged.verdict === "deny" ? "deny" : "ok");
      };
      if ("trouble" in judged || judged.verdict === "deny") {
        started(number);
        if ("trouble" in judged) log.dropping(judged.trouble);
        else status = deniedStatus;
      } else {
        const end = await serve({ socket, env: judged.env, number, started });
        if (typeof end === "number") status = end;
        else log.dropping(end.trouble);
      }
    } catch (error) {
      log.dropping(errorText(error));
    } finally {
      this.#leave(host);
      socket.destroy();
      log.end(pid, status);
    }
  }

  #enter(host: string): boolean {
    const count = (this.#perHost.get(host) ?? 0) + 1;
    this.#perHost.set(host, count);
    return count <= this.#settings.limitPerHost();
  }

  #leave(host: string): void {
    const count = this.#perHost.get(host) ?? 0;
    if (count > 1) this.#perHost.set(host, count - 1);
    else this.#perHost.delete(host);
  }

  async #judge(socket: Socket): Promise<Judgement | { readonly trouble: string }> {
    const { noDelay, banner, inquiry, protocol, env } = this.#settings;
    const own = endsOf(socket);
    if (own === null) return { trouble: "unable to get local address: socket not connected" };
    if (noDelay) socket.setNoDelay(true);
    if (banner.length > 0) {
      const problem = await written(socket, banner);
      if (problem !== null) return { trouble: `unable to print banner: ${problem}` };
    }
    const told = await this.#toldByProxy(socket, own);
    if ("trouble" in told) return told;
    const ends = told.ends;
    const facts = needsNoAnswer(inquiry) ? bareFacts(ends, inquiry.localHost) : await gatherFacts(ends, inquiry);
    const rule = this.#ruleFor(facts);
    if ("trouble" in rule) return rule;
    const base = { ...ucspiEnvironment(env, facts, protocol), ...told.env };
    return { facts, env: underRule(base, rule), verdict: rule.verdict };
  }

  async #toldByProxy(
    socket: Socket,
    own: Ends,
  ): Promise<{ readonly ends: Ends; readonly env: NodeJS.ProcessEnv } | { readonly trouble: string }> {
    const { proxies } = this.#settings;
    return proxies?.has(own.remoteIp) === true ? takeProxyHeader(socket, own) : { ends: own, env: {} };
  }

  #ruleFor({ remoteIp, remoteHost, remoteInfo }: Facts): TcpRule | { readonly trouble: string } {
    const { rules } = this.#settings;
    if (rules === null) return allow;
    const peer: TcpPeer = {
      ip: remoteIp,
      ...(remoteHost === undefined ? {} : { host: remoteHost }),
      ...(remoteInfo === undefined ? {} : { info: remoteInfo }),
    };
    try {
      const book = rules.book();
      if (book !== null) return book.find(peer)?.rule ?? allow;
      if (rules.mayBeMissing) return allow;
      return { trouble: `unable to read ${rules.path}: file does not exist` };
    } catch (error) {
      return { trouble: `unable to read ${rules.path}: ${errorText(error)}` };
    }
  }
}

const allow: TcpRule = { verdict: "allow", changes: [] };

/** Whom a connection counts for: its address; of IPv6 the /64, which belongs to one customer. */
function hostKey(socket: Socket): string {
  const ip = plainIp(socket.remoteAddress ?? "");
  if (!ip.includes(":")) return ip;
  const [head = "", tail] = ip.replace(/%.*$/, "").split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = Array<string>(Math.max(0, 8 - left.length - right.length)).fill("0");
  return `${[...left, ...zeros, ...right].slice(0, 4).join(":")}::/64`;
}

function written(socket: Socket, bytes: Buffer): Promise<string | null> {
  return new Promise((done) => {
    socket.once("close", () => done("broken pipe"));
    socket.write(bytes, (error) => done(error ? errorText(error) : null));
  });
}
