import assert from "node:assert/strict";
import { test } from "node:test";
import { parseNetworks, plainIp } from "./networks.ts";

test("networks: addresses, CIDR of both families, qmail's prefixes", () => {
  const networks = parseNetworks(["192.0.2.1", "10.0.0.0/8", "172.16.", "2001:db8::/32", "::1"]);
  assert.ok("has" in networks);
  for (const ip of ["192.0.2.1", "10.9.8.7", "172.16.255.1", "2001:db8:1::1", "::1"]) assert.ok(networks.has(ip), ip);
  for (const ip of ["192.0.2.2", "11.0.0.1", "172.17.0.1", "2001:db9::", "::2", "unknown", ""]) {
    assert.ok(!networks.has(ip), ip);
  }
});

test("an entry that is no network is named by its place", () => {
  for (const wrong of [
    "10.0.0.0/33",
    "10.0.0",
    "300.",
    "2001:db8::/129",
    "host.test",
    "10.0.0.0/8/8",
    "1.2.3.4.",
    "",
  ]) {
    assert.deepEqual(parseNetworks(["10.", wrong]), { badEntry: 1 }, wrong);
  }
});

test("an IPv4 peer of a dual-stack listener is spoken of as IPv4", () => {
  assert.equal(plainIp("::ffff:192.0.2.1"), "192.0.2.1");
  assert.equal(plainIp("2001:db8::1"), "2001:db8::1");
  assert.equal(plainIp("::ffff:nonsense"), "::ffff:nonsense");
});
