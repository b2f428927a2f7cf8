import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { makeResolver, type Resolver, readServers } from "./index.ts";
import { startTestDns, type TestDns, type TestZone } from "./testing/test-server.ts";

const quick = [150, 150, 150];

async function withZone(
  zone: TestZone,
  run: (resolver: Resolver, dns: TestDns, clock: { ms: number }) => Promise<void>,
): Promise<void> {
  await using dns = await startTestDns(zone);
  const clock = { ms: 1_000_000 };
  const servers = () => [{ address: dns.address, port: dns.port }];
  await run(makeResolver({ servers, now: () => clock.ms, timeoutsMs: quick }), dns, clock);
}

test("MX, A, AAAA, TXT and PTR records come back as values", async () => {
  const zone: TestZone = {
    "heaven.test": {
      mx: [[10, "MX1.heaven.test"]],
      txt: [["v=spf1 ", "-all"], "two"],
      a: ["192.0.2.1"],
      aaaa: ["2001:db8::1"],
    },
    "1.2.0.192.in-addr.arpa": { ptr: ["Host.heaven.test"] },
    "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa": { ptr: ["six.heaven.test"] },
  };
  await withZone(zone, async (resolver) => {
    assert.deepEqual(await resolver.resolveMx("Heaven.Test."), {
      kind: "found",
      values: [{ preference: 10, exchange: "mx1.heaven.test" }],
    });
    assert.deepEqual(await resolver.resolveAddresses("heaven.test"), {
      kind: "found",
      values: ["192.0.2.1", "2001:db8::1"],
    });
    assert.deepEqual(await resolver.resolveTxt("heaven.test"), { kind: "found", values: ["v=spf1 -all", "two"] });
    assert.deepEqual(await resolver.resolvePtr("192.0.2.1"), { kind: "found", values: ["host.heaven.test"] });
    assert.deepEqual(await resolver.resolvePtr("2001:db8::1"), { kind: "found", values: ["six.heaven.test"] });
  });
});

test("a name without such records and a name that does not exist are told apart", async () => {
  await withZone({ "bare.test": { txt: ["x"] } }, async (resolver) => {
    assert.deepEqual(await resolver.resolveMx("bare.test"), { kind: "no-data" });
    assert.deepEqual(await resolver.resolveAddresses("bare.test"), { kind: "no-data" });
    assert.deepEqual(await resolver.resolveMx("nobody.test"), { kind: "no-name" });
    for (const impossible of ["", ".", "a..b", "with blank.test", `${"x".repeat(64)}.test`, "a.".repeat(130), "a\0b"])
      assert.deepEqual(await resolver.resolveMx(impossible), { kind: "no-name" }, impossible);
  });
});

test("aliases are followed, within one answer and from answer to answer; loops and long chains are temporary", async () => {
  const zone: TestZone = {
    "www.test": { cname: "a.test" },
    "a.test": { cname: "b.test" },
    "b.test": { a: ["192.0.2.7"] },
    "far.test": { bareCname: "farther.test" },
    "farther.test": { bareCname: "b.test" },
    "dead.test": { cname: "gone.test" },
    "loop.test": { cname: "pool.test" },
    "pool.test": { cname: "loop.test" },
    "self.test": { bareCname: "self.test" },
    "quiet.test": { cname: "b.test" },
  };
  await withZone(zone, async (resolver) => {
    assert.deepEqual(await resolver.resolveIpv4("www.test"), { kind: "found", values: ["192.0.2.7"] });
    assert.deepEqual(await resolver.resolveIpv4("far.test"), { kind: "found", values: ["192.0.2.7"] });
    assert.deepEqual(await resolver.resolveIpv4("dead.test"), { kind: "no-name" });
    assert.deepEqual(await resolver.resolveMx("quiet.test"), { kind: "no-data" });
    for (const name of ["loop.test", "self.test"])
      assert.deepEqual(await resolver.resolveIpv4(name), { kind: "temporary", reason: "too many aliases" });
  });
});

test("answers of more than 512 bytes arrive, over UDP or cut there and asked again over TCP [Q-294]", async () => {
  const addresses = (count: number): string[] => Array.from({ length: count }, (_, i) => `198.51.100.${i}`);
  const zone: TestZone = {
    "some.test": { a: addresses(40) },
    "many.test": { a: addresses(250) },
    "cut.test": { a: ["192.0.2.1"], fault: "truncated" },
  };
  await withZone(zone, async (resolver, dns) => {
    assert.deepEqual(await resolver.resolveIpv4("some.test"), { kind: "found", values: addresses(40) });
    assert.deepEqual(await resolver.resolveIpv4("many.test"), { kind: "found", values: addresses(250) });
    assert.deepEqual(await resolver.resolveIpv4("cut.test"), { kind: "found", values: ["192.0.2.1"] });
    assert.deepEqual(dns.asked, [
      "udp A some.test",
      "udp A many.test",
      "tcp A many.test",
      "udp A cut.test",
      "tcp A cut.test",
    ]);
  });
});

test("an answer that stays cut, or whose TCP connection closes, is temporary and ends [Q-294]", async () => {
  const zone: TestZone = { "cut.test": { fault: "truncated-always" }, "shut.test": { fault: "tcp-closes" } };
  await withZone(zone, async (resolver) => {
    assert.equal((await resolver.resolveIpv4("cut.test")).kind, "temporary");
    assert.equal((await resolver.resolveIpv4("shut.test")).kind, "temporary");
  });
});

