/** Started as root with accounts for the roles: who is who, what each can reach, and what a user's tricks lead to. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { freePort } from "../../bench/tools/processes.ts";
import { checkout, House, isRunning, needs, processesIn, until } from "./house.ts";
import { sendOne } from "./smtp-client.ts";

type Ids = { readonly uid: number; readonly gid: number };

/** Numbers, so that no accounts need be made. qmail's two groups: one for queue and remote, one for the rest. */
const roles = {
  smtpd: { uid: 71_001, gid: 71_002 },
  queue: { uid: 71_003, gid: 71_004 },
  remote: { uid: 71_005, gid: 71_004 },
  metrics: { uid: 71_006, gid: 71_002 },
  alias: { uid: 71_007, gid: 71_002 },
} as const;
const joe: Ids = { uid: 70_001, gid: 70_001 };
const eve: Ids = { uid: 70_002, gid: 70_002 };

const root = process.getuid?.() === 0;
/** Those uids must get to our code. */
const reachable =
  root &&
  spawnSync(process.execPath, ["-e", "fs.accessSync(process.argv[1])", join(checkout, "package.json")], {
    ...roles.smtpd,
    cwd: "/",
  }).status === 0;
const skip = !root ? "needs root" : !reachable ? "an unprivileged uid cannot get to this checkout" : needs("mkfifo");

let house: House;

/** A home folder with a Maildir, all of it that user's. */
function makeUser(name: string, { uid, gid }: Ids): string {
  const home = house.path("home", name);
  for (const folder of ["", "Maildir", "Maildir/new", "Maildir/tmp", "Maildir/cur"]) {
    mkdirSync(join(home, folder), { recursive: true, mode: 0o700 });
    chownSync(join(home, folder), uid, gid);
  }
  return home;
}

function userFile(name: string, ids: Ids, file: string, text: string): void {
  const path = house.path("home", name, file);
  writeFileSync(path, text, { mode: 0o600 });
  chownSync(path, ids.uid, ids.gid);
}

before(async () => {
  if (skip !== false) return;
  const accounts = Object.entries(roles).map(([role, { uid, gid }]) => `${role}:${uid}:${gid}\n`);
  const control = { me: "localhost\n", locals: "localhost\n", rcpthosts: "localhost\n", programtimeout: "2\n" };
  house = await House.lay({
    pop3: true,
    words: ["--port", `metrics=${await freePort()}`],
    control: {
      ...{ ...control, roleaccounts: accounts.join("") },
      poppasswd: `joe:{PLAIN}open sesame:${joe.uid}:${joe.gid}:/nowhere\n`,
    },
  });
  const passwords = house.path("control", "poppasswd");
  writeFileSync(passwords, readFileSync(passwords, "latin1").replace("/nowhere", house.path("home", "joe")));
  chmodSync(passwords, 0o600);
  mkdirSync(house.path("users"));
  const line = (name: string, { uid, gid }: Ids, kind: string): string =>
    `${kind === "=" ? "=" : "+"}${name}${kind === "=" ? "" : "-"}:${name}:${uid}:${gid}:${house.path("home", name)}:${kind === "=" ? "" : "-"}::`;
  const lines = (["=", "+"] as const).flatMap((kind) => [line("joe", joe, kind), line("eve", eve, kind)]);
  writeFileSync(house.path("users", "assign"), [...lines, ".", ""].join("\n"));
  house.run(["qmail-newu"]);
  mkdirSync(house.path("home"));
  makeUser("joe", joe);
  makeUser("eve", eve);
  await house.start();
});
after(async () => {
  await house?.[Symbol.asyncDispose]();
});

/** uid, gid and supplementary groups of a process, as the kernel tells them. */
function credentials(pid: number): readonly [uid: string, gid: string, groups: string] {
  const status = readFileSync(`/proc/${pid}/status`, "latin1");
  const field = (name: string): string => new RegExp(`^${name}:[ \\t]*(.*)$`, "m").exec(status)?.[1]?.trim() ?? "?";
  // Real, effective, saved, file system: all four must be the one.
  const one = (text: string): string => (new Set(text.split(/\s+/)).size === 1 ? text.split(/\s+/)[0]! : text);
  return [one(field("Uid")), one(field("Gid")), field("Groups")];
}

const words = (pid: number): readonly string[] =>
  readFileSync(`/proc/${pid}/cmdline`, "latin1").split("\0").slice(0, -1);

