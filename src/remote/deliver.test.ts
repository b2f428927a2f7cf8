import assert from "node:assert/strict";
import { test } from "node:test";
import { ControlError } from "#control";
import { makeTestTls } from "#smtp/client/testing";
import { makeDeliver } from "./deliver.ts";
import { makeIsOwn } from "./own-addresses.ts";
import { type Change, job, source, talk, testWorld, willing } from "./testing/test-world.ts";

const ip = "192.0.2.1";
const zone = { "there.test": { mx: [[10, "mx.there.test"]] as const }, "mx.there.test": { a: [ip] } };

/** One delivery to ann@there.test as `letter + text`. */
async function reportFrom(t: Parameters<typeof testWorld>[0], change: Change, recipient = "ann@there.test") {
  const world = await testWorld(t, { zone, ...change });
  const { fate, text } = await makeDeliver(world)(job(recipient));
  return { fate, text, world };
}

const mail = ["C: MAIL FROM:<joe@here.test>", "S: 250 ok"];
const rcpt = ["C: RCPT TO:<ann@there.test>", "S: 250 ok"];
const data = ["C: DATA", "S: 354 go", "MESSAGE"];
const pipelining = ["S: 220 mx", "C: *", "RAW 250-mx\\r\\n250 PIPELINING\\r\\n", "C: *", "C: *", "C: *"];