test("failing, refusing, silent and lying servers give temporary, never a wrong answer", async () => {
  const faults = ["servfail", "refused", "silent", "wrong-id", "wrong-question", "garbage", "referral"] as const;
  const zone = Object.fromEntries(faults.map((fault) => [`${fault}.test`, { fault, a: ["192.0.2.1"] }]));
  await withZone(zone, async (resolver) => {
    await Promise.all(
      faults.map(async (fault) => assert.equal((await resolver.resolveIpv4(`${fault}.test`)).kind, "temporary", fault)),
    );
  });
});

test("a forged answer with a wrong id does not hide the right one that follows", async () => {
  await withZone({ "a.test": { a: ["192.0.2.1"], fault: "wrong-id-then-right" } }, async (resolver) => {
    assert.deepEqual(await resolver.resolveIpv4("a.test"), { kind: "found", values: ["192.0.2.1"] });
  });
});

test("a server that does not know EDNS is asked without it (RFC 6891 §6.2.2)", async () => {
  await withZone({ "old.test": { a: ["192.0.2.1"], fault: "formerr-on-edns" } }, async (resolver) => {
    assert.deepEqual(await resolver.resolveIpv4("old.test"), { kind: "found", values: ["192.0.2.1"] });
  });
});

test("the next server answers when the first is broken or closed", async () => {
  await using broken = await startTestDns({ "a.test": { fault: "servfail" } });
  await using sound = await startTestDns({ "a.test": { a: ["192.0.2.1"] } });
  const closed = await startTestDns({});
  await closed.close();
  const servers = () => [closed, broken, sound];
  const resolver = makeResolver({ servers, timeoutsMs: quick });
  assert.deepEqual(await resolver.resolveIpv4("a.test"), { kind: "found", values: ["192.0.2.1"] });
});

test("answers are remembered for their TTL, absences for their SOA's, at once asked questions asked once", async () => {
  await withZone(
    { "a.test": { a: ["192.0.2.1"], ttl: 100 }, "zero.test": { a: ["192.0.2.2"], ttl: 0 } },
    async (resolver, dns, clock) => {
      await Promise.all([
        resolver.resolveIpv4("a.test"),
        resolver.resolveIpv4("A.test"),
        resolver.resolveIpv4("a.test"),
      ]);
      clock.ms += 99_000;
      await resolver.resolveIpv4("a.test");
      assert.equal(dns.asked.length, 1);
      clock.ms += 2_000;
      await resolver.resolveIpv4("a.test");
      assert.equal(dns.asked.length, 2);
      await resolver.resolveIpv4("none.test");
      clock.ms += 59_000;
      await resolver.resolveIpv4("none.test");
      assert.equal(dns.asked.length, 3);
      clock.ms += 2_000;
      await resolver.resolveIpv4("none.test");
      assert.equal(dns.asked.length, 4);
      await resolver.resolveIpv4("zero.test");
      await resolver.resolveIpv4("zero.test");
      assert.equal(dns.asked.length, 6);
    },
  );
});

test("a failure is forgotten after seconds", async () => {
  await withZone({ "a.test": { fault: "servfail" } }, async (resolver, dns, clock) => {
    assert.equal((await resolver.resolveIpv4("a.test")).kind, "temporary");
    dns.become({ "a.test": { a: ["192.0.2.1"] } });
    assert.equal((await resolver.resolveIpv4("a.test")).kind, "temporary");
    clock.ms += 6_000;
    assert.equal((await resolver.resolveIpv4("a.test")).kind, "found");
  });
});

test("a thousand names are asked at once without harm", async () => {
  const names = Array.from({ length: 1000 }, (_, i) => `n${i}.test`);
  const zone = Object.fromEntries(names.map((name, i) => [name, { a: [`10.0.${i >> 8}.${i & 255}`] }]));
  await using dns = await startTestDns(zone);
  const resolver = makeResolver({ servers: () => [dns], timeoutsMs: [3_000, 5_000, 5_000] });
  const found = await Promise.all(names.map((name) => resolver.resolveIpv4(name)));
  assert.ok(found.every((result, i) => result.kind === "found" && result.values[0] === `10.0.${i >> 8}.${i & 255}`));
});

test("a domain in UTF-8 is asked for as A-labels (RFC 5891)", async () => {
  await withZone({ "xn--bcher-kva.test": { a: ["192.0.2.1"] } }, async (resolver) => {
    const name = Buffer.from("bücher.test").toString("latin1");
    assert.equal((await resolver.resolveIpv4(name)).kind, "found");
  });
});

test("servers come from control/dnsservers, else resolv.conf, else this host", async () => {
  const home = await mkdtemp(join(tmpdir(), "quail-dns-"));
  try {
    await mkdir(join(home, "control"));
    const resolvConf = join(home, "resolv.conf");
    assert.deepEqual(readServers(home, join(home, "missing")), [{ address: "127.0.0.1", port: 53 }]);
    await writeFile(
      resolvConf,
      "# c\nnameserver 192.0.2.53\nsearch x\nnameserver\t2001:db8::53\nnameserver nonsense\n",
    );
    assert.deepEqual(readServers(home, resolvConf), [
      { address: "192.0.2.53", port: 53 },
      { address: "2001:db8::53", port: 53 },
    ]);
    await writeFile(join(home, "control", "dnsservers"), "127.0.0.1:5353\n[::1]:54\nname.test\n1.2.3.4:0\n");
    assert.deepEqual(readServers(home, resolvConf), [
      { address: "127.0.0.1", port: 5353 },
      { address: "::1", port: 54 },
    ]);
  } finally {
    await rm(home, { recursive: true });
  }
});
