import assert from "node:assert/strict";
import { test } from "node:test";
import { plannedPackages } from "./unpack.ts";

test("what a package misses is read from a simulated install", () => {
  const simulation = `Reading package lists...
The following packages will be REMOVED:
  postfix
Remv postfix [3.7.11-0+deb12u1]
Inst libwrap0 (7.6.q-32 Debian:12.15/oldstable [amd64])
Inst exim4-base [4.95-1] (4.96-15+deb12u10 Debian:12.15/oldstable, Debian-Security:12/oldstable-security [amd64])
Conf libwrap0 (7.6.q-32 Debian:12.15/oldstable [amd64])
`;
  assert.deepEqual(plannedPackages(simulation), [
    { name: "libwrap0", version: "7.6.q-32" },
    { name: "exim4-base", version: "4.96-15+deb12u10" },
  ]);
  assert.deepEqual(plannedPackages("dovecot-pop3d is already the newest version\n"), []);
});
