import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { makeResolver, parseServer, type Resolver } from "#dns";
import { startTestDns, type TestZone } from "#dns/testing";
import { askLists, listedName, verdictOfVariable } from "./block-list.ts";
import { rejectSession } from "./reject-session.ts";

const zone: TestZone = {
  "2.0.0.127.black.test": { txt: [["listed, ", "see above"]], a: ["127.0.0.2"] },
  "2.0.0.127.white.test": { a: ["127.0.0.2"] },
  "2.0.0.127.broken.test": { fault: "servfail" },
  "2.0.0.127.odd.test": { txt: [`tab\there ${"x".repeat(240)}`] },
  "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.black.test": { txt: ["six"] },
};

async function withLists<T>(use: (resolver: Resolver, asked: readonly string[]) => Promise<T>): Promise<T> {
  await using dns = await startTestDns(zone);
  const server = parseServer(dns.server);
  assert.ok(server !== null);
  return await use(makeResolver({ servers: () => [server] }), dns.asked);
}

const accept = { kind: "accept" } as const;
const options = (line: string): [string, string][] =>
  line
    .split(" ")
    .filter((word) => word !== "")
    .map((word) => [word.slice(1, 2), word.slice(2)]);

/** The verdict on 127.0.0.2 under these options, and what was asked. */
const verdict = (line: string, ip = "127.0.0.2") =>
  withLists(async (resolver, asked) => ({ verdict: await askLists(ip, options(line), resolver), asked: [...asked] }));

const rejected = (code: 451 | 553, said = "listed, see above") => ({ kind: "reject", code, text: said });

test("-b counts for the lists behind it, not for those before [U-104]", async () => {
  assert.deepEqual((await verdict("-b -rblack.test")).verdict, rejected(553));
  assert.deepEqual((await verdict("-rblack.test -b")).verdict, rejected(451));
  assert.deepEqual((await verdict("-b -B -rblack.test")).verdict, rejected(451));
});

test("a list in whose favour a client is ends the questions [U-105]", async () => {
  const { verdict: said, asked } = await verdict("-rnone.test -awhite.test -rblack.test");
  assert.deepEqual(said, accept);
  assert.deepEqual(
    asked.map((one) => one.replace(/^udp /, "")),
    ["TXT 2.0.0.127.none.test", "A 2.0.0.127.white.test"],
  );
  assert.deepEqual((await verdict("-rblack.test -awhite.test")).verdict, rejected(451));
});

test("a list that cannot be asked lets the client in, behind -c it does not [U-106]", async () => {
  assert.deepEqual((await verdict("-rbroken.test")).verdict, accept);
  assert.deepEqual((await verdict("-c -rbroken.test")).verdict, rejected(451, "temporary RBL lookup error"));
  assert.deepEqual((await verdict("-c -C -rbroken.test")).verdict, accept);
  assert.deepEqual((await verdict("-abroken.test -rblack.test")).verdict, accept);
  assert.deepEqual((await verdict("-c -abroken.test -rblack.test")).verdict, rejected(451));
});

test("behind a list that could not be asked nobody is rejected for good [U-104]", async () => {
  assert.deepEqual((await verdict("-b -rbroken.test -rblack.test")).verdict, rejected(451));
});

test("a list's text is one line of printable ASCII, of 200 octets at most [U-103]", async () => {
  const { verdict: said } = await verdict("-rodd.test");
  assert.deepEqual(said, rejected(451, `tab?here ${"x".repeat(191)}`));
});

test("an IPv6 client is looked up by its nibbles, a mapped one as IPv4 [U-108]", async () => {
  assert.deepEqual((await verdict("-rblack.test", "2001:db8::1")).verdict, rejected(451, "six"));
  assert.deepEqual((await verdict("-rblack.test", "::ffff:127.0.0.2")).verdict, rejected(451));
  assert.equal(listedName("::ffff:1.2.3.4", "Black.Test"), "4.3.2.1.black.test");
});

test("without a list nothing is asked [U-109]", async () => {
  assert.deepEqual(await verdict("-b -c"), { verdict: accept, asked: [] });
});

test("RBLSMTPD decides: empty accepts, a hyphen is for good [U-097] [U-098]", () => {
  assert.deepEqual(verdictOfVariable(""), accept);
  assert.deepEqual(verdictOfVariable("go away"), { kind: "reject", code: 451, text: "go away" });
  assert.deepEqual(verdictOfVariable("-go away"), { kind: "reject", code: 553, text: "go away" });
});

test("the conversation with who is rejected ends when its time is over, whatever the client does [U-101]", async () => {
  const [input, output] = [new PassThrough(), new PassThrough()];
  const talking = setInterval(() => input.write("NOOP\r\n"), 20);
  await rejectSession(input, output, "451 no", 300);
  clearInterval(talking);
  output.end();
  assert.match(await text(output), /^220 rblsmtpd\.local\r\n(?:250 rblsmtpd\.local\r\n)+$/);
});

test("a line without end costs no memory, and its verb still counts [U-100]", async () => {
  const [input, output] = [new PassThrough(), new PassThrough()];
  const over = rejectSession(input, output, "553 no", 60_000);
  input.write(`NOOP ${"x".repeat(50_000)}`);
  input.write("y".repeat(50_000));
  input.end("\r\nRCPT TO:<a>\r\nqUiT\r\n");
  await over;
  output.end();
  assert.equal(await text(output), "220 rblsmtpd.local\r\n250 rblsmtpd.local\r\n553 no\r\n221 rblsmtpd.local\r\n");
});
