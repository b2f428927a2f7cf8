/**
 * tcpserver as a process of its own: what it does to itself and to its programs, beside Debian's. One of each kind serves many tests.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, type TestContext, test } from "node:test";
import { multiCallPath } from "#process";
import { type Heard, hear, talk } from "../../src/programs/ucspi-tcp/testing/ucspi-house.ts";

const original = "/usr/bin/tcpserver";
const noOriginal = !existsSync(original) && "Debian's ucspi-tcp is not installed";
const notRoot = process.getuid?.() !== 0 && "needs root";
const folder = mkdtempSync(join(tmpdir(), "quail-tcpserver-"));
after(() => rmSync(folder, { recursive: true, force: true }));

type Started = {
  readonly process: ChildProcess;
  readonly port: number;
  readonly log: Heard;
  readonly out: Promise<string>;
};

/** Starts ours or theirs; it is ended with the test. */
async function start(
  t: TestContext,
  whose: "ours" | "theirs",
  words: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<Started> {
  const args = ["-1", ...words];
  const [file, all] = whose === "ours" ? [multiCallPath, ["tcpserver", ...args]] : [original, args];
  const child = spawn(file, all, { env: { PATH: process.env.PATH, ...env }, cwd: folder });
  const log = hear();
  child.stderr.pipe(log.stream);
  t.after(async () => {
    const over = once(child, "exit");
    if (child.exitCode === null && child.signalCode === null && child.kill()) await over;
  });
  let said = "";
  const first = new Promise<void>((done) =>
    child.stdout.on("data", (chunk) => (said += chunk).includes("\n") && done()),
  );
  const out = text(child.stdout);
  await first;
  return { process: child, port: Number(said), log, out };
}

const each = async (t: TestContext, words: readonly string[], use: (server: Started) => Promise<unknown>, env = {}) => {
  const [ours, theirs] = await Promise.all(
    (["ours", "theirs"] as const).map(async (whose) => use(await start(t, whose, words, env))),
  );
  return [ours, theirs];
};

const quiet = ["-RH", "-l", "here"];
/** Ports and process numbers differ from run to run. */
const bare = (said: string, port: number): string => said.replaceAll(String(port), "PORT").replace(/\d{4,}/g, "N");

test("program, environment, log and descriptors are those that Debian's tcpserver gives [U-018] [U-019] [U-024] [U-042]", {
  skip: noOriginal,
}, async (t) => {
  writeFileSync(
    join(folder, "show"),
    "#!/bin/sh\nenv | grep -v ^_= | sort\nsed -n 's/^Sig\\(Blk\\|Ign\\|Cgt\\)/&/p' /proc/self/status\nstat -L -c %F /proc/$$/fd/0 /proc/$$/fd/1\ncat\nexit 5\n",
    { mode: 0o755 },
  );
  const env = { TCPREMOTEHOST: "old", TCPREMOTEINFO: "old", KEPT: "x y" };
  const [ours, theirs] = await each(
    t,
    ["-v", "-c", "7", ...quiet, "127.0.0.1", "0", "./show"],
    async (server) => {
      const said = await talk(server.port, "input\n");
      await server.log.until(/end \d+ status \d+\ntcpserver: status: 0\/7\n/);
      return [bare(said, server.port), bare(server.log.text(), server.port)];
    },
    env,
  );
  assert.deepEqual(ours, theirs);
});

test("rules compiled by either are obeyed by both, to the same end [U-033] [U-037] [U-062]", {
  skip: noOriginal,
}, async (t) => {
  const rules = '127.0.0.2:deny\n127.0.0.2:allow\n127.0.0.:allow,RELAYCLIENT="",TCPREMOTEHOST="set"\n:deny\n';
  for (const [name, file, args] of [
    ["theirs.cdb", "/usr/bin/tcprules", []],
    ["ours.cdb", multiCallPath, ["tcprules"]],
  ] as const) {
    const child = spawn(file, [...args, name, `${name}.tmp`], { cwd: folder });
    child.stdin.end(rules);
    assert.deepEqual(await once(child, "exit"), [0, null]);
    const [ours, theirs] = await each(t, ["-v", ...quiet, "-x", name, "127.0.0.1", "0", "env"], async (server) => {
      const heard: string[] = [];
      for (const [from, status] of [
        ["127.0.0.1", "0"],
        ["127.0.0.2", "25600"],
      ] as const) {
        heard.push(await talk(server.port, "", "127.0.0.1", { localAddress: from }));
        await server.log.until(new RegExp(`end \\d+ status ${status}\ntcpserver: status: 0/40\n`));
      }
      const shown = heard.map((said) =>
        said
          .split("\n")
          .filter((line) => /^(?:TCP|RELAY|PROTO)/.test(line))
          .sort()
          .join("\n"),
      );
      return [shown.map((said) => bare(said, server.port)), bare(server.log.text(), server.port)];
    });
    assert.deepEqual(ours, theirs, name);
  }
});

test("wrong calls have the original's words and codes [U-001] [U-003] [U-006] [U-044] [U-045]", {
  skip: noOriginal,
}, async () => {
  const ended = async (file: string, args: readonly string[]): Promise<readonly [unknown, string, string]> => {
    const child = spawn(file, args, { env: { PATH: process.env.PATH }, stdio: ["ignore", "pipe", "pipe"] });
    const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "exit")]);
    return [code, out, err];
  };
  for (const words of [
    [],
    ["-z", "0", "0", "true"],
    ["-q"],
    ["0", "0"],
    ["--", "-v"],
    ["127.0.0.1", "no-such-service", "true"],
    ["192.0.2.1", "0", "true"],
    ["-vRHl0", "192.0.2.1", "0", "true"],
  ]) {
    const [ours, theirs] = await Promise.all([ended(multiCallPath, ["tcpserver", ...words]), ended(original, words)]);
    assert.deepEqual(ours, theirs, words.join(" "));
  }
});

