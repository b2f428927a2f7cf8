/** Logging in over SMTP at a running Quail: real clients, real processes, the password files of a fresh home. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { House, inbox, needs, readNew, until } from "./house.ts";

let house: House;
let password = "";
/** What must stand in no log. */
const secrets: string[] = [];

const mechanisms = "PLAIN\nLOGIN\nCRAM-MD5\nSCRAM-SHA-1\nSCRAM-SHA-256\n";

before(async () => {
  house = await House.open({ control: { "tcp.smtp": ":allow\n", authmechanisms: mechanisms }, pop3: true });
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