/** The processes of the house by what they are: `queue`, `smtpd`, `local-worker 70001`. */
function processes(): ReadonlyMap<string, number> {
  const found = processesIn(house.home).flatMap((pid): [string, number][] => {
    const all = words(pid);
    const at = all.findIndex((word) => word.endsWith("/services/run.ts"));
    if (at < 0) return [];
    const uid = all.find((word) => word.startsWith("uid="));
    return [[`${all[at + 1]}${uid === undefined ? "" : ` ${uid.slice(4)}`}`, pid]];
  });
  return new Map(found);
}

async function send(to: string, subject: string): Promise<void> {
  const reply = await sendOne(house.ports.smtp, "sender@client.test", [to], `Subject: ${subject}\n\nbody\n`);
  assert.equal(reply.code, 250, reply.lines.join("/"));
}

test("a message from smtpd's uid over the queue's to a user's: each process has its own, and no other group", {
  skip,
}, async () => {
  await send("joe@localhost", "first");
  const [name] = await until("joe's mail", () => {
    const names = readdirSync(house.path("home", "joe", "Maildir", "new"));
    return names.length === 1 ? names : null;
  });
  const stat = lstatSync(house.path("home", "joe", "Maildir", "new", name!));
  assert.deepEqual([stat.uid, stat.gid, stat.mode & 0o777], [joe.uid, joe.gid, 0o600]);
  const who = Object.fromEntries(
    [...processes()].map(([service, pid]) => [service, credentials(pid).join(" ").trim()]),
  );
  assert.deepEqual(who, {
    queue: "71003 71004",
    local: "0 0",
    remote: "71005 71004",
    smtpd: "71001 71002",
    pop3d: "71001 71002",
    metrics: "71006 71002",
    "local-worker 70001": "70001 70001",
  });
  // The same as an admin sees it.
  const seen = execFileSync("ps", ["-o", "uid=,gid=", "-p", String(processes().get("queue"))], { encoding: "latin1" });
  assert.deepEqual(seen.trim().split(/\s+/), ["71003", "71004"]);
  assert.deepEqual(credentials(house.pid).slice(0, 2), ["0", "0"]);
});

/** What somebody who has taken over a process would try. Prints the names of what worked. */
const probe = `
const fs = require("node:fs"), net = require("node:net"), { join } = require("node:path");
const home = process.argv[1], pids = JSON.parse(process.argv[2]);
const worked = [];
const attempt = (name, work) => { try { work(); worked.push(name); } catch {} };
const write = (name) => fs.writeFileSync(join(home, name), "evil", { flag: "wx" });
attempt("read queue", () => fs.readFileSync(join(home, "queue/queue.db")));
attempt("list drop", () => fs.readdirSync(join(home, "queue/drop")));
attempt("write queue", () => write("queue/evil"));
attempt("write run", () => write("run/evil"));
attempt("write control", () => write("control/evil"));
attempt("write bin", () => write("bin/evil"));
attempt("read passwords", () => fs.readFileSync(join(home, "control/poppasswd")));
attempt("write users", () => write("users/evil"));
attempt("write log", () => write("log/evil"));
attempt("write tmp", () => fs.writeFileSync("/tmp/quail-evil-" + process.pid, "", { flag: "wx" }));
attempt("read joe", () => fs.readdirSync(join(home, "home/joe/Maildir/new")));
attempt("write eve", () => write("home/eve/Maildir/new/evil"));
attempt("become root", () => process.setuid(0));
attempt("start a program", () => { if (require("node:child_process").spawnSync("/bin/true").status !== 0) throw new Error(); });
for (const [name, pid] of Object.entries(pids)) attempt("signal " + name, () => process.kill(pid, 0));
const knock = (name) => new Promise((done) => {
  const socket = net.connect(join(home, name), () => { worked.push("knock " + name); socket.destroy(); done(); });
  socket.on("error", () => done());
});
(async () => {
  for (const name of ["queue/door", "queue/remote", "run/local", "run/remote", ...fs.existsSync("/proc") ? pids.sockets ?? [] : []]) await knock(name);
  await new Promise((done) => {
    const socket = net.connect(join(home, "run/queue-admin"), () => socket.write('{"verb":"hurry"}\\n'));
    socket.on("data", (text) => { if (JSON.parse(text).ok) worked.push("command the queue"); socket.destroy(); done(); });
    socket.on("error", () => done());
  });
  console.log(JSON.stringify(worked));
})();
`;