test("every row of qmail-remote's table is said in its words [Q-188] [Q-194] [Q-189]", async (t) => {
  const rows: readonly (readonly [name: string, script: string, fate: string, text: string])[] = [
    ["accepted", willing, "done", `${ip} accepted message.\nRemote host said: 250 taken\n`],
    [
      "accepted, multi-line",
      talk(...mail, ...rcpt, ...data, "S: 250-first", "S: 250-\\0", "S: 250 last"),
      "done",
      `${ip} accepted message.\nRemote host said: 250-first\n250-?\n250 last\n`,
    ],
    [
      "greeting 4xx",
      "S: 421 busy",
      "temporary",
      `Connected to ${ip} but greeting failed.\nRemote host said: 421 busy\n`,
    ],
    [
      "greeting 5xx",
      "S: 554-go away\nS: 554 now",
      "temporary",
      `Connected to ${ip} but greeting failed.\nRemote host said: 554-go away\n554 now\n`,
    ],
    [
      "HELO 5xx",
      "S: 220 mx\nC: EHLO me.test\nS: 500 what\nC: HELO me.test\nS: 550 who?",
      "temporary",
      `Connected to ${ip} but my name was rejected.\nRemote host said: 550 who?\n`,
    ],
    [
      "EHLO 4xx",
      "S: 220 mx\nC: EHLO me.test\nS: 450 later",
      "temporary",
      `Connected to ${ip} but my name was rejected.\nRemote host said: 450 later\n`,
    ],
    [
      "MAIL 5xx",
      talk("C: *", "S: 550 not you"),
      "permanent",
      `Connected to ${ip} but sender was rejected.\nRemote host said: 550 not you\n`,
    ],
    [
      "MAIL 4xx",
      talk("C: *", "S: 451 not now"),
      "temporary",
      `Connected to ${ip} but sender was rejected.\nRemote host said: 451 not now\n`,
    ],
    [
      "RCPT 5xx",
      talk(...mail, "C: *", "S: 550-no such", "S: 550 user"),
      "permanent",
      `${ip} does not like recipient.\nRemote host said: 550-no such\n550 user\nGiving up on ${ip}.\n`,
    ],
    [
      "RCPT 4xx",
      talk(...mail, "C: *", "S: 450 grey"),
      "temporary",
      `${ip} does not like recipient.\nRemote host said: 450 grey\nGiving up on ${ip}.\n`,
    ],
    [
      "RCPT 5xx, pipelined",
      [...pipelining, "RAW 250 a\\r\\n550 b\\r\\n503 c\\r\\n"].join("\n"),
      "permanent",
      `${ip} does not like recipient.\nRemote host said: 550 b\nGiving up on ${ip}.\n`,
    ],
    [
      "DATA 5xx",
      talk(...mail, ...rcpt, "C: DATA", "S: 554 no"),
      "permanent",
      `${ip} failed on DATA command.\nRemote host said: 554 no\n`,
    ],
    [
      "DATA 4xx",
      talk(...mail, ...rcpt, "C: DATA", "S: 451 no"),
      "temporary",
      `${ip} failed on DATA command.\nRemote host said: 451 no\n`,
    ],
    [
      "message 5xx",
      talk(...mail, ...rcpt, ...data, "S: 554 spam"),
      "permanent",
      `${ip} failed after I sent the message.\nRemote host said: 554 spam\n`,
    ],
    [
      "message 4xx",
      talk(...mail, ...rcpt, ...data, "S: 452 full"),
      "temporary",
      `${ip} failed after I sent the message.\nRemote host said: 452 full\n`,
    ],
    ["dies at once", "CLOSE", "temporary", `Connected to ${ip} but connection died. (#4.4.2)\n`],
    ["dies in greeting", "S: 220-mx\nCLOSE", "temporary", `Connected to ${ip} but connection died. (#4.4.2)\n`],
    ["dies after EHLO", "S: 220 mx\nC: *\nRESET", "temporary", `Connected to ${ip} but connection died. (#4.4.2)\n`],
    ["dies after MAIL", talk("C: *", "CLOSE"), "temporary", `Connected to ${ip} but connection died. (#4.4.2)\n`],
    [
      "dies after RCPT",
      talk(...mail, "C: *", "CLOSE"),
      "temporary",
      `Connected to ${ip} but connection died. (#4.4.2)\n`,
    ],
    [
      "dies after DATA",
      talk(...mail, ...rcpt, "C: *", "CLOSE"),
      "temporary",
      `Connected to ${ip} but connection died. (#4.4.2)\n`,
    ],
    [
      "dies after the dot",
      talk(...mail, ...rcpt, ...data, "CLOSE"),
      "temporary",
      `Connected to ${ip} but connection died. Possible duplicate! (#4.4.2)\n`,
    ],
    [
      "dies in the last reply",
      talk(...mail, ...rcpt, ...data, "S: 250-so", "RESET"),
      "temporary",
      `Connected to ${ip} but connection died. Possible duplicate! (#4.4.2)\n`,
    ],
    [
      "babbles after the dot",
      talk(...mail, ...rcpt, ...data, "S: thanks a lot"),
      "temporary",
      `${ip} failed after I sent the message.\nRemote host said: thanks a lot\n`,
    ],
    [
      "babbles at once",
      "S: SSH-2.0",
      "temporary",
      `Connected to ${ip} but greeting failed.\nRemote host said: SSH-2.0\n`,
    ],
  ];
  for (const [name, script, fate, text] of rows) {
    await t.test(name, async (sub) => {
      const { world, ...report } = await reportFrom(sub, { hosts: { [ip]: [script] } });
      assert.deepEqual(report, { fate, text });
      assert.deepEqual(world.servers.get(ip)?.complaints, []);
    });
  }
});

test("at most 5000 octets of a reply are repeated [Q-188]", async (t) => {
  const script = `S: 220 mx\nC: *\nS: 250 mx\nC: *\n${`S: 550-${"x".repeat(90)}\n`.repeat(80)}S: 550 end`;
  const { text, fate } = await reportFrom(t, { hosts: { [ip]: [script] } });
  assert.equal(fate, "permanent");
  assert.equal(text.indexOf("Remote host said: ") + "Remote host said: ".length + 5000, text.length);
});

