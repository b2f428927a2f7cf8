import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { tai64nOf } from "#log";
import { programHouse } from "../testing/program-house.ts";
import { main as trace } from "./trace.ts";

const start = Date.parse("2026-11-22T10:00:00Z");

/** Lines stamped at these milliseconds after the start. */
const stamped = (lines: readonly (readonly [ms: number, text: string])[]): string =>
  lines.map(([ms, text]) => `${tai64nOf(new Date(start + ms))} ${text}\n`).join("");

test("trace gathers a message's lines from rotated and current logs of every service, with its deliveries' ends", async (t) => {
  const house = programHouse(t, { trace }, { me: "mx.test\n" });
  const write = (path: string, text: string): void => {
    mkdirSync(join(house.home, "log", path, ".."), { recursive: true });
    writeFileSync(join(house.home, "log", path), text);
  };
  write(
    `queue/${tai64nOf(new Date(start + 5000))}.s`,
    stamped([
      [0, "starting delivery 2: msg 7 to local x@mx.test"],
      [20, "new msg 17"],
      [21, "info msg 17: bytes 300 from <a@b> qp 17 uid 1000"],
      [22, "info msg 170: bytes 300 from <a@b> qp 170 uid 1000"],
      [30, "starting delivery 3: msg 17 to remote far@away.test"],
      [31, "status: local 0/10 remote 1/20"],
      [40, "delivery 2: success: did_1+0+0/"],
    ]),
  );
  write(
    "queue/current",
    stamped([
      [6000, "delivery 3: deferral: not_now/"],
      [6500, "starting delivery 3: msg 9 to local y@mx.test"],
      [6600, "delivery 3: success: did_0+1+0/qp_17/"],
      [400_000, "bounce msg 17 qp 18"],
      [400_001, "end msg 17"],
    ]),
  );
  write(
    "smtpd/current",
    stamped([
      [10, "smtpd accept ip=192.0.2.1 qp=17"],
      [11, "smtpd accept id=17 ip=192.0.2.1 qp=117"],
    ]),
  );
  const { code, said } = await house.run(["trace", "17"]);
  assert.equal(code, 0);
  const rows = said.split("\n").map((line) => line.slice(23).trim());
  assert.deepEqual(rows, [
    "+0.000s  smtpd  smtpd accept ip=192.0.2.1 qp=17",
    "+0.010s  queue  new msg 17",
    "+0.011s  queue  info msg 17: bytes 300 from <a@b> qp 17 uid 1000",
    "+0.020s  queue  starting delivery 3: msg 17 to remote far@away.test",
    "+5.990s  queue  delivery 3: deferral: not_now/",
    "+6.590s  queue  delivery 3: success: did_0+1+0/qp_17/",
    "+6m40s  queue  bounce msg 17 qp 18",
    "+6m40s  queue  end msg 17",
    "",
  ]);
  const facts = JSON.parse((await house.run(["trace", "18", "--json"])).said) as { lines: { text: string }[] };
  assert.deepEqual(
    facts.lines.map(({ text }) => text),
    ["bounce msg 17 qp 18"],
  );
  const none = await house.run(["trace", "99"]);
  assert.deepEqual(none, { code: 1, said: `quail trace: no line in ${house.home}/log tells of message 99\n` });
  assert.equal((await house.run(["trace", "x"])).code, 100);
});
