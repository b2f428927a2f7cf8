/**
 * Clients that mean ill, against QMTP and QMQP (the programs behind a listener as tcpserver is one, and the queue's own door) and POP3,
 * all of them real processes: lengths without end, NULs, garbage, octets one by one, connections that are reset at every step or say
 * nothing, answers that are not read, passwords that are guessed. Memory stays bounded, others are served, nothing is queued by half.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { House, inbox, quailCommand, until } from "../system/house.ts";
import { mailPasses, mb, memoryOf, open, pidsOf, watching } from "./watching.ts";

const idleConnections = 500;
const slowConnections = 60;
const guessers = 80;

let house: House;
let password = "";

before(async () => {
  house = await House.open({ pop3: true, control: { concurrencypop3: `${idleConnections + slowConnections + 40}\n` } });
  password = /^ {2}password {2}(\S+)$/m.exec(readFileSync(house.path("welcome.txt"), "utf8"))?.[1] ?? "";
  await mailPasses(house, "warm");
});
after(async () => {
  await house[Symbol.asyncDispose]();
});

const netstring = (content: string): string => `${content.length}:${content},`;
const text = (subject: string, bytes = 0): string =>
  `Subject: ${subject}\n\n${`${"x".repeat(99)}\n`.repeat(bytes / 100)}`;
const qmtpPackage = (subject: string): string =>
  netstring(`\n${text(subject)}`) + netstring("a@b.test") + netstring(netstring(inbox));
const qmqpPackage = (subject: string, bytes = 0): string =>
  netstring(netstring(text(subject, bytes)) + netstring("a@b.test") + netstring(inbox));

/** One connection to a program: what it came to. */
type Visit = { code: number | null; over: boolean; peakBytes: number };

type Listener = AsyncDisposable & {
  readonly port: number;
  /** By the client's port. */
  readonly visits: ReadonlyMap<number, Visit>;
};

/** Runs a program for each connection, the connection being its stdin and stdout, as tcpserver does. */
async function listenFor(program: string): Promise<Listener> {
  const visits = new Map<number, Visit>();
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    const visit: Visit = { code: null, over: false, peakBytes: 0 };
    visits.set(socket.remotePort ?? 0, visit);
    const env = { ...process.env, QUAIL_HOME: house.home, TCPREMOTEIP: "192.0.2.9" };
    const child = spawn(quailCommand, [program], { env, stdio: [socket, socket, "inherit"] });
    socket.destroy(); // The program has its own hold on it.
    const timer = setInterval(() => {
      visit.peakBytes = Math.max(visit.peakBytes, memoryOf(child.pid ?? 0, "VmHWM"));
    }, 20);
    child.once("exit", (code) => {
      clearInterval(timer);
      visit.code = code;
      visit.over = true;
    });
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port was given");
  return {
    port: address.port,
    visits,
    async [Symbol.asyncDispose]() {
      server.close();
      await until("the programs end", () => [...visits.values()].every(({ over }) => over));
    },
  };
}

/** Writes all of it, as fast as the other side reads; false if that has gone meanwhile. */
async function pour(socket: Socket, pieces: Iterable<string | Uint8Array>): Promise<boolean> {
  const closed = new Promise((done) => socket.once("close", done));
  for (const piece of pieces) {
    if (socket.destroyed) return false;
    const isTaken = typeof piece === "string" ? socket.write(piece, "latin1") : socket.write(piece);
    if (!isTaken) await Promise.race([new Promise((go) => socket.once("drain", go)), closed]);
  }
  return !socket.destroyed;
}

/** Everything the other side says, growing. */
function heard(socket: Socket): { readonly text: () => string; readonly closed: Promise<void> } {
  let said = "";
  socket.on("data", (bytes: Buffer) => {
    said += bytes.toString("latin1");
  });
  return { text: () => said, closed: new Promise((done) => socket.once("close", () => done())) };
}

