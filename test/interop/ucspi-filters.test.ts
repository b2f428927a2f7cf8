/**
 * The filters and wrappers of ucspi-tcp beside Debian's: the same octets, the same complaints, the same exit codes. Each of ours is a
 * process of its own here, as an admin types it.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { hasSyscalls } from "#files";
import { type Ended, linkedPrograms } from "../../src/programs/testing/linked-programs.ts";

const names = ["addcr", "delcr", "fixcrio", "recordio", "argv0", "rblsmtpd", "tcprules", "tcprulescheck", "tcpclient"];
const programs = linkedPrograms(names);
const skip = !existsSync("/usr/bin/recordio") && "Debian's ucspi-tcp is not installed";

type Words = readonly [string, ...string[]];

/** Ours and theirs, with process numbers (which differ) left out. */
function both(words: Words, input = "", env: NodeJS.ProcessEnv = {}): readonly [Ended, Ended | null] {
  const bare = (ended: Ended): Ended => ({ ...ended, err: ended.err.replace(/\b\d+( [<>] |: )/g, "PID$1") });
  const theirs = programs.original(words, input, env);
  return [bare(programs.run(words, input, env)), theirs === null ? null : bare(theirs)];
}

const rows: readonly (readonly [id: string, words: Words, input?: string, env?: NodeJS.ProcessEnv])[] = [
  ["U-090", ["addcr"], "a\nb\r\nc\0\n\n\r\rlast"],
  ["U-091", ["delcr"], "a\r\nb\r\r\nc\rd\ne\0\r\n\r\n\r"],
  ["U-092", ["fixcrio", "cat"], "a\nb\r\nc\r"],
  ["U-092", ["fixcrio"]],
  ["U-092", ["fixcrio", "/no/such"]],
  ["U-094", ["fixcrio", "sh", "-c", "cat >/dev/null; exit 3"], "x"],
  ["U-093", ["recordio"]],
  ["U-093", ["recordio", "sh", "-c", "cat; exit 7"], ""],
  ["U-095", ["argv0", "/bin/sh", "other", "-c", "echo $0 $1", "x", "y"]],
  ["U-095", ["argv0", "sh", "other", "-c", "exit 9"]],
  ["U-096", ["argv0"]],
  ["U-096", ["argv0", "sh"]],
  ["U-095", ["argv0", "/no/such", "x"]],
  ["U-097", ["rblsmtpd", "sh", "-c", "echo served $0"], "", { RBLSMTPD: "", TCPREMOTEIP: "127.0.0.2" }],
  ["U-097", ["rblsmtpd", "/no/such"], "", { RBLSMTPD: "" }],
  ["U-097", ["rblsmtpd"], "", { RBLSMTPD: "no" }],
  ["U-097", ["rblsmtpd", "-z", "true"], "", { RBLSMTPD: "no" }],
  ["U-099", ["rblsmtpd", "-t0", "true"], "HELO", { RBLSMTPD: "-go away", TCPREMOTEIP: "1.2.3.4" }],
  [
    "U-100",
    ["rblsmtpd", "true"],
    "HELO x\r\neHlo\nMAIL FROM:<>\r\nRCPT TO:<x>\r\nDATA\r\nRSET\r\nnoop\nVRFY x\n\nfoo\n quit\nQUIT now\r\nmore\n",
    { RBLSMTPD: "listed", TCPREMOTEIP: "1.2.3.4" },
  ],
  ["U-102", ["rblsmtpd", "true"], "HELO", { RBLSMTPD: "-listed", TCPREMOTEIP: "1.2.3.4" }],
  ["U-103", ["rblsmtpd", "true"], "rcpt\nquit\n", { RBLSMTPD: `tab\there\u00e9${"x".repeat(250)}` }],
  ["U-074", ["tcpclient", "0"]],
  ["U-074", ["tcpclient", "-z"]],
  ["U-075", ["tcpclient", "-RHl0", "127.0.0.1", "1", "true"]],
  ["U-076", ["tcpclient", "-qRHl0", "127.0.0.1", "1", "true"]],
  ["U-076", ["tcpclient", "-q"]],
  ["U-003", ["tcpclient", "-RHl0", "127.0.0.1", "no-such-service", "true"]],
];

test("filters and wrappers say and do what Debian's do [U-074] [U-075] [U-076] [U-090] [U-091] [U-095] [U-096] [U-097] [U-099] [U-100] [U-102] [U-103]", {
  skip,
}, () => {
  for (const [id, words, input, env] of rows) {
    const [ours, theirs] = both(words, input, env);
    assert.deepEqual(ours, theirs, `[${id}] ${words.join(" ")}`);
  }
});

/** What recordio logs for input that comes in these pieces, with `<` and `>` apart: their order is the scheduler's. */
async function recorded(file: string, pieces: readonly string[]): Promise<readonly [string, string, string]> {
  const child = spawn(file, ["cat"], { env: { PATH: process.env.PATH } });
  const [out, err] = [text(child.stdout), text(child.stderr)];
  let expected = 0;
  for (const piece of pieces) {
    const echoed = new Promise<void>((done) => {
      let seen = 0;
      expected = Buffer.byteLength(piece, "latin1");
      child.stdout.on("data", (chunk: Buffer) => (seen += chunk.length) >= expected && done());
    });
    child.stdin.write(piece, "latin1");
    await echoed;
  }
  child.stdin.end();
  const log = (await err).replaceAll(String(child.pid), "PID");
  const lines = (mark: string): string =>
    log
      .split("\n")
      .filter((line) => line.startsWith(`PID ${mark}`))
      .join("\n");
  return [await out, lines("<"), lines(">")];
}

test("recordio logs what passes, each way, under the program's number, as Debian's does [U-093] [U-094]", {
  skip: skip || (!hasSyscalls() && "needs koffi: without it the program is a child"),
}, async () => {
  const pieces = ["one\ntwo\nthr", "ee\n", `${"x".repeat(600)}\nab`, "\0c\n\n", "y".repeat(256)];
  const [ours, theirs] = await Promise.all([
    recorded(`${programs.bin}/recordio`, pieces),
    recorded("/usr/bin/recordio", pieces),
  ]);
  assert.deepEqual(ours, theirs);
});
