/** quail start is svscan on the home's own `service/`: what svc and svstat, ours and Debian's, see and do there. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  appendFileSync,
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { House, hasCommand, isRunning, quailCommand, until } from "./house.ts";

const debian = hasCommand("svstat") ? "svstat" : null;

function quail(house: House, ...words: readonly string[]): string {
  const { stdout, stderr } = spawnSync(quailCommand, words, {
    cwd: house.path("service"),
    env: { ...process.env, QUAIL_HOME: house.home },
    encoding: "latin1",
  });
  return stdout + stderr;
}

const pidOf = (house: House, name: string): number =>
  Number(/^\S+: up \(pid (\d+)\)/.exec(quail(house, "svstat", name))?.[1] ?? 0);

/** Lays a script into `service/`, for whoever the supervisor runs as. */
function lay(house: House, name: string, text: string): void {
  const path = house.path("service", name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text, { mode: 0o755 });
  const { uid, gid } = statSync(house.path("service"));
  if (process.getuid?.() !== 0) return;
  for (let folder = dirname(path); folder !== house.path("service"); folder = dirname(folder))
    chownSync(folder, uid, gid);
}

/** What systemd does: opens a socket for SMTP, hands it over as descriptor 3, and writes down what it is told, a message a line. */
const systemd = `
import array, os, socket, sys
folder, command = sys.argv[1], sys.argv[2:]
listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen(64)
hears = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
hears.bind(folder + "/notify")
os.chmod(folder + "/notify", 0o777)
open(folder + "/port", "w").write(str(listener.getsockname()[1]))
parent = os.getpid()
if os.fork() == 0:
    while os.getppid() == parent:
        hears.settimeout(1)
        try:
            words, ancillary, _, _ = hears.recvmsg(4096, 1024)
        except socket.timeout:
            continue
        for level, kind, data in ancillary:
            fds = array.array("i")
            fds.frombytes(data[:len(data) - len(data) % fds.itemsize])
            for fd in fds: os.close(fd)
        open(folder + "/told", "a").write(words.decode().strip().replace("\\n", " ") + "\\n")
    sys.exit(0)
os.dup2(listener.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_PID=str(parent), LISTEN_FDS="1", LISTEN_FDNAMES="smtp", NOTIFY_SOCKET=folder + "/notify", WATCHDOG_USEC="2000000")
os.execv(command[0], command)
`;

const textOf = (path: string): string => (existsSync(path) ? readFileSync(path, "latin1") : "");

test("the services of a house stand in service/, as svscan's do", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "quail-systemd-"));
  chmodSync(folder, 0o755);
  t.after(() => rmSync(folder, { recursive: true }));
  const hasPython = hasCommand("python3");
  const wrapper = hasPython
    ? {
        wrapper: [execFileSync("sh", ["-c", "command -v python3"], { encoding: "utf8" }).trim(), "-c", systemd, folder],
      }
    : {};
  await using house = await House.open({ control: { workers: "1\n" }, ...wrapper });

  await t.test(
    "systemd hears that it is ready and alive, and its socket is served, also by the next smtpd",
    {
      skip: hasPython ? false : "needs python3",
    },
    async () => {
      await until("ready", () =>
        /^READY=1 STATUS=\d+ services are at work MAINPID=\d+$/m.test(textOf(join(folder, "told"))),
      );
      await until("a beat", () => /^WATCHDOG=1$/m.test(textOf(join(folder, "told"))));
      const greeting = async (): Promise<string> => {
        const socket = connect(Number(textOf(join(folder, "port"))), "127.0.0.1");
        socket.on("error", () => {});
        const [bytes] = await Promise.race([once(socket, "data"), once(socket, "close")]);
        socket.destroy();
        return String(bytes);
      };
      assert.match(await greeting(), /^220 /);
      const before = pidOf(house, "smtpd");
      quail(house, "svc", "-t", "smtpd");
      await until("another smtpd", () => ![0, before].includes(pidOf(house, "smtpd")));
      await until("its greeting", async () => (await greeting()).startsWith("220 "));
    },
  );

  await t.test("svstat, ours and Debian's, shows each of them", () => {
    for (const name of ["queue", "local", "remote", "smtpd"]) {
      assert.match(quail(house, "svstat", name), new RegExp(`^${name}: up \\(pid \\d+\\) \\d+ seconds, running\n$`));
      if (debian === null) continue;
      const line = execFileSync(debian, [house.path("service", name)], { encoding: "utf8" });
      assert.match(line, /: up \(pid \d+\) \d+ seconds\n$/);
    }
  });

  await t.test("svc -t: the service is started anew; quail stat and svstat agree on its number", async () => {
    const before = pidOf(house, "remote");
    quail(house, "svc", "-t", "remote");
    await until("another process", () => ![0, before].includes(pidOf(house, "remote")));
    const now = pidOf(house, "remote");
    await until("quail stat", () => quail(house, "stat").includes(`remote: up (pid ${now})`));
    assert.ok(!isRunning(before));
  });

  await t.test("svc -d: it stays down, quail stat says so; svc -u: it is back", async () => {
    quail(house, "svc", "-d", "smtpd");
    await until("down", () => pidOf(house, "smtpd") === 0);
    await until("quail stat", () => /^smtpd: down \d+ seconds, normally up, stopped$/m.test(quail(house, "stat")));
    quail(house, "svc", "-u", "smtpd");
    await until("up", () => /, running$/m.test(quail(house, "svstat", "smtpd")));
  });

  await t.test("quail pause is seen by svstat, and cont", async () => {
    quail(house, "pause");
    await until("paused", () => quail(house, "svstat", "queue").includes(", paused"));
    quail(house, "cont");
    await until("at work", () => !quail(house, "svstat", "queue").includes("paused"));
  });

  await t.test("an edited run is what runs, with the same words; taken back, the service is as before", async () => {
    const path = house.path("service/remote/run");
    const ours = readFileSync(path, "latin1");
    assert.match(ours, /^exec .*\/src\/services\/run\.ts remote.* "\$@"$/m);
    writeFileSync(path, ours.replace(/^exec /m, `echo mine > ${house.path("log/mine")}\nexec `));
    quail(house, "svc", "-t", "remote");
    await until("the edited run", () => existsSync(house.path("log/mine")));
    await until("ready", () => /, running$/m.test(quail(house, "svstat", "remote")));
    writeFileSync(path, ours);
  });

  let foreign = 0;
  await t.test("a directory the admin adds is a service too, with its log", async () => {
    lay(house, "mine/log/run", "#!/bin/sh\nexec cat >> lines\n");
    lay(house, "mine/run", "#!/bin/sh\nwhile :; do echo working; sleep 0.2; done\n");
    await until("its log's line", () => existsSync(house.path("service/mine/log/lines")));
    foreign = pidOf(house, "mine");
    assert.ok(isRunning(foreign));
    await until("quail stat", () => /^mine\/log: up/m.test(quail(house, "stat")));
  });

  await t.test("all of them end with the house; a file down keeps one from starting with it", async () => {
    appendFileSync(house.path("service/remote/down"), "");
    await house.stop();
    if (hasPython) await until("stopping", () => textOf(join(folder, "told")).includes("STOPPING=1"));
    assert.ok(!isRunning(foreign));
    assert.equal(quail(house, "svstat", "queue"), "queue: supervise not running\n");
    rmSync(join(folder, "notify"), { force: true });
    await house.start();
    assert.match(quail(house, "svstat", "remote"), /^remote: down \d+ seconds, stopped\n$/);
    assert.ok(pidOf(house, "queue") > 0);
  });
});