test("DNS decides: NXDOMAIN bounces, trouble defers, no address bounces otherwise [Q-183]", async (t) => {
  const soft = "Sorry, I couldn't find any host by that name. (#4.1.2)\n";
  const rows: readonly (readonly [string, string, string])[] = [
    ["ann@gone.test", "permanent", "Sorry, I couldn't find any host named gone.test. (#5.1.2)\n"],
    ["ann@b\x01d.test", "permanent", "Sorry, I couldn't find any host named b?d.test. (#5.1.2)\n"],
    ["ann@", "permanent", "Sorry, I couldn't find any host named . (#5.1.2)\n"],
    ["ann@silent.test", "temporary", soft],
    ["ann@failing.test", "temporary", soft],
    ["ann@softmx.test", "temporary", soft],
    ["ann@softself.test", "temporary", soft],
    ["ann@bare.test", "permanent", "Sorry, I couldn't find a mail exchanger or IP address. (#5.4.4)\n"],
    ["ann@emptymx.test", "permanent", "Sorry, I couldn't find a mail exchanger or IP address. (#5.4.4)\n"],
    ["ann@null.test", "permanent", "Sorry, null.test does not accept mail: it has a null MX. (#5.1.10)\n"],
    ["ann", "permanent", "Sorry, address must include host name. (#5.1.3)\n"],
    ["ann@x\r\nDATA", "permanent", "Sorry, I can't send an address with a line break or a NUL in it. (#5.1.3)\n"],
  ];
  const world = await testWorld(t, {
    own: ["192.0.2.200"],
    zone: {
      "silent.test": { fault: "silent" },
      "failing.test": { fault: "servfail" },
      "softmx.test": { mx: [[10, "silent.test"]] },
      "softself.test": {
        mx: [
          [10, "failing.test"],
          [20, "self.test"],
        ],
      },
      "self.test": { a: ["192.0.2.200"] },
      "bare.test": { txt: ["x"] },
      "emptymx.test": {
        mx: [
          [10, "bare.test"],
          [20, "gone.test"],
        ],
      },
      "null.test": { mx: [[0, "."]] },
    },
  });
  for (const [recipient, fate, text] of rows) {
    // Trouble that would meet every message for the host says so; the scheduler sends it fewer at a time.
    const scope = fate === "temporary" ? { scope: "host" } : {};
    assert.deepEqual(await makeDeliver(world)(job(recipient)), { fate, text, ...scope }, recipient);
  }
});

test("a host that is only in /etc/hosts is not found [Q-186]", async (t) => {
  const { text } = await reportFrom(t, {}, "ann@localhost");
  assert.equal(text, "Sorry, I couldn't find any host named localhost. (#5.1.2)\n");
});

test("exchangers are tried by preference, equal ones in random order, all addresses of each [Q-181] [Q-187]", async (t) => {
  const change = {
    zone: {
      "there.test": {
        mx: [
          [20, "c.test"],
          [10, "a.test"],
          [10, "b.test"],
        ] as const,
      },
      "a.test": { a: ["192.0.2.1", "192.0.2.2"], aaaa: ["2001:db8::1"] },
      "b.test": { a: ["192.0.2.3"] },
      "c.test": { a: ["192.0.2.4"] },
    },
    hosts: { "192.0.2.1": "refused", "192.0.2.2": "refused", "192.0.2.3": "refused", "192.0.2.4": "refused" } as const,
  };
  const expected = "Sorry, I wasn't able to establish an SMTP connection. (#4.4.1)\n";
  const orders = new Set<string>();
  for (const random of [() => 0.999, () => 0]) {
    const { text, fate, world } = await reportFrom(t, { ...change, random });
    assert.deepEqual([fate, text], ["temporary", expected]);
    assert.equal(world.tried.length, 5);
    assert.equal(world.tried[4], "192.0.2.4:25");
    orders.add(world.tried.join(" "));
  }
  assert.deepEqual(
    [...orders],
    [
      "192.0.2.1:25 192.0.2.2:25 2001:db8::1:25 192.0.2.3:25 192.0.2.4:25",
      "192.0.2.3:25 192.0.2.2:25 192.0.2.1:25 2001:db8::1:25 192.0.2.4:25",
    ],
  );
});

