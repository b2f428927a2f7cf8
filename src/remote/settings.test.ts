import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { ControlError } from "#control";
import { canonicalAddress, literalAddress } from "./literal.ts";
import { remoteSettings, tlsPolicyOf } from "./settings.ts";

function makeHome(t: TestContext): { home: string; put: (name: string, text: string) => void } {
  const home = mkdtempSync(join(tmpdir(), "quail-settings-"));
  t.after(() => rmSync(home, { recursive: true }));
  mkdirSync(join(home, "control"));
  return { home, put: (name, text) => writeFileSync(join(home, "control", name), text) };
}

test("settings are read live; helohost falls back to me, and without either there is an error [Q-198]", (t) => {
  const { home, put } = makeHome(t);
  const settings = remoteSettings(home);
  assert.throws(settings, ControlError);
  put("me", "me.test\n");
  assert.equal(settings().helo, "me.test");
  assert.deepEqual([settings().connectTimeoutMs, settings().ioTimeoutMs], [60_000, 1_200_000]);
});

test("timeoutconnect and timeoutremote are seconds, at least one, at most a day [Q-198]", (t) => {
  const { home, put } = makeHome(t);
  put("me", "me.test\n");
  put("timeoutconnect", "5\n");
  put("timeoutremote", "99999999\n");
  const first = remoteSettings(home)();
  assert.deepEqual([first.connectTimeoutMs, first.ioTimeoutMs], [5_000, 86_400_000]);
  put("timeoutconnect", "0\n");
  assert.equal(remoteSettings(home)().connectTimeoutMs, 1_000);
});

test("tlshosts, notlshosts and exhaustivelist decide about TLS; a name never leads out of them [Q-281]", (t) => {
  const { home, put } = makeHome(t);
  assert.equal(tlsPolicyOf(home, "mx.test").kind, "opportunistic");
  for (const folder of ["tlshosts", "notlshosts"]) mkdirSync(join(home, "control", folder));
  put("tlshosts/mx.test.pem", "authorities");
  put("notlshosts/old.test", "");
  put("me.pem", "not in the folder");
  assert.deepEqual(tlsPolicyOf(home, "MX.test"), { kind: "verified", authorities: Buffer.from("authorities") });
  assert.equal(tlsPolicyOf(home, "old.test").kind, "never");
  assert.equal(tlsPolicyOf(home, "../me").kind, "opportunistic");
  put("tlshosts/exhaustivelist", "");
  assert.equal(tlsPolicyOf(home, "other.test").kind, "never");
  assert.equal(tlsPolicyOf(home, "mx.test").kind, "verified");
});

test("a list of authorities that cannot be read is an error, not the end of security [Q-281]", (t) => {
  if (process.getuid?.() === 0) return t.skip("root can read everything");
  const { home, put } = makeHome(t);
  mkdirSync(join(home, "control", "tlshosts"));
  put("tlshosts/mx.test.pem", "authorities");
  chmodSync(join(home, "control", "tlshosts", "mx.test.pem"), 0);
  assert.throws(() => tlsPolicyOf(home, "mx.test"), ControlError);
});

test("addresses have one form, literals are told from names [Q-182]", () => {
  for (const [address, canonical] of [
    ["192.0.2.1", "192.0.2.1"],
    ["2001:DB8:0:0::1", "2001:db8::1"],
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["fe80::1%eth0", "fe80::1"],
  ] as const)
    assert.equal(canonicalAddress(address), canonical);
  for (const [host, address] of [
    ["[192.0.2.1]", "192.0.2.1"],
    ["192.0.2.1", "192.0.2.1"],
    ["[IPv6:::1]", "::1"],
    ["[ipv6:2001:db8::0:1]", "2001:db8::1"],
    ["192.0.2.256", null],
    ["[192.0.2.1", null],
    ["[]", null],
    ["mx.test", null],
  ] as const)
    assert.equal(literalAddress(host), address, host);
});

test("clientcert.pem and tlsclientciphers say how TLS is spoken, tlsremote whether it is where nobody requires it", (t) => {
  const { home, put } = makeHome(t);
  put("me", "me.test\n");
  const before = remoteSettings(home)();
  assert.deepEqual([before.wantsTls, before.tlsManner], [true, { identity: null, ciphers: null }]);
  put("clientcert.pem", "certificate and key");
  put("tlsclientciphers", "HIGH:!aNULL\n");
  put("tlsremote", "0\n");
  const after = remoteSettings(home)();
  assert.deepEqual(
    [after.wantsTls, after.tlsManner],
    [false, { identity: "certificate and key", ciphers: "HIGH:!aNULL" }],
  );
});
