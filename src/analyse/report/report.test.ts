import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import fc from "fast-check";
import { bar, grouped, sparkline } from "../draw/blocks.ts";
import { niceMax } from "../draw/charts.ts";
import { drawPage, drawTerminal, LogReport, summarize } from "../index.ts";
import { LineSplitter } from "../line-splitter.ts";
import { logLines, luckOf } from "../testing.ts";
import { Latencies } from "./latencies.ts";
import { TimeSeries } from "./time-series.ts";
import { TopTable } from "./top-table.ts";

/** Gives a report all lines of a text. */
function read(report: LogReport, text: string): void {
  const splitter = new LineSplitter(report.line.bind(report));
  splitter.push(Buffer.from(text, "latin1"));
}

function reportOn(text: string, window?: ConstructorParameters<typeof LogReport>[0]) {
  const report = new LogReport(window);
  read(report, text);
  report.endOfLog();
  return summarize(report, { files: 1, bytes: text.length }, 10);
}

const base = 1_700_000_000;
const log = `${base}.0 running
${base}.1 new msg 7
${base}.1 info msg 7: bytes 2000 from <a@x.y> qp 7 uid 1000
${base}.1 starting delivery 1: msg 7 to remote joe@example.com
${base}.1 starting delivery 2: msg 7 to remote amy@slow.net
${base}.1 starting delivery 3: msg 7 to local bob@here.org
${base}.1 status: local 1/10 remote 2/20
${base}.6 delivery 1: success: 192.0.2.1_accepted_message._TLS_1.3_TLS_AES_256_GCM_SHA384/Remote_host_said:_250_ok/
${base}.6 delivery 3: failure: Sorry,_no_mailbox_here_by_that_name._(#5.1.1)/
${base + 60}.1 delivery 2: deferral: Sorry,_I_wasn't_able_to_establish_an_SMTP_connection._(#4.4.1)/
${base + 460}.1 starting delivery 4: msg 7 to remote amy@slow.net
${base + 462}.1 delivery 4: success: 2001:db8::9_accepted_message./
${base + 462}.1 bounce msg 7 qp 8
${base + 462}.1 end msg 7
${base + 462}.2 new msg 8
${base + 462}.2 info msg 8: bytes 900 from <> qp 8 uid 1000
${base + 463}.0 warning: unable to open queue/mess/17; will try again later
${base + 464}.0 warning: unable to open queue/mess/18; will try again later
${base + 464}.1 smtpd accept id=a-1 ip=192.0.2.9 helo=x from=a@x.y to=joe@example.com recipients=3 bytes=2000 qp=7
${base + 464}.2 smtpd reject id=a-1 ip=192.0.2.9 reason=rcpthosts code=553 from=a@x.y to=z@z
${base + 464}.3 smtpd session id=a-1 ip=192.0.2.9 helo=x accepted=1 rejected=1 bytes=2000 seconds=0.200 end=quit
${base + 464}.4 smtpd refuse ip=192.0.2.66 reason=rules
${base + 465}.1 pop3d login session=1 ip=192.0.2.3 user=joe tls=1
${base + 465}.2 pop3d login refused session=2 ip=192.0.2.66 user=root reason=wrong
${base + 465}.3 pop3 session end session=1 user=joe ip=192.0.2.3 tls=1 how=quit messages=4 retr=3 retr-bytes=99 top=0 top-bytes=0 deleted=2 ms=30
${base + 465}.4 pop3d session end session=1 ip=192.0.2.3 user=joe tls=1 how=quit bytes-in=9 bytes-out=1234 ms=30
${base + 465}.5 pop3d refuse ip=192.0.2.66 reason=full
no stamp here
`;

