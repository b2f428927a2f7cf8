import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { PassThrough, Readable, Writable } from "node:stream";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { multiCallPath, type Program, runInProcess } from "#process";
import { columnt, matchup, mlmatchup, reportProgram, xqp, xrecipient, xsender, zsendmail } from "./testing.ts";

const programs: Readonly<Record<string, Program>> = {
  columnt,
  matchup,
  mlmatchup,
  xqp,
  xrecipient,
  xsender,
  zsendmail,
};
const index = (name: string) => async () => programs[name] ?? reportProgram(name);

const run = async (words: readonly [string, ...string[]], input: string) => {
  const stdin = Readable.from([Buffer.from(input, "latin1")]);
  const ran = await runInProcess(index, words, { env: {}, cwd: "/", stdin });
  return { code: ran?.code, out: ran?.stdout.toString("latin1") ?? "", said: ran?.stderr.toString("latin1") ?? "" };
};

const matched = `d k 100.5 101.0 103.25 2000 <a@x.y> remote.joe@example.com 55 1000 192.0.2.1_accepted_message./
d z 100.5 101.0 161.0 2000 <a@x.y> remote.amy@slow.net 55 1000 Sorry,_I_wasn't_able_to_establish_an_SMTP_connection./
d k 100.5 200.0 201.0 2000 <a@x.y> remote.amy@slow.net 55 1000 192.0.2.9_accepted_message./
d d 300.0 300.1 300.4 500 <> local.bob@here.org 77 0 Sorry,_no_mailbox_here_by_that_name./
m 100.5 201.1 2000 2 0 1 <a@x.y> 55 1000
m 300.0 300.5 500 0 1 0 <> 77 0
`;
const lines = matched.split(/(?<=\n)/);

/** The rows below a report's heading row, blanks between columns squeezed. */
function rowsOf(out: string): readonly string[] {
  const table = out.split("\n\n").at(-1) ?? "";
  return table
    .split("\n")
    .slice(1, -1)
    .map((row) => row.trim().replace(/ {2,}/g, "  "));
}

type Table = readonly [name: string, heading: string, columns: string, rows: readonly string[], ids: string];
const tables: readonly Table[] = [
  [
    "zddist",
    "Distribution of ddelays for successful deliveries",
    "doneby    avg  pct",
    ["2.75  2.75  50", "100.50  51.62  100"],
    "[L-026]",
  ],
  [
    "zdeferrals",
    "Reasons for deferral",
    "del  xdelay  reason",
    ["1  60.00  Sorry, I wasn't able to establish an SMTP connection./"],
    "[L-027]",
  ],
  [
    "zfailures",
    "Reasons for failure",
    "del  xdelay  reason",
    ["1  0.30  Sorry, no mailbox here by that name./"],
    "[L-027]",
  ],
  [
    "zsuccesses",
    "Reasons for success",
    "del  xdelay  reason",
    ["1  1.00  192.0.2.9 accepted message./", "1  2.25  192.0.2.1 accepted message./"],
    "[L-027]",
  ],
  [
    "zrecipients",
    "Recipients",
    "sbytes  mess  tries  xdelay  recipient",
    [
      "0  1  1  0.30  local.bob@here.org",
      "2000  1  1  2.25  remote.joe@example.com",
      "2000  1  2  61.00  remote.amy@slow.net",
    ],
    "[L-028]",
  ],
  [
    "zrhosts",
    "Recipient hosts",
    "sbytes  mess  tries  xdelay  host",
    ["0  1  1  0.30  here.org", "2000  1  1  2.25  example.com", "2000  1  2  61.00  slow.net"],
    "[L-029]",
  ],
  [
    "zrxdelay",
    "Recipients in the best order for mailing lists",
    "  avg  tries  recipient",
    ["0.30  1  local.bob@here.org", "2.25  1  remote.joe@example.com", "30.50  2  remote.amy@slow.net"],
    "[L-030]",
  ],
  [
    "zsenders",
    "Senders",
    "mess  bytes  sbytes  rbytes  recips  tries     xdelay  sender",
    ["1  500  0  500  1  1  0.300000  0/<>", "1  2000  4000  4000  2  3  63.250000  1000/<a@x.y>"],
    "[L-031] [L-034]",
  ],
  [
    "zsuids",
    "Sender uids",
    "mess  bytes  sbytes  rbytes  recips  tries     xdelay  uid",
    ["1  500  0  500  1  1  0.300000  0", "1  2000  4000  4000  2  3  63.250000  1000"],
    "[L-032] [L-034]",
  ],
];
for (const [name, heading, columns, rows, ids] of tables) {
  test(`${name} prints its heading, what the columns mean, and the rows in ascending order ${ids} [L-035] [L-036]`, async () => {
    const { code, out } = await run([name], matched);
    assert.equal(code, 0);
    const parts = out.split("\n\n");
    assert.deepEqual([parts.length, parts[0]], [3, heading]);
    assert.match(parts[1] ?? "", /^(One line per|Meaning of each line)/);
    assert.equal((parts[2] ?? "").split("\n")[0], columns);
    assert.deepEqual(rowsOf(out), rows);
    assert.deepEqual(rowsOf((await run([name, "-r"], matched)).out), rows.toReversed());
    assert.deepEqual(rowsOf((await run([name], "")).out), []);
  });
}