/** Says something to a listener or a door, then ends, breaks or leaves the connection, and gives back what was answered until it closed. */
async function say(
  where: number | string,
  pieces: Iterable<string | Uint8Array>,
  then: "end" | "reset" | "wait" = "end",
): Promise<{ readonly from: number; readonly said: string }> {
  const socket = await open(where);
  const from = socket.localPort ?? 0;
  const answer = heard(socket);
  await pour(socket, pieces);
  if (then === "end") socket.end();
  if (then === "reset") {
    await sleep(20); // So that it is read.
    socket.resetAndDestroy();
  }
  await answer.closed;
  return { from, said: answer.text() };
}

/** How many messages the queue has taken. */
const taken = (): number => house.logLines().filter((line) => line.startsWith("new msg ")).length;

/** Files of large bodies that are in the queue. */
function bodyFiles(): readonly string[] {
  return readdirSync(house.path("queue", "mess"), { recursive: true, encoding: "utf8" }).filter((name) =>
    statSync(join(house.path("queue", "mess"), name), { throwIfNoEntry: false })?.isFile(),
  );
}

function* many(piece: string, bytes: number): Generator<Buffer> {
  const chunk = Buffer.from(piece.repeat(Math.ceil(65_536 / piece.length)), "latin1");
  for (let sent = 0; sent < bytes; sent += chunk.length) yield chunk.subarray(0, Math.min(chunk.length, bytes - sent));
}

function* inOrder(...parts: readonly (string | Iterable<Buffer>)[]): Generator<string | Buffer> {
  for (const part of parts) {
    if (typeof part === "string") yield part;
    else yield* part;
  }
}

const bigBytes = 20_000_000;

/** What a client says, and the program's exit code: 0 it went away, 100 it broke the protocol, 111 it wants too much. */
const insults: readonly {
  readonly what: string;
  readonly code: 0 | 100 | 111;
  readonly says: Readonly<Record<"qmail-qmtpd" | "qmail-qmqpd", () => Iterable<string | Uint8Array>>>;
}[] = [
  both("nothing", 0, () => []),
  both("a length of nines without end", 111, () => many("9", 1_000_000)),
  both("a length of zeros without end", 100, () => many("0", 1_000_000)),
  both("NULs", 100, () => many("\0", 100_000)),
  both("octets above 127", 100, () => many("\xff\xfe", 100_000)),
  both("HTTP", 100, () => ["GET / HTTP/1.1\r\nHost: x\r\n\r\n"]),
  both("a negative length", 100, () => ["-1:x,"]),
  {
    what: "200 MB announced, and 1 KB",
    code: 0,
    says: {
      "qmail-qmtpd": () => ["199999999:\n", "x".repeat(1_000)],
      "qmail-qmqpd": () => ["199999999:199999000:", "x".repeat(1_000)],
    },
  },
  {
    what: `${bigBytes / 1e6} MB without a comma behind them`,
    code: 100,
    says: {
      "qmail-qmtpd": () => inOrder(`${bigBytes + 1}:\n`, many("x", bigBytes), "!"),
      "qmail-qmqpd": () => inOrder(`${bigBytes + 100}:${bigBytes}:`, many("x", bigBytes), "!"),
    },
  },
  {
    what: "more addresses than anybody has",
    code: 111,
    says: {
      "qmail-qmtpd": () => [netstring("\nSubject: x\n\n"), netstring("a@b.test"), "17000000:1:x,"],
      "qmail-qmqpd": () => ["190000000:", netstring("Subject: x\n\n"), "1:x,"],
    },
  },
  {
    what: "an address longer than its list",
    code: 100,
    says: {
      "qmail-qmtpd": () => [netstring("\nSubject: x\n\n"), netstring("a@b.test"), "10:999:xxxxx,,"],
      "qmail-qmqpd": () => [`${netstring(netstring("Subject: x\n\n") + netstring("a@b.test")).slice(0, -1)}9999:x,,`],
    },
  },
];

function both(what: string, code: 0 | 100 | 111, says: () => Iterable<string | Uint8Array>) {
  return { what, code, says: { "qmail-qmtpd": says, "qmail-qmqpd": says } };
}

