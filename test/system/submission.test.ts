/** Logging in over SMTP at a running Quail: real clients, real processes, the password files of a fresh home. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { createHash, createHmac, pbkdf2Sync, X509Certificate } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { after, before, test } from "node:test";
import type { ConnectionOptions } from "node:tls";
import { greetTls, testIdentity } from "#tls/testing";
import { House, inbox, needs, readNew, until } from "./house.ts";

let house: House;
let password = "";
/** What must stand in no log. */
const secrets: string[] = [];

const mechanisms = "PLAIN\nLOGIN\nCRAM-MD5\nSCRAM-SHA-1\nSCRAM-SHA-256\nSCRAM-SHA-256-PLUS\nEXTERNAL\n";
/** A client's certificate and key; it vouches for itself. */
const clientIdentity = testIdentity("client.test");
const clientPrint = new X509Certificate(clientIdentity).fingerprint256.replaceAll(":", "").toLowerCase();

before(async () => {
  house = await House.open({
    control: {
      "tcp.smtp": ":allow\n",
      authmechanisms: mechanisms,
      "clientca.pem": clientIdentity.slice(0, clientIdentity.indexOf("-----BEGIN PRIVATE")),
      certusers: `sha256/${clientPrint}:clear@localhost\n`,
    },
    pop3: true,
  });
  password = /^ {2}password {2}(\S+)$/m.exec(readFileSync(house.path("welcome.txt"), "utf8"))?.[1] ?? "";
  secrets.push(password);
  // Somebody whose secret is kept in the clear: only so CRAM-MD5 can be checked.
  const own = statSync(house.path("control/poppasswd"));
  const text = readFileSync(house.path("control/poppasswd"), "latin1");
  const clear = "correct horse";
  secrets.push(clear);
  const line = `clear@localhost:{PLAIN.b64}${Buffer.from(clear).toString("base64")}:${own.uid}:${own.gid}:${house.path("home/you")}\n`;
  writeFileSync(house.path("control/poppasswd"), text + line);
});
after(async () => {
  await house[Symbol.asyncDispose]();
});

function arrived(subject: string): Promise<string> {
  return until(`a message with the subject ${subject}`, () => {
    const texts = [...readNew(house.maildir).values()].map((bytes) => bytes.toString("latin1"));
    return texts.find((text) => text.includes(`\nSubject: ${subject}\n`)) ?? null;
  });
}

function swaks(subject: string, ...more: readonly string[]): { readonly said: string; readonly status: number | null } {
  const { submission } = house.ports;
  const { stdout, status } = spawnSync(
    "swaks",
    [
      ...["--server", "127.0.0.1", "--port", String(submission), "--helo", "client.test", "--to", inbox],
      ...["--header", `Subject: ${subject}`, "--body", "hello", ...more],
    ],
    { encoding: "utf8" },
  );
  return { said: stdout, status };
}

for (const [mechanism, user] of [
  ["PLAIN", "you"],
  ["LOGIN", "you"],
  ["CRAM-MD5", "clear"],
] as const) {
  test(`swaks logs in by ${mechanism} and sends [J-171] [Q-277]`, { skip: needs("swaks") }, async () => {
    const secret = user === "you" ? password : "correct horse";
    const login = `${user}@localhost`;
    const words = ["--auth", mechanism, "--auth-user", login, "--auth-password", secret, "--from", login];
    const { said } = swaks(`by ${mechanism}`, ...words);
    assert.match(said, /^<- {2}235 2\.7\.0 ok, go ahead/m, said);
    assert.match(
      await arrived(`by ${mechanism}`),
      new RegExp(`\\(${login}@127\\.0\\.0\\.1\\)\\n {2}by .* with ESMTPA; `),
    );
  });
}

test("a wrong password and no password at all send nothing [J-176] [Q-276]", { skip: needs("swaks") }, async () => {
  const wrong = "a wrong password";
  secrets.push(wrong);
  const words = ["--auth", "PLAIN", "--auth-user", "you", "--auth-password", wrong, "--from", inbox];
  assert.match(swaks("never", ...words).said, /^<\*\* 535 5\.7\.8 authorization failed/m);
  assert.match(swaks("never", "--from", inbox).said, /^<\*\* 530 5\.7\.1 authentication required/m);
});