test("one pass over mixed logs counts messages, deliveries, delays, reasons, and who is behind them", () => {
  const { mail, source, span } = reportOn(log);
  assert.deepEqual([source.lines, source.unstampedLines, source.otherLines], [28, 1, 0]);
  assert.deepEqual([span?.from, span?.seconds], [base, 465.5]);
  assert.deepEqual(mail.messages, {
    new: 2,
    finished: 1,
    bytes: 2000,
    unfinished: 1,
    bounces: 1,
    tripleBounces: 0,
    delayNotices: 0,
  });
  const { averageAtOnce: _, ...deliveries } = mail.deliveries;
  assert.deepEqual(deliveries, { attempts: 4, success: 2, deferral: 1, failure: 1, mostAtOnce: 3 });
  assert.deepEqual(
    mail.hosts.map(({ name, success, deferral, failure, bytes, xdelay }) => [
      name,
      success,
      deferral,
      failure,
      bytes,
      xdelay,
    ]),
    [
      ["slow.net", 1, 1, 0, 2000, 62],
      ["example.com", 1, 0, 0, 2000, 0.5],
      ["here.org", 0, 0, 1, 0, 0.5],
    ],
  );
  assert.deepEqual(
    mail.senders.map(({ name, success, failure }) => [name, success, failure]),
    [["a@x.y", 2, 1]],
  );
  assert.equal(mail.recipients[0]?.name, "amy@slow.net");
  assert.deepEqual(
    mail.deferralClasses.map((row) => [row.class, row.count]),
    [["connection", 1]],
  );
  assert.deepEqual(mail.failures, [{ name: "Sorry, no mailbox here by that name. (#5.1.1)", count: 1 }]);
  assert.deepEqual([mail.delay.count, mail.delay.max], [2, 462]);
});

test("a report tells IPv4 from IPv6 and counts TLS versions out of the reports of success [L-057]", () => {
  assert.deepEqual(reportOn(log).mail.remote, { ipv4: 1, ipv6: 1, tls: { "1.3": 1 } });
});

test("sessions, refusals and logins of our own servers are counted, with their reasons", () => {
  const { smtp, pop3 } = reportOn(log);
  assert.deepEqual(
    [smtp.sessions, smtp.accepted, smtp.acceptedBytes, smtp.acceptedRecipients, smtp.rejected, smtp.refused],
    [1, 1, 2000, 3, 1, 1],
  );
  assert.deepEqual(
    [smtp.rejectReasons, smtp.refuseReasons, smtp.ends].map(([row]) => row?.name),
    ["rcpthosts", "rules", "quit"],
  );
  assert.deepEqual(smtp.clients[0], { name: "192.0.2.9", sessions: 1, accepted: 1, rejected: 1, refused: 0 });
  const { loginReasons, refuseReasons, users, refusedClients, ...counts } = pop3;
  assert.deepEqual(counts, {
    logins: 1,
    loginsRefused: 1,
    refused: 1,
    sessions: 1,
    bytesOut: 1234,
    retrieved: 3,
    deleted: 2,
  });
  assert.deepEqual(
    [loginReasons, refuseReasons, users, refusedClients].map(([row]) => row?.name),
    ["wrong", "full", "joe", "192.0.2.66"],
  );
});

test("warnings that differ in numbers alone are one line, with the last of them", () => {
  assert.deepEqual(reportOn(log).troubles, [
    { text: "warning: unable to open queue/mess/18; will try again later", count: 2, last: base + 464 },
  ]);
});

test("only what ended in the asked time counts, with what is known of it from before", () => {
  const { mail, smtp, span } = reportOn(log, { since: base + 400, until: base + 463 });
  assert.deepEqual([mail.deliveries.attempts, mail.messages.new, mail.messages.finished], [1, 1, 1]);
  assert.equal(mail.senders[0]?.name, "a@x.y");
  assert.deepEqual([mail.delay.max, smtp.sessions, span?.from], [462, 0, base + 460.1]);
});

