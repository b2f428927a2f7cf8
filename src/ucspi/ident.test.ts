import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import fc from "fast-check";
import { askIdent, identInfo } from "./ident.ts";

const ends = { localIp: "127.0.0.5", localPort: 25, remoteIp: "127.0.0.1", remotePort: 4711 };
const longMs = 60_000;

/** An IDENT server that does this with each question, as it came and from where; its port. */
async function identServer(t: TestContext, answer: (socket: Socket, question: string) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.once("data", (question) => answer(socket, `${socket.remoteAddress}: ${question}`));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

test("IDENT is asked from the connection's own address for its two ports [U-029]", async (t) => {
  let asked = "";
  const port = await identServer(t, (socket, question) => {
    asked = question;
    socket.end("4711, 25 : USERID : UNIX : joe\r\n");
  });
  assert.equal(await askIdent(ends, longMs, port), "joe");
  assert.equal(asked, "127.0.0.5: 4711 , 25\r\n");
});

const answers: readonly (readonly [answer: string, info: string | undefined])[] = [
  ["4711, 25 : USERID : UNIX : jo e\tx\r\n", "joex"],
  ["1,2:USERID:UNIX:a:b:c\n", "a:b:c"],
  ["1,2:USERID:UNIX:\n", ""],
  ["4711, 25 : ERROR : NO-USER\r\n", ""],
  ["\n", ""],
  ["1,2:USERID:UNIX:joe\nmore:than:one:line\n", "joe"],
  ["1,2:USERID:UNIX:jo\0e\n", "jo"],
  ["1,2:USERID:UNIX:joe", undefined],
  ["", undefined],
];

test("blanks of an answer do not count, and what is behind its third colon is the user [U-030]", () => {
  for (const [answer, info] of answers) assert.equal(identInfo(answer), info, JSON.stringify(answer));
});

test("a name of more than 256 octets is cut, one that is an error is empty, not unknown [U-031]", async (t) => {
  assert.equal(identInfo(`1,2:USERID:UNIX:${"x".repeat(300)}\n`), "x".repeat(257));
  // What is known by then is used; more is not waited for.
  const endless = await identServer(t, (socket) => socket.write(`1,2:USERID:UNIX:${"y".repeat(300)}`));
  assert.equal(await askIdent(ends, longMs, endless), "y".repeat(257));
  const refusing = await identServer(t, (socket) => socket.write("4711,25:ERROR:HIDDEN-USER\r\n"));
  assert.equal(await askIdent(ends, longMs, refusing), "");
});

test("an IDENT server that says nothing, hangs up in the middle, or is not there has no answer [U-030]", async (t) => {
  const cut = await identServer(t, (socket) => socket.end("1,2:USERID:UNIX:joe"));
  assert.equal(await askIdent(ends, longMs, cut), null);
  assert.equal(await askIdent(ends, longMs, 1), null);
});

test("the time is for the whole exchange, however little is said how often [U-032]", async (t) => {
  const port = await identServer(t, (socket) => {
    const timer = setInterval(() => socket.write("x"), 50);
    socket.on("close", () => clearInterval(timer));
  });
  const startedAt = performance.now();
  assert.equal(await askIdent(ends, 500, port), null);
  const tookMs = performance.now() - startedAt;
  assert.ok(tookMs >= 490 && tookMs < 25_000, `${tookMs} ms`);
});

test("any octets from an IDENT server are read without trouble, piece by piece as at once", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(..."a:\n\r\t \0é1,") }), (answer) => {
      const info = identInfo(answer);
      assert.ok(info === undefined || (!/[\0\n\r\t ]/.test(info) && info.length <= 257));
      const whole = identInfo(`${answer}\n`);
      assert.ok(whole !== undefined && (info === undefined || info === whole));
    }),
  );
});