test("standard input and output are let go of, and the port is said before the first status [U-010] [U-015]", async (t) => {
  const server = await start(t, "ours", ["-v", ...quiet, "127.0.0.1", "0", "cat"]);
  // All of standard output ends while the server goes on.
  assert.equal(await server.out, `${server.port}\n`);
  await server.log.until(/^tcpserver: status: 0\/40\n/);
  assert.equal(await talk(server.port, "still there"), "still there");
});

test("SIGTERM ends the server at once with 0, and leaves programs of a process of their own alone [U-039]", async (t) => {
  const server = await start(t, "ours", [...quiet, "127.0.0.1", "0", "cat"]);
  const socket = connect(server.port, "127.0.0.1");
  socket.write("before");
  await once(socket, "data");
  const over = once(server.process, "exit");
  server.process.kill();
  assert.deepEqual(await over, [0, null]);
  socket.write("after");
  assert.equal(String((await once(socket, "data"))[0]), "after");
  socket.end();
  await once(socket, "close");
});

test("SIGHUP reads the limit again, and drops nobody [U-111]", async (t) => {
  const path = join(folder, "limit");
  writeFileSync(path, "1\n");
  const server = await start(t, "ours", ["-v", "-c", path, ...quiet, "127.0.0.1", "0", "cat"]);
  const first = connect(server.port, "127.0.0.1");
  first.write("one");
  await once(first, "data");
  const second = talk(server.port, "two");
  writeFileSync(path, "2\n");
  server.process.kill("SIGHUP");
  assert.equal(await second, "two");
  first.write("three");
  assert.equal(String((await once(first, "data"))[0]), "three");
  await server.log.until(/status: 1\/1\n(?:.*\n)*.*status: 2\/2\n/);
  first.end();
  await once(first, "close");
});

test("the server becomes the user and the one group it is told, before it says its port [U-010] [U-013] [U-014]", {
  skip: notRoot || (!existsSync("/proc/self/status") && "needs /proc"),
}, async (t) => {
  const show = "grep -E '^(Uid|Gid|Groups):' /proc/$$/status | tr -s '\\t ' ' '";
  const ids = (uid: number, gid: number): RegExp =>
    new RegExp(`^Uid: ${uid} ${uid} ${uid} ${uid}\nGid: ${gid} ${gid} ${gid} ${gid}\nGroups: ${gid} ?\n$`);
  const given = await start(t, "ours", ["-u", "65533", "-g", "65532", ...quiet, "127.0.0.1", "0", "sh", "-c", show]);
  assert.match(await talk(given.port), ids(65_533, 65_532));
  const named = await start(t, "ours", ["-U", ...quiet, "127.0.0.1", "0", "sh", "-c", show], {
    UID: "65531",
    GID: "65530",
  });
  assert.match(await talk(named.port), ids(65_531, 65_530));
});

test("who is not root becomes nobody else [U-011] [U-012]", { skip: noOriginal }, async (t) => {
  const drop = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
  const ended = async (option: string): Promise<readonly [unknown, string]> => {
    const args = ["tcpserver", "-1", option, "1", ...quiet, "127.0.0.1", "0", "true"];
    const child = spawn(multiCallPath, args, {
      ...drop,
      cwd: "/",
      env: { PATH: process.env.PATH },
      stdio: ["ignore", "ignore", "pipe"],
    });
    const [err, [code]] = await Promise.all([text(child.stderr), once(child, "exit")]);
    return [code, err];
  };
  const [code, said] = await ended("-u");
  if (code !== 111 || !said.startsWith("tcpserver")) {
    t.skip(`user 65534 cannot read this checkout: ${said}`);
    return;
  }
  assert.equal(said, "tcpserver: fatal: unable to set uid: permission denied\n");
  assert.deepEqual(await ended("-g"), [111, "tcpserver: fatal: unable to set gid: permission denied\n"]);
});

test("-D sends small packets at once [U-043]", {
  skip: !existsSync("/usr/bin/python3") && "needs python3",
}, async (t) => {
  const script =
    "import socket; s = socket.socket(fileno=0); print(s.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY), s.getblocking() )";
  for (const [options, wanted] of [
    [["-D"], "1 True\n"],
    [["-D", "-d"], "0 True\n"],
  ] as const) {
    const server = await start(t, "ours", [...options, ...quiet, "127.0.0.1", "0", "/usr/bin/python3", "-c", script]);
    assert.equal(await talk(server.port), wanted);
  }
});

test("sockets handed on by systemd are used instead of a port [U-110]", async (t) => {
  const listening = createServer().listen(0, "127.0.0.1");
  await once(listening, "listening");
  const { port } = listening.address() as { port: number };
  const { fd } = (listening as unknown as { _handle: { fd: number } })._handle;
  // sh knows the number that the server will have, as systemd does.
  const script = 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"';
  const words = [multiCallPath, "tcpserver", "-v", ...quiet, "127.0.0.1", "1", "env"];
  const child = spawn("sh", ["-c", script, "sh", ...words], {
    stdio: ["ignore", "ignore", "pipe", fd],
  });
  const log = hear();
  assert.ok(child.stderr !== null);
  child.stderr.pipe(log.stream);
  t.after(async () => {
    const over = once(child, "exit");
    if (child.exitCode === null && child.kill()) await over;
  });
  listening.close();
  await log.until(/status: 0\/40\n/);
  const said = await talk(port);
  assert.match(said, new RegExp(`^TCPLOCALPORT=${port}$`, "m"));
  assert.doesNotMatch(said, /^LISTEN_/m);
});