test("unfinished messages are kept up to a bound, the oldest are forgotten, and that is told", () => {
  const report = new LogReport(undefined, 1000);
  for (let n = 0; n < 20_000; n++) {
    read(
      report,
      `${base}.1 info msg ${n}: bytes 5 from <s${n}@x.y> qp 1 uid 0\n${base}.1 starting delivery ${n}: msg ${n} to local a@h\n`,
    );
  }
  read(report, `${base + 1}.1 delivery 19999: success: x/\n${base + 1}.1 delivery 1: success: x/\n`);
  report.endOfLog();
  assert.ok(report.mail.unfinishedMessages <= 1000 && report.mail.unfinishedMessages >= 875);
  assert.ok(report.forgottenEntries >= 38_000);
  const summary = summarize(report, { files: 1, bytes: 1 }, 3);
  assert.deepEqual([summary.mail.deliveries.success, summary.mail.senders[0]?.name], [1, "s19999@x.y"]);
  assert.match(drawTerminal(summary, { width: 80, colours: false }), /note: 3[0-9] [0-9]{3} unfinished messages/);
});

test("of an address, a reason or a warning without end only a part is kept", () => {
  const long = "x".repeat(500_000);
  const summary = reportOn(
    `${base}.1 info msg 7: bytes 5 from <${long}@x.y> qp 7 uid 0\n${base}.1 starting delivery 1: msg 7 to local ${long}\n` +
      `${base}.2 delivery 1: deferral: ${long}/\n${base}.3 warning: ${long}\n${base}.4 smtpd session ip=${long}\n`,
  );
  assert.deepEqual([summary.mail.deliveries.deferral, summary.smtp.sessions], [1, 1]);
  assert.ok(JSON.stringify(summary).length < 50_000);
});

const folder = mkdtempSync(join(tmpdir(), "quail-report-"));
after(() => rmSync(folder, { recursive: true }));
const quail = (args: readonly string[], more: { input?: string; heapMiB?: number; env?: NodeJS.ProcessEnv } = {}) =>
  spawnSync(
    process.execPath,
    [
      ...(more.heapMiB === undefined ? [] : [`--max-old-space-size=${more.heapMiB}`]),
      join(import.meta.dirname, "../../../bin/quail.mjs"),
      "quail",
      "report",
      ...args,
    ],
    { input: more.input ?? "", env: { ...process.env, ...more.env }, maxBuffer: 1 << 26, timeout: 120_000 },
  );

test("a log of unfinished messages larger than the memory we give it is read to its end", () => {
  const path = join(folder, "unfinished");
  const parts: string[] = [];
  for (let n = 0; n < 60_000; n++) {
    const who = `${n}@${"a-domain-with-a-name-of-some-length.".repeat(6)}example`;
    parts.push(
      `${base}.5 info msg ${n}: bytes 5 from <${who}> qp ${n} uid 0\n${base}.6 starting delivery ${n}: msg ${n} to remote ${who}\n`,
    );
    parts.push(`${base}.7 delivery ${n}: deferral: ${who}_said_451_no/\n`);
  }
  writeFileSync(path, parts.join(""));
  const { status, stdout, stderr } = quail(["--json", path], { heapMiB: 96 });
  assert.deepEqual([status, stderr.toString()], [0, ""]);
  const summary = JSON.parse(stdout.toString());
  assert.deepEqual([summary.source.lines, summary.mail.deliveries.deferral], [180_000, 60_000]);
});

test("folders with rotated files are read oldest first, loose files in the order given, standard input as -", () => {
  const queue = join(folder, "home", "log", "queue");
  mkdirSync(queue, { recursive: true });
  const lines = log.split(/(?<=\n)/);
  writeFileSync(join(queue, "@400000006553f10a00000000.s"), lines.slice(0, 5).join(""));
  writeFileSync(join(queue, "@400000006553f10b00000000.s"), lines.slice(5, 9).join(""));
  writeFileSync(join(queue, "current"), lines.slice(9).join(""));
  writeFileSync(join(queue, "lock"), "not a log");
  const mail = (args: readonly string[], input?: string) => {
    const { stdout, stderr } = quail(["--json", ...args], {
      env: { QUAIL_HOME: join(folder, "home") },
      ...(input === undefined ? {} : { input }),
    });
    assert.equal(stderr.toString(), "");
    return JSON.parse(stdout.toString()).mail;
  };
  const whole = reportOn(log).mail;
  assert.deepEqual(mail([]), JSON.parse(JSON.stringify(whole)));
  assert.deepEqual(mail([queue]), mail([]));
  assert.deepEqual(mail(["-"], log), mail([]));
  const [first, second, current] = ["@400000006553f10a00000000.s", "@400000006553f10b00000000.s", "current"].map(
    (name) => join(queue, name),
  );
  assert.deepEqual(mail([first!, second!, current!]), mail([]));
});

