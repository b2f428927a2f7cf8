import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { PassThrough } from "node:stream";
import { type TestContext, test } from "node:test";
import { startTestDns } from "#dns/testing";
import { hasSyscalls } from "#files";
import { linkedPrograms } from "../testing/linked-programs.ts";
import { outcome, run, serve, talk, ucspiOf } from "./testing/ucspi-house.ts";

const programs = linkedPrograms(["tcpclient", "recordio", "fixcrio", "mconnect-io"]);

/** A server that sends this to everybody; what it hears is kept. */
async function saying(
  t: TestContext,
  answer: string,
  last = "",
): Promise<{ readonly port: string; readonly heard: () => string }> {
  let heard = "";
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", (chunk) => {
      heard += chunk.toString("latin1");
      if (heard.endsWith(last)) socket.end();
    });
    socket.write(Buffer.from(answer, "latin1"));
    if (last === "") socket.end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  return { port: String((server.address() as AddressInfo).port), heard: () => heard };
}

const client = (...words: readonly string[]) => ["tcpclient", "-RHl", "here", ...words] as const;

test("the empty host, 0, and an address in brackets: this machine [U-077] [U-078]", async (t) => {
  const { port } = await saying(t, "hello\n");
  for (const host of ["", "0", "[127.0.0.1]", "127.0.0.1", "localhost"]) {
    const { code, stdout } = await outcome(t, ["tcpcat", host, port]);
    assert.deepEqual([code, stdout], [0, "hello\n"], host);
  }
});

test("the program reads 6 and writes 7, its own three are as they were, its code is the result [U-079] [U-085]", async (t) => {
  const server = await serve(t, ["-RHl0"], ["cat"]);
  // Asynchronously: the server is in this process.
  const script = "cat >&7; exec 7>&-; head -c 5 <&6; echo aside >&2; exit 9";
  const running = run(
    t,
    [
      "sh",
      "-c",
      `exec "$@"`,
      "sh",
      `${programs.bin}/tcpclient`,
      ...client("127.0.0.1", String(server.port), "sh", "-c", script).slice(1),
    ],
    { stdin: "12345", env: { PATH: programs.path } },
  );
  assert.equal(await running.code, 9);
  assert.deepEqual([running.stdout.text(), running.stderr.text()], ["12345", "aside\n"]);
});

test("all variables of a connection are set, IDENT and names by what is there [U-080] [U-084]", async (t) => {
  const server = await serve(t, ["-RHl0"], ["env"]);
  const words = [
    `${programs.bin}/tcpclient`,
    "-v",
    "-RHl",
    "here",
    "127.0.0.1",
    String(server.port),
    "sh",
    "-c",
    "env; echo; cat <&6",
  ] as const;
  const running = run(t, words, { env: { PATH: programs.path, TCPREMOTEHOST: "old", TCPREMOTEINFO: "old" } });
  assert.equal(await running.code, 0);
  const [ours = "", theirs = ""] = running.stdout.text().split("\n\n");
  const [here, there] = [ucspiOf(ours), ucspiOf(theirs)];
  assert.deepEqual(here, {
    PROTO: "TCP",
    TCPLOCALIP: "127.0.0.1",
    TCPLOCALPORT: there.TCPREMOTEPORT,
    TCPLOCALHOST: "here",
    TCPREMOTEIP: "127.0.0.1",
    TCPREMOTEPORT: String(server.port),
  });
  assert.equal(running.stderr.text(), `tcpclient: connected to 127.0.0.1 port ${server.port}\n`);
});

test("a process of its own becomes the program: the same number, nothing else open [U-079]", {
  skip: !hasSyscalls() && "needs koffi: without it the program is a child",
}, async (t) => {
  const server = await serve(t, ["-RHl0"], ["cat"]);
  const script = "echo $$; ls -l /proc/$$/fd | grep -c socket:";
  const running = run(
    t,
    [
      "sh",
      "-c",
      'echo $$; exec "$@"',
      "sh",
      `${programs.bin}/tcpclient`,
      ...client("127.0.0.1", String(server.port), "sh", "-c", script).slice(1),
    ],
    { env: { PATH: programs.path } },
  );
  assert.equal(await running.code, 0);
  const [before, after, sockets] = running.stdout.text().split("\n");
  assert.equal(before, after);
  // Descriptors 6 and 7; the streams of the test's own are sockets in Node, too.
  assert.ok(Number(sockets) >= 2 && Number(sockets) <= 5, sockets);
});