test("zddist leaves out what less than a tenth of the deliveries had reached [L-026]", async () => {
  const one = (n: number) => `d k 0 0 ${n} 1 <> local.a 1 0 x/\n`;
  const { out } = await run(["zddist"], Array.from({ length: 20 }, (_, n) => one(n + 1)).join(""));
  assert.deepEqual(rowsOf(out).slice(0, 2), ["2.00  1.50  10", "3.00  2.00  15"]);
});

test("numbers are rounded as C rounds them: an exact half goes to the even digit", async () => {
  const { out } = await run(
    ["zrhosts"],
    "d k 0 0 0.125 1 <> remote.a@h 1 0 x/\nd k 0 0 0.375 1 <> remote.a@i 1 0 x/\n",
  );
  assert.deepEqual(rowsOf(out), ["1  1  1  0.12  h", "1  1  1  0.38  i"]);
});

test("a recipient without @ is its own host; of several @ the last counts [L-029]", async () => {
  const line = (recipient: string) => `d k 0 1 2 10 <> ${recipient} 1 0 x/\n`;
  const { out } = await run(["zrhosts"], line("local.bob") + line("remote.a@b@c"));
  assert.deepEqual(rowsOf(out), ["10  1  1  1.00  c", "10  1  1  1.00  local.bob"]);
});

test("reports sort by number, not by text, and tell JSON readers the same rows [L-035]", async () => {
  const line = (host: string, seconds: number) => `d k 0 0 ${seconds} 10 <> remote.a@${host} 1 0 x/\n`;
  const log = line("ten", 10) + line("nine", 9) + line("hundred", 100);
  assert.deepEqual(
    rowsOf((await run(["zrhosts"], log)).out).map((row) => row.split("  ").at(-1)),
    ["nine", "ten", "hundred"],
  );
  assert.deepEqual(JSON.parse((await run(["zrhosts", "--json", "-r"], line("ten", 10))).out), [
    { sbytes: 10, mess: 1, tries: 1, xdelay: 10, host: "ten" },
  ]);
});

const overall = `Completed messages: 2
Recipients for completed messages: 3
Total delivery attempts for completed messages: 4
Average delivery attempts per completed message: 2
Bytes in completed messages: 2500
Bytes weighted by success: 4000
Average message qtime (s): 50.55

Total delivery attempts: 4
  success: 2
  failure: 1
  deferral: 1
Total ddelay (s): 103.250000
Average ddelay per success (s): 51.625000
Total xdelay (s): 63.550000
Average xdelay per delivery attempt (s): 15.887500
Time span (days): 0.00231481
Average concurrency: 0.31775
`;

