/**
 * Another host that misbehaves: every fault at every point of a session, all at once, beside a host that works and a mailbox here. For
 * each: one message, what the log says of it, and that it is delivered (or bounced, if that host said so) in the end.
 */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { test } from "node:test";
import { House, inbox, until } from "../system/house.ts";
import { sendOne } from "../system/smtp-client.ts";
import { type BadServer, type Fault, openBadServer, type Point, points } from "./bad-server.ts";

const faults: readonly Fault[] = [
  "closes",
  "resets",
  "says 421 and closes",
  "says 451",
  "says 554",
  "talks garbage",
  "says half a reply and closes",
  "never answers",
  "sends a line without end",
  "sends lines without end",
  "answers in 1-byte packets",
];

/** What the first attempt must come to. A reply of 5xx in answer to MAIL, RCPT, DATA or the dot is that host's last word. */
function firstFate(point: Point, fault: Fault): "success" | "deferral" | "failure" {
  if (fault === "answers in 1-byte packets" || point === "QUIT") return "success";
  if (fault === "says 554" && point !== "greeting" && point !== "EHLO") return "failure";
  return "deferral";
}

type Case = { readonly point: Point; readonly fault: Fault; readonly domain: string; readonly server: BadServer };

test("another host may fail in every way at every point: logged, tried again, nothing lost, others unharmed", async (t) => {
  await using stack = new AsyncDisposableStack();
  const cases: Case[] = [];
  for (const point of points) {
    for (const fault of faults) {
      const server = stack.use(await openBadServer(point, fault));
      cases.push({ point, fault, server, domain: `f${cases.length}.test` });
    }
  }
  const sound = stack.use(await openBadServer("QUIT", "answers in 1-byte packets"));
  const routes = [...cases, { domain: "sound.test", server: sound }];
  const house = stack.use(
    await House.open({
      control: {
        rcpthosts: `localhost\n${routes.map(({ domain }) => `${domain}\n`).join("")}`,
        smtproutes: routes.map(({ domain, server }) => `${domain}:127.0.0.1:${server.port}\n`).join(""),
        concurrencyremote: "100\n",
        timeoutremote: "2\n",
        timeoutconnect: "2\n",
        dnsservers: "127.0.0.1:1\n",
      },
    }),
  );
  writeFileSync(house.path("alias", ".qmail-default"), "./bounces\n"); // Where the senders get their bounces.
  const send = async (from: string, to: string): Promise<void> => {
    assert.equal((await sendOne(house.ports.smtp, from, [to], `Subject: ${from}\n\n${"x".repeat(2_000)}\n`)).code, 250);
  };
  for (const [n, { domain }] of cases.entries()) await send(`m${n}@localhost`, `a@${domain}`);

  const beganMs = Date.now();
  await send("beside@localhost", "a@sound.test");
  await send("beside@localhost", inbox);
  await until("a host that works is served beside them", () => sound.taken.includes("beside"), 5_000);
  await house.mail(1);
  t.diagnostic(`beside ${cases.length} faults, mail for others took ${Date.now() - beganMs} ms`);

  /** How the first attempt at a domain ended, as the log has it. */
  const fateOf = (domain: string): { readonly fate: string; readonly report: string } | null => {
    const lines = house.logLines();
    const number = lines
      .map((line) => /^starting delivery ([0-9]+): msg [0-9]+ to remote a@(.*)$/.exec(line))
      .find((m) => m?.[2] === domain)?.[1];
    const line = lines.find((one) => one.startsWith(`delivery ${number}: `));
    const [, fate = "", report = ""] = /^delivery [0-9]+: ([a-z]+): (.*)$/.exec(line ?? "") ?? [];
    return fate === "" ? null : { fate, report };
  };
  const wrong: string[] = [];
  for (const { point, fault, domain } of cases) {
    const { fate, report } = await until(
      `the first attempt at a host that ${fault} at ${point}`,
      () => fateOf(domain),
      60_000,
    );
    if (firstFate(point, fault) !== fate) wrong.push(`${point}: ${fault}: ${fate} ${report}`);
    if (report.length > 12_000 || /[^\x21-\x7e]/.test(report)) wrong.push(`${point}: ${fault}: an unfit report`);
    if (!/\(#[245]\.[0-9]+\.[0-9]+\)|_said:_/.test(report)) wrong.push(`${point}: ${fault}: ${report}`);
  }
  assert.deepEqual(wrong, []);

  for (const { server } of cases) server.behave();
  const waiting = (): readonly string[] =>
    cases
      .filter(({ point, fault, server }, n) => firstFate(point, fault) !== "failure" && !server.taken.includes(`m${n}`))
      .map(({ point, fault }) => `${point}: ${fault}`);
  const hurry = setInterval(() => house.signal("SIGALRM"), 1_000);
  try {
    await until("everything that was deferred", () => waiting().length === 0, 60_000).catch(() =>
      assert.fail(`never delivered: ${waiting().join("; ")}\n${house.story()}`),
    );
  } finally {
    clearInterval(hurry);
  }
  const failures = cases.filter(({ point, fault }) => firstFate(point, fault) === "failure").length;
  await until("a bounce for each refusal", () => house.log().match(/ bounce msg /g)?.length === failures);
  const twice = cases.filter(
    ({ server, point }) => point !== "dot" && new Set(server.taken).size !== server.taken.length,
  );
  assert.deepEqual(
    twice.map(({ point, fault }) => `${point}: ${fault}`),
    [],
    "delivered twice without need",
  );
});