/** Where a good package is cut: within and behind each of its parts. */
function steps(whole: string): readonly number[] {
  const marks = [...whole.matchAll(/[:,]/g)].flatMap(({ index }) => [index, index + 1, index + 2]);
  return [...new Set(marks)].filter((at) => at < whole.length - 1);
}

for (const [program, good] of [
  ["qmail-qmtpd", qmtpPackage],
  ["qmail-qmqpd", qmqpPackage],
] as const) {
  test(`${program}: insults and resets at each step end in the right exit code and in no message; memory is bounded`, async (t) => {
    await using listener = await listenFor(program);
    const before = taken();
    const wrong: string[] = [];
    let peak = 0;
    const check = async (what: string, code: number, pieces: Iterable<string | Uint8Array>, then: "end" | "reset") => {
      const { from, said } = await say(listener.port, pieces, then);
      const visit = await until(`the program's end after ${what}`, () => {
        const found = listener.visits.get(from);
        return found?.over ? found : null;
      });
      peak = Math.max(peak, visit.peakBytes);
      if (visit.code !== code || said !== "") wrong.push(`${what}: ${visit.code} ${said}`);
    };
    const whole = good("cut");
    const jobs = [
      ...insults.map(
        ({ what, code, says }) =>
          () =>
            check(what, code, says[program](), "end"),
      ),
      // Every third of them: a program each.
      ...steps(whole)
        .filter((_, n) => n % 3 === 0)
        .map((at) => () => check(`a reset after ${at} octets`, 0, [whole.slice(0, at)], "reset")),
    ];
    // Four at a time, as hostile clients would come, and a good one at the end.
    const take = async (): Promise<void> => {
      for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) await job();
    };
    await Promise.all([take(), take(), take(), take()]);
    assert.deepEqual(wrong, []);
    assert.equal(taken(), before, "nothing was queued");
    assert.match(
      (await say(listener.port, [good(`after insults to ${program}`)])).said,
      /^[0-9]+:Kok [0-9]+ qp [0-9]+,$/,
    );
    await until("the good one", () => taken() === before + 1);
    t.diagnostic(`${mb(peak)} MB at most in one process`);
    assert.ok(peak < 200e6, `${mb(peak)} MB`);
  });
}

test("a package that comes octet by octet is served by the programs and at the door, and mail passes beside", async () => {
  await using qmtp = await listenFor("qmail-qmtpd");
  await using qmqp = await listenFor("qmail-qmqpd");
  const drip = async (where: number | string, whole: string): Promise<string> => {
    const socket = await open(where);
    socket.setNoDelay(true);
    const answer = heard(socket);
    for (const octet of whole) {
      socket.write(octet);
      await sleep(5);
    }
    if (typeof where === "number") socket.end();
    await answer.closed;
    return answer.text();
  };
  const before = taken();
  const dripping = Promise.all([
    drip(qmtp.port, qmtpPackage("dripped to qmtpd")),
    drip(qmqp.port, qmqpPackage("dripped to qmqpd")),
    drip(house.path("queue", "door"), qmqpPackage("dripped to the door")),
  ]);
  await mailPasses(house, "beside the drips");
  for (const said of await dripping) assert.match(said, /^[0-9]+:Kok [0-9]+ qp [0-9]+,$/);
  await until("all of them", () => taken() === before + 4);
});