test("zoverall prints its labels and numbers in order [L-024]", async () => {
  const { out } = await run(["zoverall"], matched);
  assert.ok(out.startsWith("Basic statistics\n\nqtime is "));
  assert.ok(out.endsWith(`mailer is.\n\n${overall}`), out);
  assert.equal(JSON.parse((await run(["zoverall", "--json"], matched)).out)["Average concurrency"], 0.31775);
});

test("zoverall leaves out what there is none of [L-025]", async () => {
  const numbers = (out: string) => out.slice(out.indexOf("Completed"));
  assert.equal(numbers((await run(["zoverall"], "")).out), "Completed messages: 0\n\nTotal delivery attempts: 0\n");
  assert.match(
    numbers((await run(["zoverall"], lines.slice(4).join(""))).out),
    /^Completed messages: 2\nRec[\s\S]*qtime \(s\): 50\.55\n\nTotal delivery attempts: 0\n$/,
  );
  const onlyFailure = numbers((await run(["zoverall"], lines[3]!)).out);
  assert.match(onlyFailure, /^Completed messages: 0\n\nTotal delivery attempts: 1\n {2}success: 0\n/);
  assert.doesNotMatch(onlyFailure, /per success/);
});

test("zsendmail writes deliveries and messages as sendmail does, and copies other lines [L-033]", async () => {
  const { out } = await run(["zsendmail"], `${matched}? 4 bounce msg 5 qp 6\n`);
  assert.deepEqual(out.split("\n"), [
    "103.25 qp 55: to=remote.joe@example.com, uid=1000, ddelay=2.750000, xdelay=2.250000, stat=Sent (192.0.2.1_accepted_message./)",
    "161.0 qp 55: to=remote.amy@slow.net, uid=1000, ddelay=60.500000, xdelay=60.000000, stat=Deferred (Sorry,_I_wasn't_able_to_establish_an_SMTP_connection./)",
    "201.0 qp 55: to=remote.amy@slow.net, uid=1000, ddelay=100.500000, xdelay=1.000000, stat=Sent (192.0.2.9_accepted_message./)",
    "300.4 qp 77: to=local.bob@here.org, uid=0, ddelay=0.400000, xdelay=0.300000, stat=Failed (Sorry,_no_mailbox_here_by_that_name./)",
    "201.1 qp 55: from=<a@x.y>, uid=1000, size=2000, nrcpts=2, deferrals=1, qtime=100.600000",
    "300.5 qp 77: from=<>, uid=0, size=500, nrcpts=1, deferrals=0, qtime=0.500000",
    "? 4 bounce msg 5 qp 6",
    "",
  ]);
});

test("xqp keeps the deliveries and the message of one qp [L-020]", async () => {
  assert.equal((await run(["xqp", "77"], `? 1 2 3 4 5 6 7 77\n${matched}`)).out, lines[3]! + lines[5]);
  assert.equal((await run(["xqp", "7"], matched)).out, "");
  assert.deepEqual(await run(["xqp"], matched), { code: 100, out: "", said: "xqp: usage: xqp qp\n" });
});

test("xsender keeps what one sender sent, compared with its brackets and letter by letter [L-021]", async () => {
  assert.equal((await run(["xsender", "a@x.y"], matched)).out, [...lines.slice(0, 3), lines[4]].join(""));
  assert.equal((await run(["xsender", ""], matched)).out, lines[3]! + lines[5]);
  assert.equal((await run(["xsender", "A@X.Y"], matched)).out, "");
  assert.equal((await run(["xsender", "<a@x.y>"], matched)).out, "");
});

test("xrecipient keeps the deliveries to one recipient of one channel [L-022]", async () => {
  assert.equal((await run(["xrecipient", "remote.amy@slow.net"], matched)).out, lines[1]! + lines[2]);
  assert.equal((await run(["xrecipient", "amy@slow.net"], matched)).out, "");
});