/** Runs the probe with a running process's uid, gid and Node options. */
function attempts(service: string): readonly string[] {
  const all = processes();
  const pid = all.get(service)!;
  const command = words(pid);
  const flags = command.slice(
    1,
    command.findIndex((word) => word.endsWith("/services/run.ts")),
  );
  const [uid, gid] = credentials(pid).map(Number);
  const others = Object.fromEntries([...all].filter(([name]) => name !== service));
  const pids = JSON.stringify({ ...others, supervisor: house.pid });
  const { stdout, stderr } = spawnSync(process.execPath, [...flags, "-e", probe, house.home, pids], {
    uid: uid!,
    gid: gid!,
    cwd: house.home,
    encoding: "latin1",
    env: {},
  });
  assert.notEqual(stdout, "", stderr);
  return (JSON.parse(stdout) as string[]).toSorted();
}

test("with the rights of each process, nothing that is another's can be had", { skip }, async () => {
  await send("eve@localhost", "for eve");
  await until("eve's mail", () => readdirSync(house.path("home", "eve", "Maildir", "new")).length === 1);
  // It shares its uid with POP3's listener.
  assert.deepEqual(attempts("smtpd"), ["knock queue/door", "knock run/local", "signal pop3d"]);
  assert.deepEqual(attempts("remote"), [
    "knock queue/door",
    "knock queue/remote",
    "knock run/local",
    "knock run/remote",
  ]);
  assert.deepEqual(attempts("queue"), [
    "command the queue",
    "knock queue/door",
    "knock queue/remote",
    "knock run/local",
    "list drop",
    "read queue",
    "write queue",
  ]);
  // A user's worker may do what the user may.
  const mayUser = ["knock queue/door", "start a program", "write tmp"];
  assert.deepEqual(attempts("local-worker 70001"), [...mayUser, "read joe"].toSorted());
  assert.deepEqual(attempts("local-worker 70002"), [...mayUser, "write eve"].toSorted());
});

test("POP3 and metrics: nothing that is another's can be had with the rights of the listener, of who checks passwords, of a reader, of the metrics", {
  skip,
}, async () => {
  const socket = connect(house.ports.pop3 ?? 0, "127.0.0.1");
  try {
    let said = "";
    socket.on("data", (bytes: Buffer) => {
      said += bytes.toString("latin1");
    });
    socket.write("USER joe\r\nPASS open sesame\r\n");
    await until("joe is in", () => said.split("+OK").length === 4 || /-ERR.*\n/.test(said));
    assert.equal(said.split("+OK").length, 4, said);
    // The two listeners share qmaild's uid, so each could end the other.
    assert.deepEqual(attempts("pop3d"), ["knock queue/door", "knock run/local", "signal smtpd"]);
    assert.deepEqual(attempts("metrics"), ["knock queue/door"]);
    // A reader of mail starts nothing, which a delivery worker of the same user must.
    const own = ["knock queue/door", "read joe", "write tmp"];
    assert.deepEqual(attempts("pop3-worker 70001"), [...own, "signal local-worker 70001"].toSorted());
    const delivers = [...own, "signal pop3-worker 70001", "start a program"];
    assert.deepEqual(attempts("local-worker 70001"), delivers.toSorted());
    // Who checks passwords reads the system's and becomes whoever logs in: root, while somebody does.
    assert.equal(credentials(processes().get("auth")!)[0], "0");
  } finally {
    socket.destroy();
  }
});

test("what others may see of the queue are numbers alone", { skip }, () => {
  const ask = `
    const socket = require("node:net").connect(process.argv[1], () => socket.write(process.argv[2] + "\\n"));
    socket.on("data", (text) => { console.log(String(text)); socket.destroy(); });`;
  const answer = (request: object): Record<string, unknown> =>
    JSON.parse(
      execFileSync(process.execPath, ["-e", ask, house.path("run", "queue-admin"), JSON.stringify(request)], {
        ...roles.metrics,
        cwd: "/",
        encoding: "latin1",
      }),
    );
  assert.equal(answer({ verb: "metrics" }).ok, true);
  assert.equal(answer({ verb: "metrics" }).messages_accepted_total, 2);
  assert.deepEqual(answer({ verb: "remove", ids: [1] }), {
    ok: false,
    error: "only root and the queue's owner may do that",
  });
});