test(`the queue's door: ${idleConnections} idle knocks, rubbish, and a hang-up after every octet: bounded, and nothing queued`, async (t) => {
  const door = house.path("queue", "door");
  const before = taken();
  const growth = await watching(t, `${idleConnections} idle knocks, rubbish and hang-ups`, house, async () => {
    const idle: Socket[] = [];
    for (let n = 0; n < idleConnections; n += 100)
      idle.push(...(await Promise.all(Array.from({ length: 100 }, () => open(door)))));
    for (const { says } of insults) await say(door, says["qmail-qmqpd"]());
    for (const pieces of [["QUAIL2\n"], ["Q".repeat(100_000)], ["QUAIL1\n", "\xff".repeat(100_000)], ["QUAIL1\n\0\0"]])
      assert.equal((await say(door, pieces)).said, "");
    const whole = qmqpPackage("cut");
    for (let at = 1; at < whole.length; at++) {
      const socket = await open(door);
      await new Promise((written) => socket.write(whole.slice(0, at), written));
      socket.destroy();
    }
    await mailPasses(house, "beside the knocks");
    for (const socket of idle) socket.destroy();
  });
  await until("the mail beside them", () => taken() === before + 1);
  await sleep(200);
  assert.equal(taken(), before + 1, "and nothing else");
  assert.ok(growth < 120e6, `${mb(growth)} MB`);
});

test(`the queue's door: a classic package of ${bigBytes / 1e6} MB is taken, one that is broken off leaves nothing`, async (t) => {
  const door = house.path("queue", "door");
  const before = taken();
  const growth = await watching(t, `two packages of ${bigBytes / 1e6} MB at the door`, house, async () => {
    await say(door, inOrder(`${bigBytes + 100}:${bigBytes}:`, many("x", bigBytes - 1)));
    assert.equal(taken(), before);
    assert.match((await say(door, [qmqpPackage("large", bigBytes)], "wait")).said, /^[0-9]+:Kok [0-9]+ qp [0-9]+,$/);
    await until("its delivery", () => taken() === before + 1);
  });
  await until("no file is left in the queue", () => bodyFiles().length === 0);
  assert.ok(growth < 150e6, `${mb(growth)} MB`);
});

const login = (): string => `USER you\r\nPASS ${password}\r\n`;
const pop3Port = (): number => house.ports.pop3 ?? 0;

/** A session of somebody honest, until its end; how long it took, in milliseconds. */
async function readMail(commands = "STAT\r\n"): Promise<{ readonly said: string; readonly ms: number }> {
  const begun = Date.now();
  const { said } = await say(pop3Port(), [`${login()}${commands}QUIT\r\n`]);
  assert.match(said, /^\+OK Quail\r\n\+OK \r\n\+OK \r\n/);
  return { said, ms: Date.now() - begun };
}

test(`POP3: ${idleConnections} idle connections and ${slowConnections} slow ones are held cheaply, one too many is sent away, mail is read beside them`, async (t) => {
  await readMail();
  const sockets: Socket[] = [];
  const growth = await watching(t, `${idleConnections} idle and ${slowConnections} slow clients`, house, async () => {
    for (let n = 0; n < idleConnections; n += 100)
      sockets.push(...(await Promise.all(Array.from({ length: 100 }, () => open(pop3Port())))));
    const slow = await Promise.all(Array.from({ length: slowConnections }, () => open(pop3Port())));
    sockets.push(...slow);
    const drip = setInterval(() => {
      for (const socket of slow) socket.write("x");
    }, 100);
    t.diagnostic(`mail read beside them: ${(await readMail()).ms} ms`);
    await sleep(500);
    clearInterval(drip);
  });
  const late = await Promise.all(Array.from({ length: 60 }, () => open(pop3Port())));
  const answers = late.map(heard);
  const sentAway = await until(
    "somebody is sent away",
    () => answers.find(({ text }) => text().startsWith("-ERR")) ?? null,
  );
  await sentAway.closed;
  for (const socket of [...sockets, ...late]) socket.destroy();
  await until("there is room again", async () => (await readMail().catch(() => null)) !== null);
  const perConnection = growth / (idleConnections + slowConnections);
  assert.ok(perConnection < 60_000, `${perConnection} bytes a connection`);
});