test("without MX the host's own addresses are used; [ip] and a bare address are taken literally [Q-182]", async (t) => {
  for (const [recipient, address] of [
    ["ann@a.test", ip],
    [`ann@[${ip}]`, ip],
    [`ann@${ip}`, ip],
    ["ann@[IPv6:2001:DB8:0::1]", "2001:db8::1"],
    ["ann@alias.test", ip],
  ] as const) {
    const { text, world } = await reportFrom(
      t,
      { zone: { "a.test": { a: [ip] }, "alias.test": { cname: "a.test" } }, hosts: { [address]: [willing] } },
      recipient,
    );
    assert.equal(text, `${address} accepted message.\nRemote host said: 250 taken\n`, recipient);
    assert.deepEqual(world.tried, [`${address}:25`]);
    assert.equal(world.servers.get(address)?.commands(0)[2], `RCPT TO:<${recipient}>`);
  }
});

test("a best exchanger that is this host is a loop; worse ones than this host are never used [Q-184]", async (t) => {
  const loop =
    "Sorry. Although I'm listed as a best-preference MX or A for that host,\nit isn't in my control/locals file, so I don't treat it as local. (#5.4.6)\n";
  const change = {
    own: ["192.0.2.9"],
    zone: {
      "best.test": {
        mx: [
          [10, "self.test"],
          [20, "a.test"],
        ] as const,
      },
      "tied.test": {
        mx: [
          [10, "a.test"],
          [10, "self.test"],
        ] as const,
      },
      "second.test": {
        mx: [
          [10, "a.test"],
          [20, "self.test"],
          [30, "b.test"],
        ] as const,
      },
      "self.test": { a: ["192.0.2.9"] },
      "a.test": { a: ["192.0.2.1"] },
      "b.test": { a: ["192.0.2.2"] },
    },
    hosts: { "192.0.2.1": "refused", "192.0.2.2": [willing] } as const,
  };
  for (const host of ["best.test", "tied.test", "self.test", "[192.0.2.9]"]) {
    const { text, fate, world } = await reportFrom(t, change, `ann@${host}`);
    assert.deepEqual([fate, text, world.tried], ["permanent", loop, []], host);
  }
  const { text, world } = await reportFrom(t, change, "ann@second.test");
  assert.equal(text, "Sorry, I wasn't able to establish an SMTP connection. (#4.4.1)\n");
  assert.deepEqual(world.tried, ["192.0.2.1:25"]);
});

test("0.0.0.0, all of 127/8, this machine's interfaces and moreipme are this host; notipme is not [Q-184]", () => {
  const isOwn = makeIsOwn(() => ({ more: ["192.0.2.77"], less: ["127.0.0.9"] }));
  for (const address of ["0.0.0.0", "::", "127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1", "192.0.2.77"])
    assert.equal(isOwn(address), true, address);
  for (const address of ["127.0.0.9", "192.0.2.78", "2001:db8::5"]) assert.equal(isOwn(address), false, address);
});

test("smtproutes: exact, suffix, default, exception, port, [ip], no MX for the relay, no self check [Q-185]", async (t) => {
  const change = {
    own: ["192.0.2.5"],
    routes: {
      "exact.test": "relay.test:2525",
      ".suffix.test": "[192.0.2.2]:26",
      "not.suffix.test": "",
      "six.test": "[2001:db8::1]:27",
      "self.test": "selfrelay.test",
      "lost.test": "gone.test",
      "": "smart.test",
    },
    zone: {
      "relay.test": { a: ["192.0.2.1"], mx: [[1, "wrong.test"]] as const },
      "wrong.test": { a: ["192.0.2.66"] },
      "smart.test": { a: ["192.0.2.3"] },
      "not.suffix.test": { mx: [[1, "mx.test"]] as const },
      "mx.test": { a: ["192.0.2.4"] },
      "selfrelay.test": { a: ["192.0.2.5"] },
    },
    hosts: {},
  };
  for (const [host, tried] of [
    ["Exact.Test", "192.0.2.1:2525"],
    ["a.b.suffix.test", "192.0.2.2:26"],
    ["suffix.test", "192.0.2.3:25"],
    ["not.suffix.test", "192.0.2.4:25"],
    ["x.exact.test", "192.0.2.3:25"],
    ["six.test", "2001:db8::1:27"],
    ["self.test", "192.0.2.5:25"],
  ] as const) {
    const { world } = await reportFrom(t, change, `ann@${host}`);
    assert.deepEqual(world.tried, [tried], host);
  }
  const { text } = await reportFrom(t, change, "ann@lost.test");
  assert.equal(text, "Sorry, I couldn't find any host named gone.test. (#5.1.2)\n");
});

