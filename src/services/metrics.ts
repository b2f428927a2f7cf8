/**
 * The metrics service: `GET /metrics` for Prometheus and `GET /healthz` for whoever restarts machines. Asks the queue service over
 * `run/queue-admin`; reads and writes no file. Listens on loopback only: numbers tell who writes to whom how often.
 *
 * Option: `listen=127.0.0.1:2595` (the default), or `listen=[::1]:2595`.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { isIP } from "node:net";
import { askQueue, exposition, type QueueAnswer } from "#operate";
import type { RunningService, Service } from "./service.ts";

const defaultListen = "127.0.0.1:2595";
/** A scraper's request is a few hundred bytes and comes at once. */
const maxHeaderBytes = 8 * 1024;
const requestMs = 5_000;
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

type Page = { readonly status: number; readonly type: string; readonly body: string };
const plain = "text/plain; charset=utf-8";

async function pageFor(request: IncomingMessage, ask: () => Promise<QueueAnswer>): Promise<Page> {
  if (request.method !== "GET" && request.method !== "HEAD") return { status: 405, type: plain, body: "GET only\n" };
  const path = (request.url ?? "").split("?")[0];
  if (path !== "/metrics" && path !== "/healthz")
    return { status: 404, type: plain, body: "try /metrics or /healthz\n" };
  const answer = await ask();
  if (path === "/healthz") {
    return answer.ok
      ? { status: 200, type: plain, body: "ok\n" }
      : { status: 503, type: plain, body: `${answer.error}\n` };
  }
  const { ok: _ok, ...facts } = answer;
  return { status: 200, type: "text/plain; version=0.0.4; charset=utf-8", body: exposition(answer.ok ? facts : null) };
}

function respond(response: ServerResponse, request: IncomingMessage, page: Page): void {
  const headers = {
    "Content-Type": page.type,
    "Content-Length": Buffer.byteLength(page.body),
    "Cache-Control": "no-store",
  };
  // A body nobody asked for is not read: the connection goes.
  response.writeHead(
    page.status,
    page.status === 405 ? { ...headers, Allow: "GET, HEAD", Connection: "close" } : headers,
  );
  response.end(request.method === "HEAD" ? undefined : page.body);
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
  const server = createServer(
    {
      maxHeaderSize: maxHeaderBytes,
      headersTimeout: requestMs,
      requestTimeout: requestMs,
      keepAliveTimeout: requestMs,
    },
    (request, response) => {
      pageFor(request, ask).then(
        (page) => respond(response, request, page),
        (error: unknown) => {
          log(`alert: metrics: ${error instanceof Error ? error.message : error}`);
          respond(response, request, { status: 500, type: plain, body: "trouble; the log says which\n" });
        },
      );
    },
  );
  server.maxConnections = maxConnections;
  await listen(server, where);
  const bound = server.address();
  log(`metrics listening address=${where.host} port=${typeof bound === "object" ? bound?.port : where.port}`);
  return {
    async close() {
      const closed = new Promise<void>((done) => server.close(() => done()));
      server.closeAllConnections();
      await closed;
    },
  } satisfies RunningService;
};