test("POP3: answers that nobody reads cost bounded memory, and others are served", async (t) => {
  house.run(["sendmail", inbox], text("large", 12_000_000));
  await until("the large one", () => statLarge() !== null);
  await sleep(1_050); // What came this very second is not listed yet.
  const large = /^([0-9]+) 1[0-9]{7}$/m.exec((await readMail("LIST\r\n")).said.replaceAll("\r", ""))?.[1];
  assert.ok(large !== undefined, "it is listed");
  const sockets: Socket[] = [];
  const growth = await watching(t, "20 clients that do not read their answers", house, async () => {
    for (let n = 0; n < 20; n++) {
      const socket = await open(pop3Port());
      socket.pause();
      sockets.push(socket);
      const flood = n % 2 === 0 ? `RETR ${large}\r\n`.repeat(20) : "LIST\r\nUIDL\r\nNOOP\r\n".repeat(10_000);
      socket.write(login() + flood);
    }
    await sleep(1_500);
    t.diagnostic(`mail read beside them: ${(await readMail()).ms} ms`);
  });
  for (const socket of sockets) socket.destroy();
  // Ten times 240 MB are waiting to be read.
  assert.ok(growth < 250e6, `${mb(growth)} MB`);
});

function statLarge(): string | null {
  const folder = join(house.maildir, "new");
  return readdirSync(folder).find((name) => statSync(join(folder, name)).size > 10_000_000) ?? null;
}

test("POP3: rubbish, and a reset in the middle of each step, change nothing in the mailbox", async () => {
  const before = (await readMail("LIST\r\n")).said;
  const sessions = [
    "",
    "US",
    "USER you\r\n",
    "USER you\r\nPASS ",
    login(),
    `${login()}LIST\r\nUIDL\r\nTOP 1 0\r\n`,
    `${login()}RETR 1\r\n`,
    `${login()}DELE 1\r\n`,
    `${login()}DELE 1\r\nRETR 2\r\n`,
    `${login()}DELE 1\r\nDELE 2\r\nQUI`,
    `${login()}DELE 1\r\n${"x".repeat(100_000)}`,
    `${login()}DELE 1\r\n\0\0\0\r\n\xff\xfe\r\n`,
    `${login()}RETR 99999999999999999999\r\nTOP 1 -1\r\nDELE 0\r\nDELE 1x\0\r\n`,
  ];
  await Promise.all(
    sessions.map(async (bytes) => {
      const socket = await open(pop3Port());
      heard(socket);
      socket.write(bytes, "latin1");
      await sleep(300);
      socket.resetAndDestroy();
    }),
  );
  // Cut off behind DELE by the client's orderly end, without QUIT: RFC 1939 §6, nothing is removed.
  await say(pop3Port(), [`${login()}DELE 1\r\n`]);
  assert.equal((await readMail("LIST\r\n")).said, before);
});

test(`POP3: ${guessers} clients that guess passwords hold up neither the owner nor the mail, and get nothing`, async (t) => {
  await readMail(); // The owner is known here.
  const sockets: Socket[] = [];
  const growth = await watching(t, `${guessers} guessers`, house, async () => {
    const answers = await Promise.all(
      Array.from({ length: guessers }, async (_, n) => {
        const socket = await open(pop3Port());
        sockets.push(socket);
        const answer = heard(socket);
        socket.write(`USER ${n % 2 === 0 ? "you" : `guess${n}`}\r\nPASS wrong-${n}\r\n`);
        return answer;
      }),
    );
    t.diagnostic(`the owner logs in beside them: ${(await readMail()).ms} ms`);
    t.diagnostic(`mail beside them: ${await mailPasses(house, "beside the guessers")} ms`);
    await until("every guess is refused", () => house.log("pop3d").match(/login refused /g)?.length === guessers);
    await until("an answer", () => answers.some(({ text }) => text().includes("-ERR")));
    for (const { text } of answers) assert.doesNotMatch(text(), /^\+OK Quail\r\n\+OK \r\n\+OK/);
  });
  for (const socket of sockets) socket.destroy();
  assert.equal(pidsOf(house, "auth").length, 1);
  assert.doesNotMatch(house.log("pop3d") + house.log("local"), /wrong-[0-9]/);
  assert.ok(growth < 300e6, `${mb(growth)} MB`);
  await readMail();
});