test("mconnect-io on a connection of tcpclient's puts CRs before line feeds [U-087]", async (t) => {
  const server = await saying(t, "220 hi\r\n", "x\r\n");
  const words = client("127.0.0.1", server.port, "mconnect-io");
  const running = run(t, [`${programs.bin}/tcpclient`, ...words.slice(1)], {
    stdin: "HELO x\n",
    env: { PATH: programs.path },
  });
  assert.deepEqual([await running.code, running.stderr.text()], [0, ""]);
  assert.deepEqual([running.stdout.text(), server.heard()], ["220 hi\r\n", "HELO x\r\n"]);
});

test("mconnect sends what is typed with CRs, and shows what the server says as it is, until that closes [U-087]", async (t) => {
  const server = await saying(t, "220 hi\r\n250 x\n", "\r\r\n");
  const stdin = new PassThrough();
  stdin.write("HELO x\nQUIT\r\n");
  const { code, stdout } = await outcome(t, ["mconnect", "127.0.0.1", server.port], { stdin });
  assert.deepEqual([code, stdout, server.heard()], [0, "220 hi\r\n250 x\n", "HELO x\r\nQUIT\r\r\n"]);
});

test("tcpcat prints what comes as it is [U-087]", async (t) => {
  const { port } = await saying(t, "a\r\n\0\x07\xff");
  assert.equal((await outcome(t, ["tcpcat", "127.0.0.1", port])).stdout, "a\r\n\0\x07\xff");
});

test("http@ asks by HTTP/1.0 for the page of that host, and prints the body alone [U-088]", async (t) => {
  const server = await saying(t, "HTTP/1.0 200 OK\r\nServer: x\r\n\r\n<p>\r\n\r\nend", "\r\n\r\n");
  const { stdout } = await outcome(t, ["http@", "127.0.0.1", "a/b.html", server.port]);
  assert.equal(stdout, "<p>\n\nend");
  assert.equal(server.heard(), `GET /a/b.html HTTP/1.0\r\nHost: 127.0.0.1:${server.port}\r\n\r\n`);
});

test("who@, date@ and finger@ ask their ports, and say so when nobody is there [U-089]", async (t) => {
  for (const [name, port] of [
    ["who@", 11],
    ["date@", 13],
    ["finger@", 79],
  ] as const) {
    const { code, stderr } = await outcome(t, [name, "127.77.0.1"]);
    assert.deepEqual(
      [code, stderr],
      [0, `tcpclient: unable to connect to 127.77.0.1 port ${port}: connection refused\n`],
    );
  }
});

test("a server's chain of ours records what its program reads and writes, under the connection's number [U-093]", async (t) => {
  const server = await serve(t, ["-v", "-RHl0"], ["recordio", "fixcrio", "cat"]);
  assert.equal(await talk(server.port, "a\nb"), "a\r\nb");
  const [, pid] = await server.stderr.until(/end (\d+) status 0\n/);
  // The chain's only process is cat; its number is in the log, as with the original.
  assert.match(server.stderr.text(), /^\d+ < a \n\d+ < b\+\n/m);
  assert.match(server.stderr.text(), /^\d+ > \[EOF\]\n/m);
  assert.ok(Number(pid) > 2 ** 22);
});

test("rblsmtpd without a client's address asks nobody and goes on, with one it asks and rejects [U-107] [U-102]", async (t) => {
  const dns = await startTestDns({ "2.0.0.127.black.test": { txt: ["listed"] } });
  t.after(() => dns.close());
  const env = { DNSCACHEIP: dns.server };
  const words = ["rblsmtpd", "-rblack.test", "-t0", "echo", "served"] as const;
  assert.deepEqual(await outcome(t, words, { env }), { code: 0, stdout: "served\n", stderr: "" });
  assert.deepEqual(dns.asked, []);
  const listed = await outcome(t, words, { env: { ...env, TCPREMOTEIP: "127.0.0.2" } });
  assert.deepEqual([listed.code, listed.stdout], [0, "451 listed\r\n"]);
  assert.equal(listed.stderr, `rblsmtpd: 127.0.0.2 pid ${process.pid}: 451 listed\n`);
});