test("curl and Python's smtplib log in by what they like best", { skip: needs("curl", "python3") }, async () => {
  const { submission } = house.ports;
  const clear = "clear@localhost";
  execFileSync(
    "curl",
    [
      ...["-sS", "--url", `smtp://127.0.0.1:${submission}`, "--mail-from", clear, "--mail-rcpt", inbox],
      ...["--user", `${clear}:correct horse`, "-T", "-"],
    ],
    { input: `From: ${clear}\r\nTo: ${inbox}\r\nSubject: by curl\r\n\r\nhello\r\n` },
  );
  await arrived("by curl");
  execFileSync(
    "python3",
    [join(import.meta.dirname, "clients", "submit.py"), String(submission), clear, inbox, "by smtplib"],
    { input: "correct horse\n" },
  );
  await arrived("by smtplib");
});

for (const mechanism of ["LOGIN", "CRAM-MD5"]) {
  test(`curl reads mail by POP3's AUTH ${mechanism} [J-171]`, { skip: needs("curl") }, async () => {
    house.run(["sendmail", inbox], `Subject: to be read by ${mechanism}\n\nhello\n`);
    await arrived(`to be read by ${mechanism}`);
    const said = await until("POP3 shows it", () => {
      const words = ["-sS", "--login-options", `AUTH=${mechanism}`, "-u", "clear@localhost:correct horse"];
      const url = `pop3://127.0.0.1:${house.ports.pop3}/1`;
      const { stdout } = spawnSync("curl", [...words, url], { encoding: "latin1" });
      return stdout.includes("\r\n\r\n") ? stdout : null;
    });
    assert.match(said, /^Return-Path: /);
  });
}

test("mpop reads mail by SCRAM-SHA-256 [J-171]", { skip: needs("mpop") }, () => {
  const fetched = house.path("fetched");
  for (const part of ["", "tmp", "new", "cur"]) mkdirSync(join(fetched, part));
  const words = [
    ...[
      "--host=127.0.0.1",
      `--port=${house.ports.pop3}`,
      "--user=clear@localhost",
      "--auth=scram-sha-256",
      "--tls=off",
    ],
    ...["--passwordeval=echo correct horse", "--keep=on", `--deliver=maildir,${fetched}`],
    ...[`--uidls-file=${join(fetched, "uidls")}`],
  ];
  const { status, stderr } = spawnSync("mpop", words, { encoding: "utf8", env: { ...process.env, HOME: house.home } });
  assert.equal(status, 0, stderr);
});

/** Asks a line and takes the whole reply. */
function talker(socket: Duplex) {
  let text = "";
  const wakes: (() => void)[] = [];
  socket.on("data", (piece: Buffer) => {
    text += piece.toString("latin1");
    for (const wake of wakes.splice(0)) wake();
  });
  const reply = async (): Promise<string> => {
    for (;;) {
      const [got] = /^(?:\d{3}-[^\r]*\r\n)*\d{3} [^\r]*\r\n/.exec(text) ?? [];
      if (got !== undefined) {
        text = text.slice(got.length);
        return got.trimEnd();
      }
      await new Promise<void>((done) => wakes.push(done));
    }
  };
  return {
    reply,
    ask(line: string): Promise<string> {
      socket.write(`${line}\r\n`);
      return reply();
    },
  };
}

/** A submission session behind STARTTLS, after EHLO. */
async function overTls(options: ConnectionOptions = {}) {
  const plain = connect(house.ports.submission, "127.0.0.1");
  const before = talker(plain);
  await before.reply();
  await before.ask("EHLO client.test");
  assert.match(await before.ask("STARTTLS"), /^220 /);
  plain.removeAllListeners("data");
  const secure = await greetTls(plain, options);
  const talk = talker(secure);
  return { ...talk, secure, offered: await talk.ask("EHLO client.test") };
}

const base64 = (text: string | Buffer): string => Buffer.from(text).toString("base64");
const hmac = (key: Buffer, text: string): Buffer => createHmac("sha256", key).update(text).digest();

