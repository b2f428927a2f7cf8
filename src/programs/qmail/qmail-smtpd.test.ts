import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Duplex, Readable } from "node:stream";
import { test } from "node:test";
import { joinStreams } from "#net";
import { multiCallPath, runInProcess } from "#process";
import { greetTls, testIdentity } from "#tls/testing";
import { findProgram } from "../index.ts";

type Ran = { readonly code: number; readonly replies: readonly string[]; readonly log: string };
type Run = (lines: readonly string[], env?: NodeJS.ProcessEnv, words?: readonly string[]) => Promise<Ran>;

/** A home with these control files, and qmail-smtpd run in it with a client that sends all its lines at once. */
async function inHome<T>(
  controls: Readonly<Record<string, string>>,
  use: (home: string, run: Run) => Promise<T>,
): Promise<T> {
  const home = await mkdtemp(join(tmpdir(), "quail-qmail-smtpd-"));
  await mkdir(join(home, "control"));
  for (const [name, text] of Object.entries(controls)) await writeFile(join(home, "control", name), `${text}\n`);
  const run: Run = async (lines, env = {}, words = []) => {
    const input = lines.map((line) => `${line}\r\n`).join("");
    const ran = await runInProcess(findProgram, ["qmail-smtpd", ...words], {
      env: { QUAIL_HOME: home, PATH: "/usr/bin:/bin", ...env },
      cwd: home,
      stdin: Readable.from([Buffer.from(input, "latin1")]),
    });
    const replies = ran!.stdout.toString("latin1").split("\r\n").slice(0, -1);
    return { code: ran!.code, replies, log: ran!.stderr.toString("latin1") };
  };
  try {
    return await use(home, run);
  } finally {
    await rm(home, { recursive: true });
  }
}

const usual = { me: "mx.test", rcpthosts: "heaven.test" };
const message = ["MAIL FROM:<a@b.test>", "RCPT TO:<c@heaven.test>", "DATA", "Subject: x", "", "hi", "."];

async function program(home: string, lines: string): Promise<string> {
  const path = join(home, "qq");
  await writeFile(path, `#!/bin/sh\n${lines}\n`);
  await chmod(path, 0o755);
  return path;
}

test("qmail-smtpd exits 0 after QUIT and 1 when the client hangs up", async () => {
  await inHome(usual, async (_home, run) => {
    const polite = await run(["HELO x", "QUIT"]);
    assert.deepEqual(polite.replies, ["220 mx.test ESMTP", "250 mx.test", "221 mx.test"]);
    assert.equal(polite.code, 0);
    assert.match(polite.log, /^smtpd session id=\S+ ip=unknown helo=x .* end=quit\n$/);
    assert.equal((await run(["HELO x"])).code, 1);
  });
});

test("with neither smtpgreeting nor me the client gets 421 and no 220 [Q-002]", async () => {
  await inHome({ rcpthosts: "heaven.test" }, async (_home, run) => {
    const { code, replies } = await run(["QUIT"]);
    assert.deepEqual({ code, replies }, { code: 1, replies: ["421 unable to read controls (#4.3.0)"] });
  });
});

test("QMAILQUEUE gets our Received line and the message on 0, the envelope on 1, its pid is told [Q-028]", async () => {
  await inHome(usual, async (home, run) => {
    const env = { QMAILQUEUE: await program(home, "cat > message; cat <&1 > envelope"), TCPREMOTEIP: "192.0.2.7" };
    const { code, replies } = await run([...message, "QUIT"], env);
    assert.equal(code, 0);
    assert.match(replies.at(-2)!, /^250 ok \d+ qp \d+$/);
    assert.equal(await readFile(join(home, "envelope"), "latin1"), "Fa@b.test\0Tc@heaven.test\0\0");
    assert.match(
      await readFile(join(home, "message"), "latin1"),
      /^Received: from unknown \(192.0.2.7\)\n {2}by unknown with SMTP; .* -0000\nSubject: x\n\nhi\n$/,
    );
  });
});

test("QMAILQUEUE's exit 31 is a 554, 71 a 451; 82 speaks for itself [Q-043] [Q-044]", async () => {
  const cases = [
    ["exit 31", "554 mail server permanently rejected message (#5.3.0)"],
    ["exit 71", "451 mail server temporarily rejected message (#4.3.0)"],
    ["printf 'Dno thanks' >&6; exit 82", "554 no thanks"],
    ["printf 'Zlater' >&6; exit 82", "451 later"],
  ] as const;
  await inHome(usual, async (home, run) => {
    for (const [lines, reply] of cases) {
      const QMAILQUEUE = await program(home, lines);
      assert.equal((await run([...message, "QUIT"], { QMAILQUEUE })).replies.at(-2), reply);
    }
  });
});

