/**
 * The metrics service: `GET /metrics` for Prometheus, `GET /health` (JSON) and `/healthz` for whoever restarts machines. Asks the queue
 * service over `run/queue-admin`, and reads on in `log/queue` when it is asked; writes no file. Listens on loopback only: numbers tell who
 * writes to whom how often.
 *
 * Option: `listen=127.0.0.1:2595` (the default), or `listen=[::1]:2595`.
 */
import { existsSync } from "node:fs";
import { createServer, isIP, type Server, type Socket } from "node:net";
import { join } from "node:path";
import type { ReasonCounts } from "#analyse/live";
import { closeServer } from "#net";
import { askQueue, exposition, type QueueAnswer, reasonExposition } from "#operate/numbers";
import { answerHttp, type HttpPage } from "./metrics-http.ts";
import type { RunningService, Service } from "./service.ts";

const defaultListen = "127.0.0.1:2595";
/** More scrapers than this are no scrapers. */
const maxConnections = 16;
/** The queue is asked at most once in this time, however many ask us: counting a long queue costs it something. */
const freshMs = 1_000;
const answerMs = 4_000;

/** `127.0.0.1:2595`, `[::1]:2595`, `:2595`; throws for an address that is not of loopback. */
function parseListen(text: string): { readonly host: string; readonly port: number } {
  const match = /^(?:\[([^\]]+)\]|([0-9.]*)):([0-9]{1,5})$/.exec(text);
  const host = match?.[1] ?? (match?.[2] || "127.0.0.1");
  const port = Number(match?.[3] ?? Number.NaN);
  if (match === null || isIP(host) === 0 || port > 65_535)
    throw new Error(`metrics: listen=${text} is no address and port`);
  if (host !== "::1" && !host.startsWith("127.")) throw new Error(`metrics: listen=${text} is not a loopback address`);
  return { host, port };
}

/** Asks the queue, but not again while an answer is fresh or on its way. */
function freshly(ask: () => Promise<QueueAnswer>): () => Promise<QueueAnswer> {
  let answer: Promise<QueueAnswer> | null = null;
  let askedAt = Number.NEGATIVE_INFINITY;
  return () => {
    // The monotonic clock: a step of the wall clock must not freeze the numbers.
    const now = performance.now();
    if (answer === null || now - askedAt > freshMs) {
      askedAt = now;
      answer = ask();
    }
    return answer;
  };
}

const plain = "text/plain; charset=utf-8";

/** For whoever restarts machines or deals clients out: 200 while the queue takes mail, else 503; why, as JSON. */
function health(answer: QueueAnswer): HttpPage {
  const queue = answer.ok ? { ok: true } : { ok: false, error: answer.error };
  const body = `${JSON.stringify({ status: answer.ok ? "ok" : "trouble", checks: { queue } })}\n`;
  return { status: answer.ok ? 200 : 503, type: "application/json", body };
}

/** Reasons are counted from the first question on; a house without a log, or with one we may not read, has none. */
function reasonsOf(home: string): () => Promise<string> {
  let counts: ReasonCounts | null = null;
  return async () => {
    const folder = join(home, "log", "queue");
    if (counts === null && !existsSync(join(folder, "current"))) return "";
    try {
      counts ??= new (await import("#analyse/live")).ReasonCounts(folder);
      return reasonExposition(counts.read());
    } catch {
      counts?.close();
      counts = null;
      return ""; // The log is for people; without it the queue's own numbers still stand.
    }
  };
}

async function pageFor(
  path: string,
  ask: () => Promise<QueueAnswer>,
  reasons: () => Promise<string>,
): Promise<HttpPage> {
  if (path !== "/metrics" && path !== "/healthz" && path !== "/health")
    return { status: 404, type: plain, body: "try /metrics or /health\n" };
  const answer = await ask();
  if (path === "/health") return health(answer);
  if (path === "/healthz") {
    return answer.ok
      ? { status: 200, type: plain, body: "ok\n" }
      : { status: 503, type: plain, body: `${answer.error}\n` };
  }
  const { ok: _ok, ...facts } = answer;
  return {
    status: 200,
    type: "text/plain; version=0.0.4; charset=utf-8",
    body: exposition(answer.ok ? facts : null) + (await reasons()),
  };
}

function listen(server: Server, where: { readonly host: string; readonly port: number }): Promise<void> {
  return new Promise((done, failed) => {
    server.once("error", failed);
    server.listen(where, () => {
      server.off("error", failed);
      done();
    });
  });
}

export const serve: Service = async ({ home, options, log }) => {
  const where = parseListen(options.get("listen") ?? defaultListen);
  const ask = freshly(() => askQueue(home, { verb: "metrics" }, answerMs));
  const reasons = reasonsOf(home);
  const page = (path: string): Promise<HttpPage> =>
    pageFor(path, ask, reasons).catch((error: unknown) => {
      log(`alert: metrics: ${error instanceof Error ? error.message : error}`);
      return { status: 500, type: plain, body: "trouble; the log says which\n" };
    });
  const scrapers = new Set<Socket>();
  // Half-open: a scraper may end its side behind the request.
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    scrapers.add(socket);
    socket.once("close", () => scrapers.delete(socket));
    answerHttp(socket, page);
  });
  server.maxConnections = maxConnections;
  await listen(server, where);
  const bound = server.address();
  log(`metrics listening address=${where.host} port=${typeof bound === "object" ? bound?.port : where.port}`);
  return {
    async close() {
      const closed = closeServer(server);
      for (const socket of scrapers) socket.destroy();
      await closed;
    },
  } satisfies RunningService;
};