test("who posts is who the kernel says, whatever the message claims", { skip }, async () => {
  execFileSync(join(house.home, "bin", "sendmail"), ["joe@localhost"], {
    ...eve,
    input: "Subject: from eve\n\nbody\n",
    env: { PATH: "/usr/bin:/bin", QUAIL_HOME: house.home },
  });
  const text = await until("eve's message to joe", () => {
    const folder = house.path("home", "joe", "Maildir", "new");
    const texts = readdirSync(folder).map((name) => readFileSync(join(folder, name), "latin1"));
    return texts.find((one) => one.includes("Subject: from eve\n")) ?? null;
  });
  assert.match(text, /^Received: \(qmail \d+ invoked by uid 70002\);/m);
});

/** What the log says of the delivery of a message that cannot be delivered now or ever. */
async function report(to: string, subject: string): Promise<string> {
  const from = house.logLines().length;
  await send(to, subject);
  const [, text = ""] = await house.logged(/^delivery \d+: (?:deferral|failure): (.*)$/, 30_000, from);
  return text;
}

test("a user's links lead no message, and no other user's file, out of the home", { skip }, async () => {
  userFile("eve", eve, "secret", "&victim@elsewhere.test\n");
  // Instructions that are another's file.
  symlinkSync(house.path("home", "eve", "secret"), house.path("home", "joe", ".qmail-link"));
  assert.match(await report("joe-link@localhost", "link"), /^Unable_to_open_\.qmail-link:_access_denied|permission/i);
  // A Maildir whose new, or tmp, is another's or root's.
  for (const [name, part, target] of [
    ["new", "new", house.path("home", "eve", "Maildir", "new")],
    ["tmp", "tmp", house.path("home", "eve", "Maildir", "tmp")],
    ["root", "new", house.path("control")],
  ] as const) {
    const maildir = house.path("home", "joe", `Box-${name}`);
    for (const folder of ["", "new", "tmp", "cur"]) {
      const path = join(maildir, folder);
      if (folder === part) symlinkSync(target, path);
      else mkdirSync(path);
      if (folder !== part) chownSync(path, joe.uid, joe.gid);
    }
    userFile("joe", joe, `.qmail-${name}`, `./Box-${name}/\n`);
    const before = readdirSync(target).length;
    assert.match(await report(`joe-${name}@localhost`, name), /^(?:Temporary_error_on_maildir_delivery|Unable_to)/);
    assert.equal(readdirSync(target).length, before, target);
  }
});

test("a FIFO or a folder for a .qmail file holds nobody up", { skip }, async () => {
  execFileSync("mkfifo", ["-m", "600", house.path("home", "joe", ".qmail-pipe")]);
  chownSync(house.path("home", "joe", ".qmail-pipe"), joe.uid, joe.gid);
  mkdirSync(house.path("home", "joe", ".qmail-folder"));
  const before = house.logLines().length;
  for (const name of ["pipe", "folder"]) {
    const reply = await sendOne(house.ports.smtp, "s@client.test", [`joe-${name}@localhost`], "Subject: x\n\nx\n");
    // No regular file of that name: no such address.
    assert.equal(reply.code, 550, reply.lines.join("/"));
  }
  await send("joe@localhost", "after the pipe");
  await house.logged(/^delivery \d+: success:/, 30_000, before);
});

test("a program that forks, ignores signals and never ends is gone when its time is over, with all it started", {
  skip,
}, async () => {
  const pids = house.path("home", "joe", "pids");
  userFile(
    "joe",
    joe,
    ".qmail-for-ever",
    `|trap '' TERM; echo $$ >> pids; (trap '' TERM; sh -c 'echo $$ >> pids; sleep 600') & sleep 600\n`,
  );
  userFile("joe", joe, ".qmail-loud", "|yes loud\n");
  const said = await report("joe-loud@localhost", "loud");
  assert.ok(said.length < 5_000, `${said.length} characters`);
  await report("joe-for-ever@localhost", "for ever");
  assert.ok(existsSync(pids));
  const started = readFileSync(pids, "latin1").trim().split("\n").map(Number);
  assert.equal(started.length, 2);
  await until("they end", () => !started.some(isRunning));
  // The worker is as it was.
  const from = house.logLines().length;
  await send("joe@localhost", "after for ever");
  await house.logged(/^delivery \d+: success:/, 30_000, from);
});