test("SCRAM-SHA-256-PLUS is bound to the TLS connection it comes over [J-171] [J-170]", async () => {
  const { ask, secure, offered } = await overTls();
  assert.match(offered, /^250-AUTH PLAIN LOGIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256 SCRAM-SHA-256-PLUS\r$/m);
  const header = "p=tls-exporter,,";
  const bare = "n=clear@localhost,r=abcdefgh";
  const first = Buffer.from(
    (await ask(`AUTH SCRAM-SHA-256-PLUS ${base64(header + bare)}`)).slice(4),
    "base64",
  ).toString();
  const [, nonce = "", salt = "", rounds = ""] = /^r=(.*),s=(.*),i=(.*)$/.exec(first) ?? [];
  const exporter = secure.exportKeyingMaterial(32, "EXPORTER-Channel-Binding", Buffer.alloc(0));
  const last = `c=${base64(Buffer.concat([Buffer.from(header), exporter]))},r=${nonce}`;
  const salted = pbkdf2Sync("correct horse", Buffer.from(salt, "base64"), Number(rounds), 32, "sha256");
  const whole = `${bare},${first},${last}`;
  const clientKey = hmac(salted, "Client Key");
  const signature = hmac(createHash("sha256").update(clientKey).digest(), whole);
  const proof = Buffer.from(clientKey.map((byte, i) => byte ^ signature[i]!));
  const final = Buffer.from((await ask(base64(`${last},p=${base64(proof)}`))).slice(4), "base64").toString();
  assert.equal(final, `v=${base64(hmac(hmac(salted, "Server Key"), whole))}`, "the server knows the key, too");
  assert.match(await ask(""), /^235 /);
  secure.destroy();
});

test("EXTERNAL logs in whose certificate control/clientca.pem vouches for and control/certusers names [J-171]", async () => {
  const { ask, secure, offered } = await overTls({ cert: clientIdentity, key: clientIdentity });
  assert.match(offered, / EXTERNAL\r$/m);
  assert.match(await ask(`AUTH EXTERNAL ${base64("you@localhost")}`), /^535 /, "another's name");
  assert.match(await ask("AUTH EXTERNAL ="), /^235 /);
  assert.match(await ask("MAIL FROM:<clear@localhost>"), /^250 /);
  secure.destroy();
});

test("swaks: PLAIN over STARTTLS is named so in Received [J-170] [Q-277]", { skip: needs("swaks") }, async () => {
  const words = ["--tls", "--auth", "PLAIN", "--auth-user", inbox, "--auth-password", password, "--from", inbox];
  assert.match(swaks("by TLS", ...words).said, /^<~ {2}235 /m);
  assert.match(await arrived("by TLS"), /\n {2}by .* with ESMTPSA \(TLSv1\.3 /);
});

test("with control/popbeforesmtp a POP3 login opens the SMTP port to its address [J-177]", {
  skip: needs("curl"),
}, async () => {
  const relays = async (): Promise<boolean> => {
    const socket = connect(house.ports.smtp, "127.0.0.1");
    const { reply, ask } = talker(socket);
    await reply();
    await ask("HELO client.test");
    await ask(`MAIL FROM:<${inbox}>`);
    const said = await ask("RCPT TO:<somebody@far.test>");
    socket.destroy();
    return said.startsWith("250 ");
  };
  house.control("popbeforesmtp", "30\n");
  assert.equal(await relays(), false, "nobody has read mail since");
  spawnSync("curl", ["-sS", "-u", "clear@localhost:correct horse", `pop3://127.0.0.1:${house.ports.pop3}/`]);
  assert.equal(await relays(), true);
  assert.match(
    readFileSync(house.path("control/open-smtp"), "latin1"),
    /^127\.0\.0\.1:allow,RELAYCLIENT="",RBLSMTPD=""\t\d+\n$/,
  );
  house.control("popbeforesmtp", "0\n");
  assert.equal(await relays(), false, "it is off");
});

test("no log of any service holds a password, in the clear or in base64 [J-234]", async () => {
  const folder = house.path("log");
  const logs = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), "latin1"));
  assert.ok(logs.some((text) => text.includes("smtpd login ")));
  for (const secret of secrets) {
    const forms = [secret, secret.replaceAll(" ", "_"), Buffer.from(secret).toString("base64").replace(/=+$/, "")];
    for (const form of forms) assert.ok(!logs.some((text) => text.includes(form)), "a secret is in a log");
  }
});