test("a bad greeting, a rejected name or an early end lead to the next exchanger [Q-296]", async (t) => {
  for (const first of [
    "S: 421 busy",
    "S: 554 no",
    "CLOSE",
    "RESET",
    "S: 220 mx\nC: *\nS: 450 later",
    "S: 220 mx\nC: *\nCLOSE",
  ]) {
    const { text } = await reportFrom(t, {
      zone: {
        "there.test": {
          mx: [
            [10, "a.test"],
            [20, "b.test"],
          ],
        },
        "a.test": { a: ["192.0.2.1"] },
        "b.test": { a: ["192.0.2.2"] },
      },
      hosts: { "192.0.2.1": [first], "192.0.2.2": [willing] },
    });
    assert.equal(text, "192.0.2.2 accepted message.\nRemote host said: 250 taken\n", first);
  }
});

test("once a server has taken our name its word is final: no other exchanger is asked [Q-296]", async (t) => {
  const { text, world } = await reportFrom(t, {
    zone: {
      "there.test": {
        mx: [
          [10, "a.test"],
          [20, "b.test"],
        ],
      },
      "a.test": { a: [ip] },
      "b.test": { a: ["192.0.2.2"] },
    },
    hosts: { [ip]: [talk("C: *", "S: 451 no")], "192.0.2.2": [willing] },
  });
  assert.equal(text, `Connected to ${ip} but sender was rejected.\nRemote host said: 451 no\n`);
  assert.deepEqual(world.tried, [`${ip}:25`]);
});

test("a failing handshake leads back to the same server in the clear [Q-281]", async (t) => {
  const offer = "S: 220 mx\nC: *\nRAW 250-mx\\r\\n250 STARTTLS\\r\\n\nC: STARTTLS\nS: 220 go\nSOME\nCLOSE";
  const { text, world } = await reportFrom(t, { hosts: { [ip]: [offer, willing] } });
  assert.equal(text, `${ip} accepted message.\nRemote host said: 250 taken\n`);
  assert.deepEqual(world.tried, [`${ip}:25`, `${ip}:25`]);
});

test("where proof is wanted, mail waits rather than go to a server without it [Q-281]", async (t) => {
  const tls = await makeTestTls("mx.there.test");
  if (tls === null) return t.skip("openssl(1) is not here");
  const secure = `S: 220 mx\nC: *\nRAW 250-mx\\r\\n250 STARTTLS\\r\\n\nC: STARTTLS\nS: 220 go\nTLS\n${willing.split("\n").slice(1).join("\n")}`;
  const world = await testWorld(t, { zone, tls, hosts: { [ip]: [secure, willing] } });
  const deliver = makeDeliver({
    ...world,
    tlsPolicy: (host) => (host === "mx.there.test" ? { kind: "verified", authorities: tls.cert } : { kind: "never" }),
  });
  assert.equal((await deliver(job("ann@there.test"))).fate, "done");
  world.pool.close();
  assert.deepEqual(await deliver(job("ann@there.test")), {
    fate: "temporary",
    text: `Connected to ${ip} but TLS is required and failed: TLS not offered. (#4.7.5)\n`,
    scope: "host",
  });
});