test("a QMAILQUEUE that cannot be executed is a 451 [Q-045]", async () => {
  await inHome(usual, async (home, run) => {
    const QMAILQUEUE = join(home, "control", "me");
    const { replies } = await run([...message, "QUIT"], { QMAILQUEUE });
    assert.equal(replies.at(-2), "451 unable to exec qq (#4.3.0)");
  });
});

test("when the queue service is away the client is told to come back, and nothing is left behind", async () => {
  await inHome(usual, async (_home, run) => {
    const { replies, log } = await run([...message, "QUIT"]);
    assert.equal(replies.at(-2), "451 qq trouble making network connection (#4.3.0)");
    assert.match(log, /smtpd reject .* reason=queue code=451 .* said=qq_trouble_making_network_connection_/);
  });
});

test("RELAYCLIENT, DATABYTES and TCPREMOTEINFO are read from the environment [Q-018] [Q-036] [Q-041]", async () => {
  await inHome({ ...usual, databytes: "3" }, async (home, run) => {
    const env = {
      QMAILQUEUE: await program(home, "cat > message; cat <&1 >/dev/null"),
      RELAYCLIENT: "",
      DATABYTES: "0",
      TCPREMOTEINFO: "joe",
      TCPREMOTEHOST: "client.test",
      TCPLOCALIP: "192.0.2.25",
    };
    const { replies } = await run(["MAIL FROM:<>", "RCPT TO:<c@far.test>", ...message.slice(2), "QUIT"], env);
    assert.match(replies.at(-2)!, /^250 ok/);
    assert.match(
      await readFile(join(home, "message"), "latin1"),
      /^Received: from client.test \(joe@unknown\)\n {2}by 192.0.2.25 with SMTP/,
    );
  });
});

test("with a local service that is not running, recipients wait; with none at all the home is a classic one [Q-271]", async () => {
  await inHome({ ...usual, rcptcheck: "1" }, async (home, run) => {
    const asked = await run(["MAIL FROM:<>", "RCPT TO:<c@heaven.test>"]);
    assert.equal(asked.replies.at(-1), "451 sorry, unable to check that mailbox now (#4.3.0)");
    await rm(join(home, "control", "rcptcheck"));
    assert.equal((await run(["MAIL FROM:<>", "RCPT TO:<c@heaven.test>"])).replies.at(-1), "250 ok");
    await mkdir(join(home, "run"));
    await writeFile(join(home, "run", "local"), "");
    const gone = await run(["MAIL FROM:<>", "RCPT TO:<c@heaven.test>"]);
    assert.equal(gone.replies.at(-1), "451 sorry, unable to check that mailbox now (#4.3.0)");
  });
});

/** Lines of a connection, one by one; null when it is over. */
function lineReader(stream: Duplex) {
  let text = "";
  let ended = false;
  let wake = (): void => {};
  const take = (piece: Buffer): void => {
    text += piece.toString("latin1");
    wake();
  };
  const over = (): void => {
    ended = true;
    wake();
  };
  stream.on("data", take).once("end", over).once("close", over);
  const line = async (): Promise<string | null> => {
    for (;;) {
      const end = text.indexOf("\r\n");
      if (end >= 0) {
        const [first, rest] = [text.slice(0, end), text.slice(end + 2)];
        text = rest;
        return first;
      }
      if (ended) return null;
      await new Promise<void>((done) => {
        wake = done;
      });
    }
  };
  return Object.assign(line, { stop: () => void stream.off("data", take) });
}

const secured = { ...usual, rcptcheck: "0", "servercert.pem": testIdentity("mx.test") };

test("STARTTLS goes over standard input and output, and nothing said before it counts [J-173] [Q-279]", async () => {
  await inHome(secured, async (home) => {
    const child = spawn(multiCallPath, ["qmail-smtpd"], { env: { ...process.env, QUAIL_HOME: home }, stdio: "pipe" });
    let log = "";
    child.stderr.on("data", (piece: Buffer) => {
      log += piece.toString("latin1");
    });
    const over = new Promise<number | null>((done) => child.once("close", done));
    const plain = joinStreams(child.stdout, child.stdin);
    const before = lineReader(plain);
    assert.equal(await before(), "220 mx.test ESMTP");
    plain.write("STARTTLS\r\nMAIL FROM:<eve@evil.test>\r\n");
    assert.equal(await before(), "220 ready for tls");
    before.stop();
    const secure = await greetTls(plain);
    const line = lineReader(secure);
    secure.write("RCPT TO:<joe@heaven.test>\r\nQUIT\r\n");
    assert.equal(await line(), "503 MAIL first (#5.5.1)");
    assert.equal(await line(), "221 mx.test");
    assert.equal(await line(), null);
    child.stdin.end();
    assert.equal(await over, 0);
    assert.match(log, /end=quit/);
    assert.match(log, / tls=TLSv1\.3 /);
  });
});

