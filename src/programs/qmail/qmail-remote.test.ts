import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { startTestDns } from "#dns/testing";
import { closeServer } from "#net";
import { DeadHosts, serveTcpto } from "#remote";
import { startScripted } from "#smtp/client/testing";
import { programHouse } from "../testing/program-house.ts";
import { main as qmailRemote } from "./qmail-remote.ts";
import { main as qmailTcpok } from "./qmail-tcpok.ts";
import { main as qmailTcpto } from "./qmail-tcpto.ts";

const programs = { "qmail-remote": qmailRemote, "qmail-tcpok": qmailTcpok, "qmail-tcpto": qmailTcpto };

test("each recipient is reported, then the message, each ended by NUL; the exit code is 0 [Q-180] [Q-188] [Q-200]", async (t) => {
  await using server = await startScripted([
    `S: 220 mx
     C: EHLO helo.test
     S: 500 what?
     C: HELO helo.test
     S: 250 mx
     C: MAIL FROM:<joe@here.test>
     S: 250 ok
     C: RCPT TO:<"a b"@there.test>
     S: 250 ok
     C: RCPT TO:<bob@there.test>
     S: 550 no bob
     C: RCPT TO:<cat@there.test>
     S: 450 later
     C: DATA
     S: 354 go
     MESSAGE
     S: 250 taken
     C: QUIT`,
  ]);
  const house = programHouse(t, programs, {
    me: "me.test\n",
    helohost: "helo.test\n",
    smtproutes: `there.test:127.0.0.1:${server.port}\n`,
  });
  const { code, said } = await house.run(
    ["qmail-remote", "there.test", "joe@here.test", "a b@there.test", "bob@there.test", "cat@there.test"],
    "Subject: x\n\n.dot",
  );
  assert.equal(code, 0);
  assert.equal(
    said,
    [
      "r",
      "h127.0.0.1 does not like recipient.\nRemote host said: 550 no bob\n",
      "s127.0.0.1 does not like recipient.\nRemote host said: 450 later\n",
      "K127.0.0.1 accepted message.\nRemote host said: 250 taken\n",
      "",
    ].join("\0"),
  );
  assert.deepEqual(server.complaints, []);
  assert.equal(server.message(0), "Subject: x\r\n\r\n..dot\r\n");
});

test("too few arguments and a home without me are reported, with exit code 0 [Q-200]", async (t) => {
  await using dns = await startTestDns({});
  const house = programHouse(t, programs, { dnsservers: `${dns.server}\n` });
  const misused = { code: 0, said: "DI (qmail-remote) was invoked improperly. (#5.3.5)\n\0" };
  assert.deepEqual(await house.run(["qmail-remote", "there.test", ""]), misused);
  const words = ["qmail-remote", "there.test", "", "ann@there.test"] as const;
  assert.deepEqual(await house.run([...words]), { code: 0, said: "ZUnable to read control files. (#4.3.0)\n\0" });
});

test("DNS says there is no such host [Q-183]", async (t) => {
  await using dns = await startTestDns({});
  const house = programHouse(t, programs, { me: "me.test\n", dnsservers: `${dns.server}\n` });
  const { said } = await house.run(["qmail-remote", "there.test", "", "ann@there.test"], "x\n");
  assert.equal(said, "DSorry, I couldn't find any host named there.test. (#5.1.2)\n\0");
  assert.deepEqual(dns.asked, ["udp MX there.test"]);
});

test("qmail-tcpto lists the hosts that timed out, qmail-tcpok forgets them [Q-196]", async (t) => {
  const house = programHouse(t, programs, { me: "me.test\n" });
  for (const folder of ["queue", "run"]) mkdirSync(join(house.home, folder));
  const clock = { now: 1000 };
  const hosts = new DeadHosts(() => clock.now);
  const server = await serveTcpto(join(house.home, "run", "remote"), hosts);
  hosts.timedOut("192.0.2.1");
  clock.now += 130;
  hosts.timedOut("192.0.2.1");
  hosts.timedOut("2001:db8::1");
  clock.now += 5;
  assert.deepEqual(await house.run(["qmail-tcpto"]), {
    code: 0,
    said: "192.0.2.1 timed out 5 seconds ago; # recent timeouts: 2\n2001:db8::1 timed out 5 seconds ago; # recent timeouts: 1\n",
  });
  assert.deepEqual(await house.run(["qmail-tcpok"]), { code: 0, said: "" });
  assert.deepEqual(await house.run(["qmail-tcpto"]), { code: 0, said: "" });
  assert.deepEqual(hosts.list(), []);
  await closeServer(server);
});

test("without a home or a remote service they say so and exit 111 [Q-196]", async (t) => {
  const house = programHouse(t, programs, {});
  const { code, said } = await house.run(["qmail-tcpto"]);
  assert.deepEqual([code, said], [111, "fatal: unable to chdir: file does not exist\n"]);
  mkdirSync(join(house.home, "queue"));
  mkdirSync(join(house.home, "run"));
  assert.deepEqual(await house.run(["qmail-tcpto"]), {
    code: 111,
    said: "fatal: unable to open tcpto: file does not exist\n",
  });
  assert.equal((await house.run(["qmail-tcpok"])).code, 111);
});