test("two timeouts two minutes apart keep a host from being tried; an answer clears it [Q-195] [Q-197]", async (t) => {
  const noConnection = "Sorry, I wasn't able to establish an SMTP connection. (#4.4.1)\n";
  const world = await testWorld(t, { zone, hosts: { [ip]: "timeout" } });
  const deliver = makeDeliver(world);
  const tries = async (): Promise<number> => {
    const before = world.tried.length;
    assert.equal((await deliver(job("ann@there.test"))).text, noConnection);
    return world.tried.length - before;
  };
  assert.equal(await tries(), 1);
  world.clock.seconds += 60;
  assert.equal(await tries(), 1); // within two minutes: does not count
  world.clock.seconds += 60;
  assert.equal(await tries(), 1); // the second timeout that counts
  world.clock.seconds += 3839;
  assert.equal(await tries(), 0);
  world.clock.seconds += 1;
  assert.equal(await tries(), 1);
  const refusing = makeDeliver({ ...world, connect: async () => ({ kind: "refused", reason: "ECONNREFUSED" }) });
  world.clock.seconds += 5000;
  await refusing(job("ann@there.test"));
  assert.deepEqual(world.deadHosts.list(), []);
});

test("a successful connection clears the count [Q-197]", async (t) => {
  const world = await testWorld(t, { zone, hosts: { [ip]: [willing] } });
  world.deadHosts.timedOut(ip);
  assert.equal((await makeDeliver(world)(job("ann@there.test"))).fate, "done");
  assert.deepEqual(world.deadHosts.list(), []);
});

test("timeoutconnect bounds the connection, timeoutremote each wait [Q-198]", async (t) => {
  const { text, world } = await reportFrom(t, {
    hosts: { [ip]: [talk("WAIT")] },
    settings: { connectTimeoutMs: 1234, ioTimeoutMs: 150 },
  });
  assert.equal(text, `Connected to ${ip} but connection died. (#4.4.2)\n`);
  assert.deepEqual(world.connectTimeouts, [1234]);
});

test("control files that cannot be read defer the mail", async (t) => {
  const world = await testWorld(t, { zone });
  const settings = (): never => {
    throw new ControlError("neither helohost nor me exists");
  };
  assert.deepEqual(await makeDeliver({ ...world, settings })(job("ann@there.test")), {
    fate: "temporary",
    text: "Unable to read control files. (#4.3.0)\n",
  });
});

test("a message that cannot be read defers the mail, and no half of it is accepted", async (t) => {
  const world = await testWorld(t, { zone, hosts: { [ip]: [willing] } });
  const message = { sizeBytes: 300_000, whole: null, read: () => Promise.reject(new Error("the queue is gone")) };
  assert.deepEqual(await makeDeliver(world)(job("ann@there.test", message)), {
    fate: "temporary",
    text: "Unable to read message. (#4.3.0)\n",
  });
});

test("a large message is pulled in pieces and arrives whole", async (t) => {
  const world = await testWorld(t, { zone, hosts: { [ip]: [willing] } });
  const text = "0123456789\n".repeat(100_000);
  assert.equal((await makeDeliver(world)(job("ann@there.test", source(text, true)))).fate, "done");
  assert.ok(world.servers.get(ip)?.message(0) === text.replaceAll("\n", "\r\n"));
});

const again = willing.split("\n").slice(3).join("\n");

test("the next message to the same place takes the same connection, until it has idled away", async (t) => {
  const world = await testWorld(t, { zone, hosts: { [ip]: [`${willing}\n${again}\nC: QUIT`] } });
  const deliver = makeDeliver(world);
  assert.equal((await deliver(job("ann@there.test"))).fate, "done");
  assert.equal((await deliver(job("bob@there.test"))).fate, "done");
  assert.deepEqual(world.tried, [`${ip}:25`]);
  const server = world.servers.get(ip)!;
  while (server.open() > 0) await new Promise((done) => setTimeout(done, 10));
  assert.equal(server.commands(0).at(-1), "QUIT");
  assert.deepEqual(server.complaints, []);
});