const tableRows: readonly (readonly [input: string, output: string])[] = [
  ["a bb ccc\ndddd e f\n\nx\n", "   a  bb  ccc\ndddd   e  f\n\n   x  \n"],
  ["", ""],
  ["\n", "\n"],
  ["a\tbb", "a  bb\n"],
  ["1 x\n200 yyy\n", "  1  x\n200  yyy\n"],
];
test("columnt puts columns below each other, numbers to the right, the last as it is [L-023]", async () => {
  for (const [input, output] of tableRows) assert.equal((await run(["columnt"], input)).out, output);
});

const log = "1.1 info msg 7: bytes 20 from <a@x> qp 55 uid 10\n1.5 starting delivery 3: msg 7 to local joe\n";
const logEnd = "2.25 delivery 3: success: did_1+0+0/\n2.5 end msg 7\n";
const logOut = "d k 1.1 1.5 2.25 20 <a@x> local.joe 55 10 did_1+0+0/\nm 1.1 2.5 20 1 0 0 <a@x> 55 10\n";

async function withPending(name: string, input: string, earlier?: string) {
  const left = new PassThrough();
  const ran = await runInProcess(index, [name], {
    env: {},
    cwd: "/",
    stdin: Readable.from([Buffer.from(input)]),
    inputs: new Map(earlier === undefined ? [] : [[4, Readable.from([Buffer.from(earlier)])]]),
    outputs: new Map([[5, left]]),
  });
  left.end();
  return { code: ran?.code, out: ran?.stdout.toString(), left: await text(left) };
}

test("mlmatchup reads what the last run left on descriptor 4, then the log; the rest goes to descriptor 5 [L-018]", async () => {
  const first = await withPending("mlmatchup", log);
  assert.deepEqual([first.code, first.out], [0, ""]);
  assert.deepEqual(await withPending("mlmatchup", logEnd, first.left), { code: 0, out: logOut, left: "" });
});

test("matchup does not read descriptor 4 [L-018]", async () => {
  assert.equal((await withPending("matchup", logEnd, log)).out, "");
});

const refusing = (): Writable => new Writable({ write: (_bytes, _encoding, done) => done(new Error("no room")) });

test("output, pending lines or input that fail are told of, with exit code 111 [L-016]", async () => {
  const base = { env: {}, cwd: "/" };
  const here = { ...base, stdin: Readable.from([Buffer.from(log)]) };
  const closed = await runInProcess(index, ["matchup"], here);
  assert.deepEqual(
    [closed?.code, closed?.stderr.toString()],
    [111, "matchup: fatal: unable to write fd 5: descriptor not open\n"],
  );
  const full = await runInProcess(index, ["matchup"], {
    ...base,
    stdin: Readable.from([Buffer.from(log)]),
    outputs: new Map([[5, refusing()]]),
  });
  assert.deepEqual([full?.code, full?.stderr.toString()], [111, "matchup: fatal: unable to write fd 5: no room\n"]);
  const stdin = new Readable({
    read() {
      this.destroy(Object.assign(new Error("EIO"), { code: "EIO" }));
    },
  });
  const broken = await runInProcess(index, ["matchup"], { ...base, stdin });
  assert.deepEqual(
    [broken?.code, broken?.stderr.toString()],
    [111, "matchup: fatal: unable to read input: input/output error\n"],
  );
});

test("a full disk behind stdout is 111, as is one behind descriptor 5 [L-016]", {
  skip: existsSync("/dev/full") ? false : "there is no /dev/full",
}, () => {
  const shell = (redirection: string, input: string) =>
    spawnSync("sh", ["-c", `"$0" matchup ${redirection}`, multiCallPath], { input, env: process.env });
  const out = shell(">/dev/full", log + logEnd);
  assert.deepEqual(
    [out.status, out.stderr.toString()],
    [111, "matchup: fatal: unable to write output: out of disk space\n"],
  );
  const pending = shell("5>/dev/full", log);
  assert.deepEqual(
    [pending.status, pending.stderr.toString()],
    [111, "matchup: fatal: unable to write fd 5: out of disk space\n"],
  );
});
