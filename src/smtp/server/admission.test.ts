import assert from "node:assert/strict";
import { test } from "node:test";
import { Admission } from "./admission.ts";

const limits = { inAll: 4, perHost: 2 };

test("sessions are counted by host and in all; who leaves makes room", () => {
  const admission = new Admission();
  assert.equal(admission.enter("192.0.2.1", limits), "yes");
  assert.equal(admission.enter("192.0.2.1", limits), "yes");
  assert.equal(admission.enter("192.0.2.1", limits), "host-full");
  assert.equal(admission.enter("192.0.2.2", limits), "yes");
  assert.equal(admission.enter("192.0.2.3", limits), "yes");
  assert.equal(admission.enter("192.0.2.4", limits), "full");
  admission.leave("192.0.2.1");
  assert.equal(admission.inAll, 3);
  assert.equal(admission.enter("192.0.2.1", limits), "yes");
});

test("an IPv6 host is its /64, however its address is written; the loopback has no limit of its own", () => {
  const admission = new Admission();
  const roomy = { inAll: 100, perHost: 1 };
  assert.equal(admission.enter("2001:db8::1", roomy), "yes");
  assert.equal(admission.enter("2001:db8:0:0:9:9:9:9", roomy), "host-full");
  assert.equal(admission.enter("2001:db8:0:1::1", roomy), "yes");
  assert.equal(admission.enter("fe80::1%eth0", roomy), "yes");
  assert.equal(admission.enter("fe80::2%eth0", roomy), "host-full");
  for (const ip of ["127.0.0.1", "127.0.0.1", "::1", "::1"]) assert.equal(admission.enter(ip, roomy), "yes");
});