test("wrong words are refused with the usage, a missing file is 111, an empty log is 1", () => {
  const said = (args: readonly string[]) => {
    const { status, stderr } = quail(args);
    return [status, stderr.toString().split("\n")[0]];
  };
  assert.deepEqual(said(["--since", "yesterday-ish", "-"]), [100, "quail report: --since yesterday-ish is no time"]);
  assert.deepEqual(said(["--top", "0", "-"]), [100, "quail report: --top wants a number from 1 to 1000"]);
  assert.deepEqual(said(["/nowhere/at/all"]), [111, "quail report: fatal: file does not exist"]);
  assert.deepEqual(said(["-"]), [1, ""]);
});

/** Lines of a drawn report without colours. */
const drawn = (text: string, width: number) => drawTerminal(reportOn(text), { width, colours: false }).split("\n");

test("on a terminal no line is wider than it, and bars begin and end below each other", () => {
  const text = `${[...logLines(3000, luckOf(1))].join("\n")}\n${log}`;
  for (const width of [80, 100, 120]) {
    const lines = drawn(text, width);
    for (const line of lines.filter((each) => !each.startsWith("note"))) {
      assert.ok(line.length <= Math.min(width, 110), `${width}: ${line}`);
    }
    const bars = lines.filter((line) => /^ {2}(up to|longer)/.test(line));
    assert.ok(bars.length > 6);
    assert.deepEqual([...new Set(bars.map((line) => line.length))], [Math.min(width, 110)]);
  }
});

