import assert from "node:assert/strict";
import { test } from "node:test";
import { DeadHosts } from "./dead-hosts.ts";

function table(random = 0): { hosts: DeadHosts; clock: { now: number } } {
  const clock = { now: 1_000_000 };
  const hosts = new DeadHosts(
    () => clock.now,
    () => random,
  );
  return { hosts, clock };
}

test("a host is left alone for 3840 to 5824 seconds after its second timeout [Q-195]", () => {
  for (const [random, lasts] of [
    [0, 3840],
    [0.9999, 5824],
  ] as const) {
    const { hosts, clock } = table(random);
    hosts.timedOut("192.0.2.1");
    clock.now += 119;
    hosts.timedOut("192.0.2.1");
    assert.equal(hosts.isBlocked("192.0.2.1"), false);
    clock.now += 1;
    hosts.timedOut("192.0.2.1");
    assert.equal(hosts.isBlocked("192.0.2.1"), true);
    clock.now += lasts - 1;
    assert.equal(hosts.isBlocked("192.0.2.1"), true);
    clock.now += 1;
    assert.equal(hosts.isBlocked("192.0.2.1"), false);
  }
});

test("the count stops at ten", () => {
  const { hosts, clock } = table();
  for (let i = 0; i < 15; i++, clock.now += 120) hosts.timedOut("2001:db8::1");
  assert.deepEqual(hosts.list(), [{ address: "2001:db8::1", secondsAgo: 120, count: 10 }]);
});

test("a full table forgets the record of least weight: oldest by time and 1024 seconds a timeout", () => {
  const { hosts, clock } = table();
  hosts.timedOut("first");
  clock.now += 120;
  hosts.timedOut("first"); // weighs 1024 more than "second", though older
  clock.now += 500;
  hosts.timedOut("second");
  clock.now += 100;
  for (let i = 0; i < 9_999; i++) hosts.timedOut(`host${i}`);
  const names = hosts.list().map(({ address }) => address);
  assert.equal(names.length, 10_000);
  assert.ok(names.includes("first"));
  assert.ok(!names.includes("second"));
});