test("a server that lost patience with an idle connection is called anew, and nothing is lost or doubled", async (t) => {
  for (const end of [
    "CLOSE",
    "S: 421 idle too long\nCLOSE",
    "C: *\nS: 421 enough",
    "C: *\nCLOSE",
    `${again.split("\n").slice(0, 4).join("\n")}\nC: DATA\nRESET`,
  ]) {
    const world = await testWorld(t, { zone, hosts: { [ip]: [`${willing}\n${end}`, willing] } });
    const deliver = makeDeliver(world);
    assert.equal((await deliver(job("ann@there.test"))).fate, "done");
    assert.equal((await deliver(job("bob@there.test"))).fate, "done", end);
    assert.equal(world.tried.length, 2, end);
    world.pool.close();
  }
});

test("a connection that dies after the dot is not tried anew, reused or not [Q-189]", async (t) => {
  const dies = again.replace(/S: 250 taken$/, "CLOSE");
  const world = await testWorld(t, { zone, hosts: { [ip]: [`${willing}\n${dies}`] } });
  const deliver = makeDeliver(world);
  assert.equal((await deliver(job("ann@there.test"))).fate, "done");
  const { text } = await deliver(job("bob@there.test"));
  assert.equal(text, `Connected to ${ip} but connection died. Possible duplicate! (#4.4.2)\n`);
  assert.equal(world.tried.length, 1);
});

test("a relay's user and password in smtproutes are proved to it, and a refusal only defers", async (t) => {
  const hello = "S: 220 mx\nC: *\nRAW 250-mx\\r\\n250 AUTH PLAIN\\r\\n\nC: AUTH PLAIN AGpvZQBzZWNyZXQ=";
  const rest = willing.split("\n").slice(3).join("\n");
  const routes = { "": `[${ip}]:587 joe secret` };
  const taken = await reportFrom(t, { routes, hosts: { [ip]: [`${hello}\nS: 235 yes\n${rest}`] } });
  assert.equal(taken.text, `${ip} accepted message.\nRemote host said: 250 taken\n`);
  assert.deepEqual(taken.world.tried, [`${ip}:587`]);
  const { fate, text } = await reportFrom(t, { routes, hosts: { [ip]: [`${hello}\nS: 535 no`] } });
  assert.deepEqual(
    [fate, text],
    ["temporary", `Connected to ${ip} but my credentials were rejected.\nRemote host said: 535 no\n`],
  );
});

test("a connection carries a hundred messages, then another is made", async (t) => {
  const hundred = `${willing}\n${`${again}\n`.repeat(99)}C: QUIT`;
  const world = await testWorld(t, { zone, hosts: { [ip]: [hundred, willing] } });
  const deliver = makeDeliver(world);
  for (let i = 0; i < 101; i++) assert.equal((await deliver(job("ann@there.test"))).fate, "done");
  assert.equal(world.tried.length, 2);
  assert.deepEqual(world.servers.get(ip)?.complaints, []);
});

test("many deliveries at once share no session", async (t) => {
  const world = await testWorld(t, { zone, hosts: { [ip]: [`${willing}\n${`${again}\n`.repeat(40)}`] } });
  const deliver = makeDeliver(world);
  const outcomes = await Promise.all(
    Array.from({ length: 30 }, (_, queueId) => deliver({ ...job("ann@there.test"), queueId })),
  );
  assert.ok(outcomes.every(({ fate }) => fate === "done"));
  assert.equal((await deliver(job("ann@there.test"))).fate, "done");
  assert.equal(world.tried.length, 30);
});

test("a lack of descriptors is told as ours, and blames no host [Q-188]", async (t) => {
  const world = await testWorld(t, { zone });
  world.deadHosts.timedOut(ip);
  const connect = async () => ({ kind: "unreachable", reason: "EMFILE" }) as const;
  assert.deepEqual(await makeDeliver({ ...world, connect })(job("ann@there.test")), {
    fate: "temporary",
    text: "System resources temporarily unavailable. (#4.3.0)\n",
  });
  assert.equal(world.deadHosts.list().length, 1);
});