test("colours are for terminals only", () => {
  const coloured = drawTerminal(reportOn(log), { width: 80, colours: true });
  const plain = drawTerminal(reportOn(log), { width: 80, colours: false });
  assert.match(coloured, /\x1b\[32m/);
  assert.doesNotMatch(plain, /\x1b/);
  assert.equal(coloured.replace(/\x1b\[[0-9]+m/g, "").replace(/ +$/gm, ""), plain);
  assert.doesNotMatch(quail(["-"], { input: log }).stdout.toString(), /\x1b/);
});

test("the report of a small log is drawn as in the golden file", () => {
  const zone = process.env.TZ;
  process.env.TZ = "UTC";
  try {
    const golden = readFileSync(join(import.meta.dirname, "report.golden.txt"), "utf8");
    assert.equal(drawTerminal(reportOn(log), { width: 80, colours: false }), golden);
  } finally {
    if (zone === undefined) delete process.env.TZ;
    else process.env.TZ = zone;
  }
});

const hostile = `${base}.1 info msg 7: bytes 2000 from <"><script>alert(1)</script>@x> qp 7 uid 1000
${base}.1 starting delivery 1: msg 7 to remote '"&<b>\x1b[31mred\x9b@</title></style><img/src=x>
${base}.2 delivery 1: deferral: <svg/onload=alert(2)>\x00\x1b]0;title\x07/
${base}.3 warning: <i>\xe2\x80\xaeevil</i>
${base}.4 smtpd session ip=<u>1</u> seconds=x end="<s>"
`;

test("what strangers write into a log stays text on the page, and moves no cursor on a terminal", () => {
  const summary = reportOn(hostile);
  const page = drawPage(summary);
  assert.doesNotMatch(page, /<(script|img|b|i|u|s|svg\/)[ >/]/i);
  assert.match(page, /&lt;script&gt;alert\(1\)&lt;\/script&gt;/);
  assert.doesNotMatch(page, /[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]/);
  assert.match(page, /Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'"/);
  assert.doesNotMatch(page, /<script|https?:|url\(|@import/i);
  const terminal = drawTerminal(summary, { width: 80, colours: false });
  assert.doesNotMatch(terminal, /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/);
});

test("every chart of the page has a table with the same numbers, and tags are balanced", () => {
  const page = drawPage(reportOn(`${[...logLines(3000, luckOf(1))].join("\n")}\n${log}`));
  const sections = page.split("<section>").slice(1);
  assert.ok(sections.length > 12);
  for (const section of sections) if (section.includes("<svg")) assert.match(section, /<table>/);
  const open: string[] = [];
  for (const [, close, name = "", selfClosed] of page.matchAll(/<(\/?)([a-z0-9]+)[^>]*?(\/?)>/g)) {
    if (selfClosed === "/" || name === "meta") continue;
    if (close === "") open.push(name);
    else assert.equal(open.pop(), name);
  }
  assert.deepEqual(open, []);
});

test("any bytes at all make a report, a drawing and a page without a throw", () => {
  const word = fc.constantFrom(`${base}.5 `, "@400000006553f10a00055a6d ", "delivery 1: ", "starting delivery 1: msg 2 to local a@b", "info msg 2: bytes 1 from <a> ", "end msg 2", "new msg 2", "deferral: x", "smtpd ", "session ", "pop3d login ", "ip=", "=", "\n", "\n", "\xff", "9".repeat(30), " "); // biome-ignore format: one list
  fc.assert(
    fc.property(fc.array(word, { maxLength: 80 }), (words) => {
      const summary = reportOn(`${words.join("")}\n`);
      drawTerminal(summary, { width: 80, colours: true });
      drawPage(summary);
    }),
    { numRuns: 60 },
  );
});

test("percentiles are right to five in a hundred", () => {
  const latencies = new Latencies();
  for (let n = 1; n <= 10_000; n++) latencies.take(n / 100);
  const { p50, p90, p99, mean, max } = latencies.facts();
  for (const [found, right] of [[p50, 50], [p90, 90], [p99, 99]] as const) assert.ok(Math.abs(found - right) <= right * 0.05, `${found}`); // biome-ignore format: rows
  assert.deepEqual([mean, max], [50.005, 100]);
});

test("a series over time keeps its sums whatever the order and distance of moments", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 4_000_000_000 }), { minLength: 1, maxLength: 60 }), (moments) => {
      const series = new TimeSeries(1);
      for (const moment of moments) series.at(moment)[0]!++;
      const rows = series.rows();
      assert.ok(rows.length <= 240);
      assert.equal(
        rows.reduce((sum, { sums }) => sum + sums[0]!, 0),
        moments.length,
      );
      assert.ok(rows[0]!.from <= Math.min(...moments));
      assert.ok(rows.at(-1)!.from + series.widthSeconds > Math.max(...moments));
    }),
  );
});

test("a table of names keeps the heavy ones and says how many it forgot", () => {
  const table = new TopTable(
    () => ({ count: 0 }),
    ({ count }) => count,
    100,
  );
  for (let n = 0; n < 10_000; n++) {
    table.of(`rare${n}`).count++;
    table.of("often").count++;
    if (n % 2 === 0) table.of("sometimes").count++;
  }
  assert.deepEqual(
    table.top(2).map(([name, { count }]) => [name, count]),
    [["often", 10_000], ["sometimes", 5000]], // biome-ignore format: rows
  );
  assert.ok(table.size <= 100 && table.forgotten > 9_000);
});

test("bars and sparklines have the length they were asked for; what is not nothing shows", () => {
  for (const [value, max] of [[0, 10], [1, 1e9], [5, 10], [10, 10], [11, 10], [3, 0]] as const) assert.equal(bar(value, max, 7).length, 7); // biome-ignore format: rows
  assert.equal(bar(1, 1e9, 4), "▏   ");
  assert.equal(bar(10, 10, 4), "████");
  assert.equal(sparkline([0, 1, 4, 8], 8), " ▂▅█");
  assert.deepEqual(grouped([1, 2, 3, 4, 5], 2), [6, 9]);
  assert.deepEqual([niceMax(0), niceMax(7), niceMax(1000), niceMax(0.3)], [1, 10, 1000, 0.5]);
});