test("with SMTPS set TLS comes before the greeting; FORCE_TLS wants it before MAIL [Q-280]", async () => {
  await inHome(secured, async (home, run) => {
    const env = { ...process.env, QUAIL_HOME: home, SMTPS: "1", FORCE_TLS: "1" };
    const child = spawn(multiCallPath, ["qmail-smtpd"], { env, stdio: "pipe" });
    child.stderr.resume();
    const over = new Promise<number | null>((done) => child.once("close", done));
    const secure = await greetTls(joinStreams(child.stdout, child.stdin));
    const line = lineReader(secure);
    assert.equal(await line(), "220 mx.test ESMTP");
    secure.write("MAIL FROM:<a@b.test>\r\nQUIT\r\n");
    assert.equal(await line(), "250 ok");
    assert.equal(await line(), "221 mx.test");
    child.stdin.end();
    assert.equal(await over, 0);
    const { replies } = await run(["MAIL FROM:<a@b.test>", "QUIT"], { FORCE_TLS: "1" });
    assert.equal(replies[1], "530 STARTTLS first (#5.7.0)");
  });
});

const base64 = (text: string): string => Buffer.from(text, "latin1").toString("base64");
/** A checkpassword of the test's own: what stands on descriptor 3 goes into a file; `joe` may, `gone` is temporary. */
const checker = `tr '\\0' '|' <&3 > given; case $(cat given) in "joe|secret||") exec "$@";; "gone|"*) exit 111;; *) exit 1;; esac`;

test("qmail-smtpd with a check program takes AUTH by it; without one it has none [Q-276] [Q-277]", async () => {
  await inHome({ ...usual, locals: "mx.test" }, async (home, run) => {
    const check = await program(home, checker);
    const words = ["mx.test", check, "true"];
    const log = join(home, "sent");
    const queue = join(home, "queue-program");
    await writeFile(queue, `#!/bin/sh\ncat > ${log}; cat <&1 >/dev/null\n`);
    await chmod(queue, 0o755);
    const env = { ALLOW_INSECURE_AUTH: "1", TCPREMOTEIP: "192.0.2.7", QMAILQUEUE: queue };
    const mail = ["MAIL FROM:<a@b.test>", "RCPT TO:<c@far.test>", "DATA", "Subject: x", "", "hi", "."];
    const login = `AUTH PLAIN ${base64("\0joe\0secret")}`;
    const { replies } = await run(["EHLO x", login, login, ...mail, "QUIT"], env, words);
    assert.ok(replies.includes("250-AUTH LOGIN CRAM-MD5 PLAIN"));
    assert.ok(replies.includes("250-AUTH=LOGIN CRAM-MD5 PLAIN"));
    assert.ok(replies.includes("235 2.7.0 ok, go ahead (#2.0.0)"));
    assert.ok(replies.includes("503 5.5.1 you're already authenticated (#5.5.0)"));
    assert.match(replies.at(-2)!, /^250 2\.0\.0 ok /);
    assert.match(
      await readFile(log, "latin1"),
      /^Received: from .* \(joe@192\.0\.2\.7\)\n.* with ESMTPA; .*\nSubject: x\n/,
    );
    const later = await run([`AUTH PLAIN ${base64("\0gone\0x")}`], env, words);
    assert.match(later.replies.at(-1)!, /^454 oops/);
    const cram = await run(["AUTH CRAM-MD5", base64("tim 00000000000000000000000000000000")], env, words);
    assert.equal(cram.replies.at(-1), "535 authorization failed (#5.7.0)");
    assert.match(
      await readFile(join(home, "given"), "latin1"),
      /^tim\|<[^|]+@mx\.test>\|0{32}\|$/,
      "the challenge first",
    );
    const shy = await run([login], { TCPREMOTEIP: "192.0.2.7" }, words);
    assert.equal(shy.replies.at(-1), "504 auth type unimplemented (#5.5.1)", "PLAIN is not offered in the clear");
    const required = await run(["MAIL FROM:<a@b.test>"], { ...env, REQUIRE_AUTH: "1" }, words);
    assert.equal(required.replies.at(-1), "530 authentication required (#5.7.1)");
    assert.equal((await run([login], env)).replies.at(-1), "503 auth not available (#5.3.3)");
  });
});
