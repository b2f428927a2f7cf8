import assert from "node:assert/strict";
import { appendFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { closeServer, listenUnix } from "#net";
import { serve } from "./metrics.ts";

/** The metrics service of a home whose queue service gives this answer; null: it is not running. */
async function metricsHouse(t: TestContext, answer: object | null) {
  const home = mkdtempSync(join(tmpdir(), "quail-metrics-"));
  mkdirSync(join(home, "run"));
  let asked = 0;
  const queue =
    answer === null
      ? null
      : await listenUnix(join(home, "run", "queue-admin"), (socket) => {
          socket.on("error", () => {});
          socket.once("data", (request) => {
            asked++;
            assert.equal(request.toString(), '{"verb":"metrics"}\n');
            socket.write(`${JSON.stringify(answer)}\n`);
          });
        });
  const lines: string[] = [];
  const service = await serve({ home, options: new Map([["listen", "127.0.0.1:0"]]), log: (line) => lines.push(line) });
  t.after(async () => {
    await service.close();
    if (queue !== null) await closeServer(queue);
    rmSync(home, { recursive: true });
  });
  const port = Number(/port=([0-9]+)/.exec(lines[0] ?? "")?.[1]);
  const get = async (path: string, method = "GET") => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { method, signal: AbortSignal.timeout(10_000) });
    return { status: response.status, type: response.headers.get("content-type"), body: await response.text() };
  };
  return { home, port, get, asked: () => asked };
}

const answer = {
  ok: true,
  messages_accepted_total: 12,
  deliveries_total: { local: { done: 5, temporary: 1, permanent: 0 }, remote: { done: 4, temporary: 2, permanent: 1 } },
  queue: { messages: 3, local: 1, remote: 4, held: 0 },
  courier_ceiling: { local: 120, remote: 0 },
  news_total: { odd: 1 },
};

test("the queue's numbers are told as Prometheus reads them, one question for many readers", async (t) => {
  const house = await metricsHouse(t, answer);
  const { status, type, body } = await house.get("/metrics");
  assert.deepEqual([status, type], [200, "text/plain; version=0.0.4; charset=utf-8"]);
  assert.equal(
    body,
    `# HELP quail_up Whether the queue service answers.
# TYPE quail_up gauge
quail_up 1
# HELP quail_messages_accepted_total Messages taken into the queue.
# TYPE quail_messages_accepted_total counter
quail_messages_accepted_total 12
# HELP quail_deliveries_total Delivery attempts that ended.
# TYPE quail_deliveries_total counter
quail_deliveries_total{channel="local",result="success"} 5
quail_deliveries_total{channel="local",result="deferral"} 1
quail_deliveries_total{channel="local",result="failure"} 0
quail_deliveries_total{channel="remote",result="success"} 4
quail_deliveries_total{channel="remote",result="deferral"} 2
quail_deliveries_total{channel="remote",result="failure"} 1
# HELP quail_queue What is in the queue: messages, and recipients by state.
# TYPE quail_queue gauge
quail_queue{what="messages"} 3
quail_queue{what="local"} 1
quail_queue{what="remote"} 4
quail_queue{what="held"} 0
# HELP quail_delivery_slots Delivery attempts the couriers would take at once.
# TYPE quail_delivery_slots gauge
quail_delivery_slots{channel="local"} 120
quail_delivery_slots{channel="remote"} 0
# HELP quail_news_total As the queue service reports it.
# TYPE quail_news_total counter
quail_news_total{kind="odd"} 1
`,
  );
  assert.deepEqual(await house.get("/healthz"), { status: 200, type: "text/plain; charset=utf-8", body: "ok\n" });
  assert.deepEqual(await house.get("/health"), {
    status: 200,
    type: "application/json",
    body: '{"status":"ok","checks":{"queue":{"ok":true}}}\n',
  });
  assert.equal(house.asked(), 1);
});

