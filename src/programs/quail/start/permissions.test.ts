import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type ConfinedService, permissionFlags } from "./permissions.ts";
import { checkout } from "./plan.ts";

let home = "";
before(() => {
  home = mkdtempSync(join(tmpdir(), "quail-rights-"));
  for (const folder of ["control", "queue", "run/cache/x", "run/own/filter", "run/own/sign", "dkim", "log", "home/you"])
    mkdirSync(join(home, folder), { recursive: true });
  writeFileSync(join(home, "control", "me"), "localhost\n");
  writeFileSync(join(home, "control", "poppasswd"), "secret");
  writeFileSync(join(home, "queue", "queue.db"), "secret");
  writeFileSync(join(home, "home", "you", "mail"), "secret");
});
after(() => rmSync(home, { recursive: true }));

/** What each attempt is, as code that runs inside a service; `home` is the service's home. */
const attempts = {
  "start a program": `cp.execFileSync("/bin/true")`,
  "start a worker": `new (await import("node:worker_threads")).Worker("1", { eval: true })`,
  "open an inspector": `(await import("node:inspector")).open(0)`,
  "load native code": `createRequire(import.meta.url)(${JSON.stringify(join(checkout, "node_modules", "koffi"))})`,
  "read a control file": `fs.readFileSync(home + "/control/me")`,
  "read the passwords": `fs.readFileSync(home + "/control/poppasswd")`,
  "read the queue": `fs.readFileSync(home + "/queue/queue.db")`,
  "read a mailbox": `fs.readFileSync(home + "/home/you/mail")`,
  "write the queue": `fs.writeFileSync(home + "/queue/x", "x")`,
  "write a control file": `fs.writeFileSync(home + "/control/x", "x")`,
  "write a mailbox": `fs.writeFileSync(home + "/home/you/x", "x")`,
  "write to run": `fs.writeFileSync(home + "/run/x", "x")`,
  "change our code": `fs.writeFileSync(${JSON.stringify(join(checkout, "src", "x.tmp"))}, "x")`,
  "knock at a socket": `await new Promise((done, failed) => net.connect(home + "/run/door", function () { this.end(); done(); }).on("error", failed))`,
  "listen on a port": `await new Promise((done, failed) => { const s = net.createServer().listen(0, "127.0.0.1", () => { s.close(); done(); }).on("error", failed); })`,
} as const;
type Attempt = keyof typeof attempts;

/** Everything a service may do of the list; all else must be refused. */
const allowed: Readonly<Record<ConfinedService, readonly Attempt[]>> = {
  smtpd: ["read a control file", "read the passwords", "knock at a socket", "listen on a port"],
  remote: ["read a control file", "read the passwords", "knock at a socket", "listen on a port"],
  filter: ["load native code", "read a control file", "read the passwords", "knock at a socket", "listen on a port"],
  sign: ["load native code", "read a control file", "read the passwords", "knock at a socket", "listen on a port"],
  pop3d: ["read a control file", "knock at a socket", "listen on a port"],
  metrics: ["read a control file", "read the passwords", "knock at a socket", "listen on a port"],
  queue: [
    "read a control file",
    "read the passwords",
    "read the queue",
    "read a mailbox",
    "write the queue",
    "write to run",
    "load native code",
    "knock at a socket",
    "listen on a port",
  ],
};

/** Tries everything in a process with a service's rights; what went through. */
function tryAll(service: ConfinedService): Promise<readonly string[]> {
  const code = `
    import fs from "node:fs"; import net from "node:net"; import cp from "node:child_process"; import { createRequire } from "node:module";
    const home = ${JSON.stringify(home)};
    ${Object.entries(attempts)
      .map(
        ([name, attempt]) => `
    try { ${attempt}; console.log(${JSON.stringify(name)}); } catch (error) {
      if (!/^ERR_(ACCESS_DENIED|DLOPEN_DISABLED)$/.test(error.code)) console.log(${JSON.stringify(name)} + " failed: " + error.message);
    }`,
      )
      .join("")}
    process.exit();`;
  const flags = permissionFlags(service, home, checkout, join(home, "run", "cache", "x"));
  const child = spawn(process.execPath, [...flags, "--input-type=module", "-e", code], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let said = "";
  child.stdout.on("data", (chunk) => {
    said += chunk;
  });
  return new Promise((done) => child.on("close", () => done(said.split("\n").filter((line) => line !== ""))));
}

test("each service is refused what it must not do, and may do what it must", async () => {
  const door = createServer((socket) => socket.end()).listen(join(home, "run", "door"));
  try {
    for (const service of Object.keys(allowed) as ConfinedService[]) {
      assert.deepEqual([...(await tryAll(service))].sort(), [...allowed[service]].sort(), service);
    }
  } finally {
    door.close();
  }
});