test("without the queue service health fails and the metrics say so", async (t) => {
  const house = await metricsHouse(t, null);
  assert.deepEqual(await house.get("/healthz"), {
    status: 503,
    type: "text/plain; charset=utf-8",
    body: "the queue service is not running\n",
  });
  const { status, body } = await house.get("/health");
  assert.equal(status, 503);
  assert.deepEqual(JSON.parse(body), {
    status: "trouble",
    checks: { queue: { ok: false, error: "the queue service is not running" } },
  });
  assert.match((await house.get("/metrics")).body, /^quail_up 0\n$/m);
});

test("only GET and HEAD of two pages are served, with small headers", async (t) => {
  const house = await metricsHouse(t, answer);
  assert.equal((await house.get("/")).status, 404);
  assert.equal((await house.get("/metrics", "DELETE")).status, 405);
  assert.deepEqual(await house.get("/metrics", "HEAD").then(({ status, body }) => [status, body]), [200, ""]);
  const socket = connect(house.port, "127.0.0.1");
  socket.on("error", () => {}); // The server may reset what it does not want to read.
  socket.write(`GET /metrics HTTP/1.1\r\nHost: x\r\nX: ${"y".repeat(20_000)}\r\n\r\n`);
  assert.match(await text(socket).catch(() => "HTTP/1.1 431"), /^HTTP\/1\.1 431/);
});

test("metrics listens on loopback only", async () => {
  const refuse = (listen: string) =>
    serve({ home: "/nonexistent", options: new Map([["listen", listen]]), log: () => {} });
  await assert.rejects(refuse("0.0.0.0:0"), /not a loopback address/);
  await assert.rejects(refuse("[::]:0"), /not a loopback address/);
  await assert.rejects(refuse("localhost:0"), /no address and port/);
});

test("a request line that is none gets 400, a request in pieces is put together, its body is not waited for", async (t) => {
  const house = await metricsHouse(t, answer);
  const say = async (...pieces: readonly string[]): Promise<string> => {
    const socket = connect(house.port, "127.0.0.1");
    for (const piece of pieces) {
      socket.write(piece);
      await new Promise((next) => setTimeout(next, 20));
    }
    return text(socket);
  };
  for (const line of ["GET", "get / HTTP/1.1", "GET / HTTP/2", "GET http://x/ HTTP/1.1", "GET /\x01 HTTP/1.1", "\0"]) {
    assert.match(await say(`${line}\r\n\r\n`), /^HTTP\/1\.1 400 /, line);
  }
  assert.match(await say("GET /heal", "thz?x=1 HTTP/1.0\r", "\n\r\n"), /^HTTP\/1\.1 200 OK\r\n.*\r\n\r\nok\n$/s);
  assert.match(
    await say("POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n", "x"),
    /^HTTP\/1\.1 405 .*Allow: GET, HEAD\r\n/s,
  );
});

test("deliveries are counted by result and kind of reason out of the queue's log, across rotation [L-056]", async (t) => {
  const house = await metricsHouse(t, { ok: true });
  const folder = join(house.home, "log", "queue");
  mkdirSync(folder, { recursive: true });
  const log = join(folder, "current");
  const delivery = (number: number, how: string): string =>
    `@400000003d6387281f8fa4ac starting delivery ${number}: msg 1 to remote a@b\n@400000003d6387281f8fa4ac delivery ${number}: ${how}/\n`;
  writeFileSync(log, delivery(1, "success: before_anybody_asked"));
  const reasons = async () =>
    (await house.get("/metrics")).body.split("\n").filter((line) => line.startsWith("quail_delivery_reasons_total"));
  assert.deepEqual(await reasons(), []);
  appendFileSync(log, delivery(2, "success: x") + delivery(3, "deferral: (#4.4.1)"));
  renameSync(log, join(folder, "@400000003d6387281f8fa4ac.s"));
  writeFileSync(log, delivery(4, "deferral: (#4.4.2)") + delivery(5, "failure: User_unknown_(#5.1.1)"));
  assert.deepEqual(await reasons(), [
    'quail_delivery_reasons_total{result="deferral",reason="connection"} 2',
    'quail_delivery_reasons_total{result="failure",reason="mailbox"} 1',
    'quail_delivery_reasons_total{result="success",reason=""} 1',
  ]);
});
